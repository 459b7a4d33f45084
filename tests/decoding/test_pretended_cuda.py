"""The engine on a CUDA device that is not there: devices of tensors, waiting, and what a recorded graph computes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from igsm import compilation
from igsm.decoding.detectors import Question
from igsm.decoding.engine import Engine, prepare
from igsm.decoding.rows import RowDecoder
from igsm.probing.detector import LearnedDetector
from tests.decoding.conftest import END, sharp_model
from tests.decoding.test_gpu import CONTEXT, DECODERS
from tests.pretended_cuda import EmulatedGraph, HostError, PretendedCuda, cuda, storage
from tests.probing.test_tree import tiny_probe

__all__ = ["cuda"]


@pytest.fixture(autouse=True)
def _plain_attention(monkeypatch):
    monkeypatch.setattr(compilation, "disabled", True)


def memory(*things: object) -> set[int]:
    """Names of all memory that the attributes of these hold."""
    found = set()
    for thing in things:
        if isinstance(thing, Tensor):
            found.add(storage(thing))
        elif isinstance(thing, torch.nn.Module):
            found |= memory(*thing.parameters(), *thing.buffers())
        elif isinstance(thing, list | tuple):
            found |= memory(*thing)
    return found


def run(name, model, requests, units, **options):
    beams, make = DECODERS[name]
    decoder = make(Engine(model, units * beams, CONTEXT, beams=beams, **options))
    return decoder, {g.index: (g.tokens, g.rollbacks) for g in decoder.run(requests)}


@pytest.mark.parametrize("canon", ["none", "AC"])
@pytest.mark.parametrize("name", DECODERS)
def test_graphs_change_nothing(name, canon, requests, cuda: PretendedCuda):
    """Guards: Python's values of the time of recording, results kept in memory of a graph, devices, waiting."""
    model = sharp_model({"none": 8, "AC": 3}[canon], canon)
    _, expected = run(name, model, requests, 11)
    with cuda:
        on_device = cuda.move(copy.deepcopy(model))
        decoder, found = run(name, on_device, requests, 11)
        known = memory(*vars(decoder).values(), *vars(decoder.engine).values(), *decoder.engine.cache.tensors)
        known |= memory(*(buffer for _, buffer in decoder.engine._recorded.values()))
    assert found == expected
    assert len(EmulatedGraph.made) > 1 or name in ("search", "beam", "regret beam")
    for graph in EmulatedGraph.made:
        assert set(graph.given) <= known
    assert sum(len(graph.calls) for graph in EmulatedGraph.made) > 100


@pytest.mark.parametrize("shape", [{}, {"qk_norm": True}, {"architecture": "llama"}, {"canon": "AC"}], ids=str)
@pytest.mark.parametrize("name", ["greedy", "search", "regret beam"])
def test_in_bfloat16_without_graphs(name, shape, requests, cuda: PretendedCuda):
    """Guards: dtypes of norms and cache, tensors made on the host in a step or a prefill."""
    model = prepare(sharp_model(8, **shape), "cpu", "bf16")
    with cuda:
        decoder, found = run(name, cuda.move(model), requests[:6], 5, graphs=False)
    assert sorted(found) == list(range(6))
    assert decoder.engine.cache.tensors[0][0].dtype == torch.bfloat16


def test_the_learned_detector(cuda: PretendedCuda):
    """Guards: the detector's own cache and inputs on the host."""
    questions = [Question(i, None, [1, 2, 3], [4, 5, i + 1]) for i in range(3)]
    probe = tiny_probe("AC")
    expected = LearnedDetector(probe, rows=2, context=16).probabilities(questions)
    with cuda:
        detector = LearnedDetector(cuda.move(copy.deepcopy(probe)), rows=2, context=16)
        assert detector.cache.tensors[0][0].device.type == "cuda"
        assert detector.probabilities(questions) == pytest.approx(expected)


class Faulty(RowDecoder):
    """Does what a recorded step must not, in one way."""

    fault = ""

    def step(self, numbers, longest):
        if self.fault == "reads":
            longest = int(self.length[numbers].max()) + 1
        if self.fault == "mixes":
            self.length[numbers] += torch.zeros(len(numbers), dtype=torch.int64)
        super().step(numbers, longest)
        if self.fault == "counts":
            self.n_calls = getattr(self, "n_calls", 0) + 1
            place = numbers, self.length[numbers]
            self.tokens[place] = (self.tokens[place] + self.n_calls % 2) % 24
        if self.fault == "keeps":
            self.length = torch.where(self.active, self.length, self.length)


@pytest.mark.parametrize("fault", ["", "reads", "mixes", "counts", "keeps"])
def test_what_a_graph_would_do_wrong_is_seen(fault, model, requests, cuda: PretendedCuda, monkeypatch):
    """The test of the tests: a step that reads, mixes devices, counts in Python or keeps a graph's memory."""
    monkeypatch.setattr(Faulty, "fault", fault)
    monkeypatch.setitem(DECODERS, "faulty", (1, lambda engine: Faulty(engine, END)))
    _, right = run("faulty", model, requests, 5)
    seen = False
    with cuda:
        on_device = cuda.move(copy.deepcopy(model))
        try:
            seen = run("faulty", on_device, requests, 5)[1] != right
        except (HostError, IndexError, RuntimeError, ValueError):
            seen = True
    assert seen == (fault != "")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x + torch.ones(3),
        lambda x: x.numpy(),
        lambda x: x[torch.tensor([1])],
        lambda x: torch.cat((x, torch.ones(3))),
        lambda x: x.__setitem__(slice(0, 2), torch.ones(2)),
    ],
)
def test_two_devices_are_seen(wrong, cuda: PretendedCuda):
    with cuda:
        x = torch.ones(3, device="cuda")
        assert (x[1:] * 2 + torch.tensor(1.0)).device.type == "cuda"
        assert x.cpu().device.type == "cpu"
        assert (x.cpu() + torch.ones(3)).tolist() == [2.0] * 3
        with pytest.raises(HostError):
            wrong(x)


@pytest.mark.parametrize(
    "wrong", [lambda x: x.sum().item(), lambda x: x.tolist(), lambda x: x[x > 0], lambda x: x.cpu()]
)
def test_waiting_is_seen(wrong, cuda: PretendedCuda):
    with cuda:
        x = torch.ones(3, device="cuda")
        wrong(x)
        with pytest.raises(HostError), cuda.without_waiting():
            wrong(x)
