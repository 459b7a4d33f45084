"""Memory of a GPU: what cannot fit is refused before, and what runs out is one line."""

from __future__ import annotations

import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding import devices
from igsm.decoding.cache import Cache, row_bytes
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.engine import Engine, buckets
from igsm.decoding.loop import Request
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig
from tests.decoding.test_gpu import DECODERS
from tests.pretended_cuda import PretendedCuda, cuda

__all__ = ["cuda"]

GIB = 2**30


def test_rows_that_cannot_fit_are_refused_before(monkeypatch):
    monkeypatch.setattr(devices, "free_memory", lambda device: 10 * GIB)
    devices.check_rows("cuda:0", 10, GIB)
    devices.check_rows("cpu", 11, GIB)
    with pytest.raises(
        InputError, match=r"cuda:0: the cache of 11 rows takes 11\.8 GB, 10\.7 GB are free; .* at most 8"
    ):
        devices.check_rows("cuda:0", 11, GIB)


@pytest.mark.parametrize(
    ("beams", "free", "rows"), [(1, 80, 256), (4, 80, 256), (32, 80, 655), (1, 1, 8), (256, 1, 256)]
)
def test_default_rows_are_lowered_before(beams, free, rows):
    assert devices.fitting_batch(free * GIB, beams, 75 * 2**20) == rows


@pytest.mark.parametrize(
    ("beams", "row_bytes", "rows"),
    [(1, 2**19, 256), (16, 2**17, 1024), (1, 2**22, 64), (1, 2**26, 32), (16, 2**26, 128)],
)
def test_a_cpu_takes_more_rows_of_small_models(beams, row_bytes, rows):
    assert devices.default_batch("cpu", beams, row_bytes) == rows


def failed_recording():
    """What torch raises where memory runs out within a recording."""
    try:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), failed_recording()])
def test_out_of_memory_is_one_line(error, monkeypatch):
    """Guards: a stack trace that says nothing of --batch; results of before that are lost."""
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"))
    model = GPT(ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=vocabulary.size))
    requests = [Request(i, [3, 5, 7], i, max_new_tokens=4) for i in range(12)]
    real, found, filled = Engine.prefill, [], []

    def full(self, prompts, rows):
        filled.append(rows)
        if len(filled) > 1:
            raise error
        real(self, prompts, rows)

    monkeypatch.setattr(Engine, "prefill", full)
    message = r"^cpu: out of memory with 4 rows of up to 64 positions; give a smaller --batch or --context; .* stays$"
    with Decoding(model, parse_decoder("greedy"), vocabulary, devices=["cpu"], batch=4, context=64) as decoding:
        results = iter(decoding.run(requests))
        found.append(next(results))
        with pytest.raises(InputError, match=message):
            found.extend(results)
    assert found


def test_the_plan(mistakes, requests, model, cuda: PretendedCuda):
    """Guards: a plan that says other sizes than the engine takes; a GPU that is needed for it."""
    code, out, err = mistakes(
        "bench", "decode", "--plan", "80", "--layers", "12", "--heads", "12", "--decoders", "greedy,beam32"
    )
    assert (code, err) == (0, "")
    greedy, beams = (next(line for line in out.splitlines() if name in line) for name in ("greedy", "beam32"))
    units, lengths = buckets(256, 1, 2048)
    assert f" {len(units) * len(lengths)} " in greedy
    assert " 256 " in greedy
    assert "lowered" in beams
    slots = GPT(ModelConfig(layers=1, heads=12, vocabulary_size=100)).slots * 12
    cache = row_bytes(slots, 2048, torch.bfloat16) * 257
    assert cache == Cache(slots, 257, 2048, torch.bfloat16, "meta").nbytes
    assert f"{cache / 1e9:.1f}" in greedy
    # The engine records no other sizes than these.
    with cuda:
        decoder = DECODERS["greedy"][1](Engine(cuda.move(GPT(model.config).eval()), 20, 48))
        list(decoder.run(requests))
        recorded = {key[1:] for key in decoder.engine._recorded}
    sizes, lengths = buckets(20, 1, 48)
    assert recorded
    assert recorded <= {(size, length) for size in sizes for length in lengths}


def test_logits_are_in_full_float32_beside_training():
    """Guards: other greedy choices in an evaluation during training than in one after it."""
    torch.set_float32_matmul_precision("high")
    try:
        with devices.kernels_chosen("cuda:0"):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
