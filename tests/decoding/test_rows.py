"""Greedy decoding and sampling."""

from __future__ import annotations

import dataclasses
from functools import partial

import pytest
import torch
from scipy import stats

from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rows import RowDecoder, sample
from igsm.decoding.streams import problem_key, uniforms
from igsm.errors import InputError
from tests.decoding.conftest import END, Chain, prefer

CONTEXT = 48


def texts(model, requests, rows=5, **options):
    decoder = RowDecoder(Engine(model, rows, CONTEXT), END, **options)
    return {g.index: g.tokens for g in decoder.run(requests)}


@torch.no_grad()
def by_full_forward(model, prompt):
    tokens = list(prompt)
    while len(tokens) < CONTEXT:
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
        if tokens[-1] == END:
            break
    return tokens[len(prompt) :]


def test_greedy_is_the_argmax_of_full_forward_passes(any_model, requests):
    """Guards the cache: a wrong position, a stale key or a mask off by one changes some token."""
    found = texts(any_model, requests)
    expected = {r.index: by_full_forward(any_model, r.prompt) for r in requests}
    assert found == expected
    assert sum(t[-1] == END for t in found.values()) > 3, "hardly any end: the test shows little"
    assert sum(len(set(t)) for t in found.values()) > 100, "hardly any variety: the test shows little"


@pytest.mark.parametrize(
    "options", [{}, {"sampling": True}, {"sampling": True, "draw": partial(sample, temperature=0.7, top_k=5)}]
)
def test_rows_batches_and_order_do_not_matter(model, requests, options):
    """Guards refilling and the random streams: results once depended on the slot a problem was put in."""
    expected = texts(model, requests, rows=1, **options)
    assert texts(model, requests, rows=30, **options) == expected
    assert texts(model, requests[::-1], rows=4, **options) == expected
    assert texts(model, requests, rows=7, sync_every=5, **options) == expected


def test_problems_have_their_own_streams(model, requests):
    """Guards against one stream for all: equal prompts must differ when sampled, equal keys must not."""
    prompt = requests[3].prompt
    same = [Request(i, prompt, problem_key(9, 4)) for i in range(3)]
    other = [Request(i, prompt, problem_key(9, i)) for i in range(8)]
    assert len({tuple(t) for t in texts(model, same, sampling=True).values()}) == 1
    assert len({tuple(t) for t in texts(model, other, sampling=True).values()}) > 4


def test_sampling_has_the_models_distribution():
    """Guards the inverse cumulative distribution: chi-square of 20,000 draws from known logits."""
    logits = torch.tensor([[1.0, -2.0, 0.5, 0.0, 3.0, -torch.inf]])
    n = 20000
    key = torch.full((n,), 77)
    uniform = uniforms(key, torch.zeros(n, dtype=torch.int64), torch.arange(n))
    for temperature, top_k in ((1.0, 0), (0.5, 0), (1.0, 3)):
        drawn = sample(logits.expand(n, -1), uniform, temperature, top_k)
        kept = logits[0].clone()
        if top_k:
            kept[kept < kept.topk(top_k).values[-1]] = -torch.inf
        probability = (kept / temperature).softmax(-1)
        possible = probability > 0
        counts = torch.bincount(drawn, minlength=6)
        assert counts[~possible].sum() == 0
        expected = (probability[possible].double() / probability[possible].double().sum() * n).tolist()
        assert stats.chisquare(counts[possible].tolist(), expected).pvalue > 1e-3


def test_uniforms_do_not_repeat():
    """Guards the hash: neighbouring keys, attempts and positions must share nothing."""
    grid = torch.cartesian_prod(torch.arange(20), torch.arange(10), torch.arange(100))
    numbers = uniforms(grid[:, 0], grid[:, 1], grid[:, 2])[:, 0]
    assert len(numbers.unique()) > 0.998 * len(numbers)
    assert stats.kstest(numbers.numpy(), "uniform").pvalue > 1e-3
    lagged = torch.corrcoef(torch.stack((numbers[1:], numbers[:-1])))[0, 1]
    assert abs(lagged) < 0.03


def test_ties_go_to_the_first_token():
    """Guards determinism on equal logits: the lowest id, as argmax of a full forward pass."""
    model = Chain(lambda token, position: [0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    assert texts(model, [Request(0, [3], max_new_tokens=4)])[0] == [1, 1, 1, 1]


def test_end_is_kept_and_nothing_follows():
    """Guards the stop test, with results looked at late: a finished row must not move on."""
    model = Chain(lambda token, position: prefer(6, END if token == 4 else token + 1))
    decoder = RowDecoder(Engine(model, 2, CONTEXT), END, sync_every=7)
    (generation,) = decoder.run([Request(0, [5, 1])])
    assert generation.tokens == [2, 3, 4, END]
    assert generation.finished
    assert generation.n_generated == 4


def test_a_full_row_stops_at_the_context():
    """Guards the last column: exactly `context` tokens in all, marked as unfinished."""
    model = Chain(lambda token, position: prefer(6, 2))
    decoder = RowDecoder(Engine(model, 2, 10), END, sync_every=4)
    (generation,) = decoder.run([Request(0, [1, 1, 1])])
    assert generation.tokens == [2] * 7
    assert not generation.finished


@pytest.mark.parametrize("prompt", [[1] * CONTEXT, []])
def test_a_prompt_that_cannot_fit_is_refused(model, requests, prompt):
    """Guards against silent truncation; the message names the problem."""
    bad = dataclasses.replace(requests[0], index=1234, prompt=prompt)
    with pytest.raises(InputError, match="1234"):
        texts(model, [*requests, bad])
