"""Decoders by name: what a name becomes, which ones are refused, what the help says."""

from __future__ import annotations

import re
from operator import attrgetter

import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.beam import BeamDecoder
from igsm.decoding.decoders import DECODERS, parse_decoder
from igsm.decoding.detectors import make_detector
from igsm.decoding.engine import Engine
from igsm.decoding.regret import RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder, ScoredRowDecoder
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("greddy", "did you mean 'greedy'"),
        ("beam0", "1 to 256"),
        ("regret", "needs a detector"),
        ("regret-q", "unknown detector"),
        ("greedy-p", "only regret, vote, best and step_beam have a detector"),
        ("sample:0", "above 0"),
        ("regret-p@runs/x", "name of its own"),
        ("vote8@runs/x", "name of its own"),
        ("regret-silent@runs/x", "name of its own"),
        ("regret-noisy:1@runs/x", "name of its own"),
        ("regret-" + 80 * "v" + "@runs/x", "at most 80"),
        ("greedy:0.5:3", "have a temperature"),
        ("beam1:0.7", "one beam is greedy decoding"),
        ("regret-runs/v1@runs/v1", "unknown decoder"),
    ],
)
def test_bad_decoders_are_refused(text, message):
    """Guards against a typo that runs another decoder."""
    with pytest.raises(InputError, match=message):
        parse_decoder(text)


def test_decoder_names():
    """Guards the names used by sweeps and folders."""
    assert parse_decoder("beam4").beams == 4
    assert parse_decoder("beam4").sampling
    assert not parse_decoder("search4").sampling
    assert parse_decoder("beam1").sampling is False
    assert parse_decoder("regret-p50").max_rollbacks == 50
    learned = parse_decoder("regret_beam4-version1@runs/a-b@c")
    assert learned.name == "regret_beam4-version1"
    assert learned.detector.folder == "runs/a-b@c"
    assert parse_decoder("regret-noisy:0.01:0.2").detector.false_negative == 0.2


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("greedy", RowDecoder, {"always_sample": False}),
        ("sample:0.7:50", RowDecoder, {"always_sample": True, "draw.keywords": {"temperature": 0.7, "top_k": 50}}),
        ("beam4:0.5:9", BeamDecoder, {"always_sample": True, "temperature": 0.5, "top_k": 9}),
        ("search4", BeamDecoder, {"always_sample": False}),
        ("vote8:0.7", ScoredRowDecoder, {"always_sample": True, "draw.keywords": {"temperature": 0.7, "top_k": 0}}),
        ("regret-p50", RegretDecoder, {"always_sample": False, "max_rollbacks": 50}),
        ("regret_beam4-p", RegretBeamDecoder, {"always_sample": True, "max_rollbacks": 10}),
    ],
)
def test_names_become_their_decoders(name, kind, expected):
    """Guards the way from a name to what is run: each setting arrives."""
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"))
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=vocabulary.size))
    decoder = parse_decoder(name)
    made = decoder.build(Engine(model, 4, 32, beams=decoder.beams), vocabulary, make_detector)
    assert type(made) is kind
    assert made.end == vocabulary.end
    assert {key: attrgetter(key)(made) for key in expected} == expected


@pytest.mark.parametrize("kind", DECODERS)
def test_what_the_help_says_is_so(kind):
    """Guards two decoders that claim one name, and lines of the help or suggestions that no decoder takes."""
    assert kind.lines
    assert kind.examples
    for name in [*kind.examples, *(name for name, _ in kind.lines)]:
        assert type(parse_decoder(name)) is kind
        assert [one for one in DECODERS if re.match(rf"({one.head})([:@-]|$)", name)] == [kind]
