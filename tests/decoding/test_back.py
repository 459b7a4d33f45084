"""Greedy decoding with a bias on BACK."""

from __future__ import annotations

import math

import pytest

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.errors import InputError
from igsm.problems.difficulty import ProblemConfig
from tests.decoding.conftest import Chain

VOCABULARY = load_vocabulary(ProblemConfig(difficulty="nano"))
BACK, STOP, OTHER = (int(VOCABULARY.from_gpt2[VOCABULARY.encode_text(word)][0]) for word in (" BACK", ".", " Define"))


def rule(token: int, position: int) -> list[float]:
    """BACK is 3 behind " Define" at even positions, 5 ahead of "." at odd ones; the tenth token ends."""
    logits = [-30.0] * VOCABULARY.size
    if position == 10:
        logits[VOCABULARY.end] = 0.0
    elif position % 2:
        logits[BACK], logits[STOP] = 5.0, 0.0
    else:
        logits[BACK], logits[OTHER] = 0.0, 3.0
    return logits


def continued(name: str) -> list[int]:
    engine = Engine(Chain(rule), 1, 32)
    decoder = parse_decoder(name).build(engine, VOCABULARY, lambda *_: None)
    (found,) = decoder.run([Request(0, [STOP])])
    return found.tokens[:4]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("greedy", [OTHER, BACK, OTHER, BACK]),
        ("force_back0", [OTHER, BACK, OTHER, BACK]),
        ("force_back2.9", [OTHER, BACK, OTHER, BACK]),
        ("force_back3.1", [BACK, BACK, BACK, BACK]),
        ("force_back-4.9", [OTHER, BACK, OTHER, BACK]),
        ("force_back-5.1", [OTHER, STOP, OTHER, STOP]),
        ("no_back", [OTHER, STOP, OTHER, STOP]),
    ],
)
def test_back_is_taken_as_readily_as_the_bias_says(name, expected):
    assert continued(name) == expected


def test_names():
    assert parse_decoder("no_back").bias == -math.inf
    assert (parse_decoder("force_back-2.5").bias, parse_decoder("force_back-2.5").name) == (-2.5, "force_back-2.5")
    for wrong in ("force_back", "no_back2", "force_back1-p", "no_back:0.7"):
        with pytest.raises(InputError):
            parse_decoder(wrong)
