"""Beam search on models of known logits, and its independence of batching."""

from __future__ import annotations

import math
from itertools import chain

import pytest
import torch

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.errors import InputError
from tests.decoding.conftest import END, Chain, prefer

CONTEXT = 48


def results(model, requests, units=3, beams=4, context=CONTEXT, **options):
    engine = Engine(model, units * beams, context, beams=beams)
    for left_over in chain(*engine.cache.tensors):
        left_over.fill_(1e3)  # of an earlier use: nobody may read it
    engine.source.random_(0, beams)
    return {g.index: g for g in BeamDecoder(engine, END, **options).run(requests)}


@pytest.mark.parametrize("sampling", [False, True])
def test_batches_and_order_do_not_matter(model, requests, sampling):
    """Guards refilling, the source table of finished units and the streams."""

    def tokens(*arguments, **options):
        return {i: g.tokens for i, g in results(model, *arguments, sampling=sampling, **options).items()}

    expected = tokens(requests, units=1)
    assert tokens(requests, units=40) == expected
    assert tokens(requests[::-1], units=5, sync_every=6) == expected


def test_scores_are_those_of_full_forward_passes(any_model, requests):
    """Guards the cache under reordering: a beam reading its neighbour's keys gets another score."""
    for sampling in (False, True):
        for index, generation in results(any_model, requests, sampling=sampling).items():
            prompt = list(requests[index].prompt)
            with torch.no_grad():
                logits = any_model(torch.tensor([prompt + generation.tokens]))[0, len(prompt) - 1 : -1]
            chosen = logits.log_softmax(-1).gather(1, torch.tensor(generation.tokens)[:, None])
            assert math.isclose(generation.score, float(chosen.mean()), rel_tol=1e-3, abs_tol=1e-3)


def test_a_beam_that_ends_leaves_the_others_running():
    """Guards an end inside a beam: ending at once (log 0.4) loses to two sure tokens after log 0.6."""

    def rule(token, position):
        logits = [-30.0] * 4
        if token == 1:
            logits[END], logits[2] = math.log(0.4), math.log(0.6)
        else:
            logits[END if token == 3 else 3] = 0.0
        return logits

    generation = results(Chain(rule), [Request(0, [1])], beams=2)[0]
    assert generation.tokens == [2, 3, END]
    assert math.isclose(generation.score, math.log(0.6) / 3, rel_tol=1e-4)


def test_all_beams_finished_stops():
    """Guards the stop test: with as many finished hypotheses as beams and none better running, nothing goes on."""
    calls = []

    def rule(token, position):
        calls.append(position)
        return prefer(5, END, 1, 2)

    generation = results(Chain(rule), [Request(0, [3])], beams=2, units=1)[0]
    assert generation.tokens == [END]
    assert max(calls) < 10


def test_the_context_ends_a_search():
    """Guards the last column with beams; unfinished, and as long as the context allows."""
    generation = results(Chain(lambda token, position: prefer(5, 2, 1)), [Request(0, [1])], context=9)[0]
    assert generation.tokens == [2] * 8
    assert not generation.finished


@pytest.mark.parametrize("units", [1, 2, 5])
def test_ties_fall_alike_in_every_batch(units):
    """Guards the choice among continuations of one score: by place in the batch, equal problems would differ."""
    requests = [Request(i, [1], max_new_tokens=3) for i in range(5)]
    tied = results(Chain(lambda t, p: [0.0] * 5), requests, units, beams=2)
    assert len({tuple(generation.tokens) for generation in tied.values()}) == 1
    assert tied[0].score == pytest.approx(-math.log(5))


def test_one_beam_is_refused():
    """Guards the class against use as greedy decoding, which transformers does not call beam search."""
    with pytest.raises(InputError, match="beam"):
        BeamDecoder(Engine(Chain(lambda t, p: [0.0] * 4), 2, 8), END)
