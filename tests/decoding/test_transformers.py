"""Token for token the same as transformers' generate on the same weights."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
import torch
from scipy import stats

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rows import RowDecoder
from igsm.decoding.streams import problem_key
from tests.decoding.conftest import END

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")
CONTEXT = 48


@pytest.fixture(scope="module")
def twin(model):
    from benchmarks.neox import neox_twin

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return neox_twin(model, END)


def theirs(twin, prompt, **options):
    from benchmarks.neox import generate

    return generate(twin, [list(prompt)], END, max_length=CONTEXT, **options)[0]


def test_the_twin_computes_the_same_logits(model, twin):
    """Guards the comparison itself."""
    ids = torch.randint(1, 24, (3, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(model(ids), twin(ids).logits, atol=1e-3)


def test_greedy(model, twin, requests):
    """Guards positions and stopping against an independent implementation."""
    decoder = RowDecoder(Engine(model, 6, CONTEXT), END)
    for generation in decoder.run(requests):
        assert generation.tokens == theirs(twin, requests[generation.index].prompt, do_sample=False)


@pytest.mark.parametrize("beams", [2, 4, 7])
@pytest.mark.parametrize("length_penalty", [1.0, 0.0, 2.0])
def test_beam_search(model, twin, requests, beams, length_penalty):
    """Guards candidates, finished hypotheses, early stop, length penalty, and the shared, never copied cache."""
    engine = Engine(model, 3 * beams, CONTEXT, beams=beams)
    decoder = BeamDecoder(engine, END, length_penalty=length_penalty)
    found = {g.index: g.tokens for g in decoder.run(requests)}
    assert len(found) == len(requests)
    for request in requests:
        expected = theirs(twin, request.prompt, do_sample=False, num_beams=beams, length_penalty=length_penalty)
        assert found[request.index] == expected


def test_beam_sampling_in_distribution(model, twin):
    """Guards beam-search multinomial sampling: chi-square of 600 final sequences from each implementation."""
    beams, count, new = 2, 600, 3
    prompt = [3, 7]
    engine = Engine(model, 100 * beams, CONTEXT, beams=beams)
    decoder = BeamDecoder(engine, END, sampling=True, max_new_tokens=new, temperature=3.0)
    ours = Counter(tuple(g.tokens) for g in decoder.run([Request(i, prompt, problem_key(2, i)) for i in range(count)]))
    from benchmarks.neox import generate

    torch.manual_seed(0)
    options = {"do_sample": True, "num_beams": beams, "max_new_tokens": new, "top_k": 0, "temperature": 3.0}
    others = Counter(map(tuple, generate(twin, [prompt] * count, END, **options)))
    common = [s for s in ours | others if ours[s] + others[s] >= 10]
    assert len(common) >= 5
    table = [[c[s] for s in common] + [count - sum(c[s] for s in common)] for c in (ours, others)]
    assert (
        stats.chi2_contingency([row if sum(row) else row for row in zip(*table, strict=True) if sum(row)]).pvalue > 1e-3
    )
