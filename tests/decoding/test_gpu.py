"""The engine on CUDA: graphs, Triton attention and late syncs against plain calls."""

from __future__ import annotations

import copy

import pytest
import torch

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.engine import Engine
from igsm.decoding.regret import Markers, RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder
from tests.decoding.conftest import END

pytestmark = pytest.mark.gpu
CONTEXT = 48


class Odd:
    """Regrets every other prefix."""

    def regrets(self, questions):
        return [sum(q.tokens) % 2 == 0 for q in questions]


MARKERS = Markers((), 22, 11)
DECODERS = {
    "greedy": (1, lambda engine: RowDecoder(engine, END)),
    "sample": (1, lambda engine: RowDecoder(engine, END, sampling=True)),
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
        results.append({g.index: (g.tokens, g.retries) for g in decoder.run(requests)})
    assert torch.cuda.is_available()
    assert results[1] == results[0]
    assert results[2] == results[1]
    assert results[3] == results[1]
