"""Nucleus sampling: which tokens can be drawn, how often, and when it is plain sampling."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from scipy import stats

from igsm.decoding.decoders import parse_decoder
from igsm.decoding.decoders.topp import nucleus
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rows import RowDecoder, sample
from igsm.decoding.streams import problem_key, uniforms
from igsm.errors import InputError
from tests.decoding.conftest import END, Chain

PROBABILITIES = torch.tensor([0.04, 0.3, 0.1, 0.5, 0.05, 0.01])


@pytest.mark.parametrize(
    ("settings", "possible"),
    [
        ({"p": 0.4}, [3]),
        ({"p": 0.5 + 1e-6}, [1, 3]),
        ({"p": 0.85}, [1, 2, 3]),
        ({"p": 0.95 + 1e-6}, [0, 1, 2, 3, 4]),
        ({"p": 1.0}, [0, 1, 2, 3, 4, 5]),
        # squared and scaled: 0.71 0.26 0.03
        ({"p": 0.95, "temperature": 0.5}, [1, 3]),
        # of two: 0.625 0.375
        ({"p": 0.6, "top_k": 2}, [3]),
    ],
)
def test_the_nucleus_and_its_distribution(settings, possible):
    """Guards: the token that crosses p left out, a limit before the temperature, shares that are not rescaled."""
    n = 20000
    uniform = uniforms(torch.full((n,), 5), torch.zeros(n, dtype=torch.int64), torch.arange(n))
    counts = torch.bincount(nucleus(PROBABILITIES.log().expand(n, -1), uniform, **settings), minlength=6)
    expected = PROBABILITIES[possible].double() ** (1 / settings.get("temperature", 1.0))
    assert counts.nonzero()[:, 0].tolist() == possible
    if len(possible) > 1:
        shares = (expected / expected.sum() * n).tolist()
        assert stats.chisquare(counts[possible].tolist(), shares).pvalue > 1e-3


def test_of_equally_probable_tokens_the_first_stay():
    """Guards results that hang on the order in which a device sorts equals."""
    uniform = torch.linspace(0.001, 0.999, 50)[:, None]
    found = nucleus(torch.zeros(50, 8), uniform, p=0.5)
    assert found.unique().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.7, 5)])
def test_all_of_the_probability_is_plain_sampling(model, requests, temperature, top_k):
    """Guards the order in which tokens are laid out: the same numbers must draw the same tokens."""
    engine = Engine(model, 5, 48)

    def texts(draw):
        return {g.index: g.tokens for g in RowDecoder(engine, END, sampling=True, draw=draw).run(requests)}

    settings = {"temperature": temperature, "top_k": top_k}
    assert texts(partial(nucleus, p=1.0, **settings)) == texts(partial(sample, **settings))


def test_a_small_nucleus_is_greedy():
    """Guards the way from a name to drawn tokens: 0.6 of the probability is the first token alone, 0.7 is two."""
    model = Chain(lambda token, position: torch.tensor([0.0, 0.6, 0.4]).log().tolist())
    requests = [Request(i, [1], problem_key(i), max_new_tokens=8) for i in range(6)]
    found = {}
    for p in (0.6 - 1e-6, 0.7):
        draw = partial(nucleus, p=p)
        texts = [g.tokens for g in RowDecoder(Engine(model, 3, 16), END, sampling=True, draw=draw).run(requests)]
        found[p] = {token for text in texts for token in text}
    assert list(found.values()) == [{1}, {1, 2}]


def test_names():
    """Guards settings that do not arrive, and a share of probability that is none."""
    decoder = parse_decoder("topp:0.9:0.7:50")
    assert (decoder.p, decoder.temperature, decoder.top_k, decoder.name) == (0.9, 0.7, 50, "topp:0.9:0.7:50")
    for name, message in (
        ("topp:0", "above 0, at most 1"),
        ("topp:1.5", "unknown"),
        ("topp", "did you mean 'topp:0.9'"),
    ):
        with pytest.raises(InputError, match=message):
            parse_decoder(name)
