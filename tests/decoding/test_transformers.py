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

TRANSFORMERS: str = pytest.importorskip("transformers").__version__
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


def draws_of_both(model, twin, beams, new, temperature, count=2000):
    """How often each sequence is drawn: by ours, and by transformers."""
    from benchmarks.neox import generate

    prompt = [3, 7]
    decoder = BeamDecoder(
        Engine(model, 500 * beams, CONTEXT, beams=beams),
        END,
        sampling=True,
        temperature=temperature,
    )
    requests = [Request(i, prompt, problem_key(2, i), max_new_tokens=new) for i in range(count)]
    ours = Counter(tuple(g.tokens) for g in decoder.run(requests))
    torch.manual_seed(0)
    options = {"do_sample": True, "num_beams": beams, "max_new_tokens": new, "top_k": 0, "temperature": temperature}
    return ours, Counter(map(tuple, generate(twin, [prompt] * count, END, **options)))


def p_value(ours, theirs):
    """Chi-square that both have one distribution; sequences seen fewer than ten times are one class."""
    common = [s for s in ours | theirs if ours[s] + theirs[s] >= 10]
    assert len(common) >= 4, "too few classes: the test shows nothing"
    table = [[c[s] for s in common] + [c.total() - sum(c[s] for s in common)] for c in (ours, theirs)]
    return stats.chi2_contingency([column for column in zip(*table, strict=True) if sum(column)]).pvalue


# Seen: 5.17 draws from beams in another distribution, 5.24 in ours.
@pytest.mark.skipif(tuple(map(int, TRANSFORMERS.split(".")[:2])) < (5, 24), reason="older beam sampling")
@pytest.mark.parametrize(("beams", "new", "temperature"), [(4, 1, 3.0), (4, 6, 1.0), (3, 4, 2.0), (8, 5, 1.5)])
def test_beam_sampling_in_distribution(model, twin, monkeypatch, beams, new, temperature):
    """Guards beam-search multinomial sampling: the drawn candidates compete best first, not as they were drawn.

    Without the sort, the same draws have another distribution, and the test must see it.
    """
    ours, theirs = draws_of_both(model, twin, beams, new, temperature)
    assert p_value(ours, theirs) > 0.01
    monkeypatch.setattr(BeamDecoder, "_best_first", staticmethod(lambda score, candidates: (score, candidates)))
    unsorted, _ = draws_of_both(model, twin, beams, new, temperature)
    assert p_value(unsorted, theirs) < 1e-9
