"""The engine on CUDA: graphs, Triton attention and late syncs against plain calls."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.beam import BeamDecoder
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.decoders.topp import nucleus
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.regret import RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder
from igsm.decoding.run import Decoding
from igsm.decoding.sentences import Markers
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from tests.decoding.conftest import END

pytestmark = pytest.mark.gpu
CONTEXT = 48


@pytest.mark.parametrize(
    "settings", [{}, {"qk_norm": True}, {"architecture": "llama"}, {"head_size": 48}, {"canon": "AC"}], ids=str
)
@pytest.mark.parametrize("name", ["greedy", "beam4", "regret-p", "regret_beam4-p"])
def test_decode_in_bfloat16(settings, name):
    """Guards what only the whole path meets: dtypes of norms and cache, long contexts, head sizes, refilling."""
    problems = ProblemConfig(difficulty="nano", split="test")
    vocabulary, source = load_vocabulary(problems), ProblemSource(problems, 1)
    torch.manual_seed(0)
    shape = {"layers": 2, "heads": 2, "vocabulary_size": vocabulary.size} | settings
    asked = [source.problem(i) for i in range(12)]
    prompts = [vocabulary.prompt(problem).tolist() for problem in asked]
    requests = [Request(i, prompt, i, problem) for i, (prompt, problem) in enumerate(zip(prompts, asked, strict=True))]
    model = GPT(ModelConfig(**shape))
    options = {"devices": ["cuda:0"], "precision": "bf16", "batch": 16, "context": 600}
    with Decoding(model, parse_decoder(name), vocabulary, **options) as decoding:
        found = list(decoding.run(requests))
        again = list(decoding.run(requests))  # by the graphs recorded before, from another thread
    assert {g.index: g.tokens for g in again} == {g.index: g.tokens for g in found}
    assert sorted(g.index for g in found) == list(range(12))
    for generation in found:
        length = len(prompts[generation.index]) + len(generation.tokens)
        assert generation.finished or length == 600
        assert all(0 <= token < vocabulary.size for token in generation.tokens)


def test_cache_is_freed():
    """Guards against recorded graphs that keep the cache of every cell evaluated so far."""
    problems = ProblemConfig(difficulty="nano", split="test")
    vocabulary, source = load_vocabulary(problems), ProblemSource(problems, 1)
    model = GPT(ModelConfig(layers=2, heads=2, vocabulary_size=vocabulary.size)).cuda()
    asked = [source.problem(i) for i in range(12)]
    requests = [Request(i, vocabulary.prompt(one).tolist(), i, one, 20) for i, one in enumerate(asked)]
    used = []
    for _ in range(3):
        with Decoding(model, parse_decoder("greedy"), vocabulary, devices=["cuda:0"]) as decoding:
            assert len(list(decoding.run(requests))) == 12
        del decoding
        used.append(torch.cuda.memory_allocated())
    assert used[1] == used[2]


class Odd:
    """Regrets every other prefix."""

    def regrets(self, questions):
        return [sum(q.tokens) % 2 == 0 for q in questions]


MARKERS = Markers((), 22, 11)
DECODERS = {
    "greedy": (1, lambda engine: RowDecoder(engine, END)),
    "sample": (1, lambda engine: RowDecoder(engine, END, sampling=True)),
    "nucleus": (1, lambda engine: RowDecoder(engine, END, sampling=True, draw=partial(nucleus, p=0.9))),
    "search": (4, lambda engine: BeamDecoder(engine, END)),
    "beam": (4, lambda engine: BeamDecoder(engine, END, sampling=True)),
    "regret": (1, lambda engine: RegretDecoder(engine, END, detector=Odd(), markers=MARKERS)),
    "regret beam": (4, lambda engine: RegretBeamDecoder(engine, END, detector=Odd(), markers=MARKERS)),
}


@pytest.mark.parametrize("name", DECODERS)
def test_graphs_change_nothing(model, requests, name):
    """Guards captured pointers, padding with scratch rows and buckets: the CPU's results, graphs or not."""
    beams, make = DECODERS[name]
    on_gpu = copy.deepcopy(model).cuda()
    results = []
    for which, graphs, units in ((model, False, 5), (on_gpu, False, 5), (on_gpu, True, 5), (on_gpu, True, 23)):
        decoder = make(Engine(which, units * beams, CONTEXT, beams=beams, graphs=graphs))
        results.append({g.index: (g.tokens, g.rollbacks) for g in decoder.run(requests)})
    assert torch.cuda.is_available()
    assert results[1] == results[0]
    assert results[2] == results[1]
    assert results[3] == results[1]
