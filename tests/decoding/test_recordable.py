"""A step can be recorded as a CUDA graph: it asks for no value, brings none from the host, and moves no tensor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from igsm import compilation
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import DECODERS, parse_decoder
from igsm.decoding.engine import Engine
from igsm.decoding.fusion import Fused
from igsm.decoding.loop import Request
from igsm.mistakes.layout import Mark
from igsm.model import GPT, ModelConfig
from igsm.model.config import CopilotConfig
from igsm.model.copilot import Copilot
from igsm.problems.difficulty import ProblemConfig

WAITS = ("_local_scalar_dense", "nonzero", "lift_fresh", "is_nonzero", "equal", "masked_select", "unique", "resize_")


def _refused(*_: object) -> None:
    raise AssertionError("a list or an array in a recorded step")


class OnTheDevice(TorchDispatchMode):
    """Refuses what waits for a device, or has a shape that only the device knows."""

    def __enter__(self):
        Tensor.tolist = Tensor.numpy = _refused  # no operations: on a CPU they read the memory
        return super().__enter__()

    def __exit__(self, *error):
        del Tensor.tolist, Tensor.numpy
        return super().__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        indices = args[1] if name.startswith("index") and len(args) > 1 and isinstance(args[1], list | tuple) else ()
        by_mask = any(isinstance(index, Tensor) and index.dtype == torch.bool for index in indices)
        assert name not in WAITS, f"{name} in a recorded step"
        assert not by_mask, f"{name} by a mask in a recorded step"
        return func(*args, **(kwargs or {}))


def tensors(thing: object) -> Iterator[Tensor]:
    found = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else [thing]
    for one in found:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, list | tuple):
            yield from tensors(one)


class Odd:
    """Regrets every other prefix, and likes it less."""

    def regrets(self, questions):
        return [sum(question.tokens) % 2 == 0 for question in questions]

    def probabilities(self, questions):
        return [0.75 - 0.5 * (sum(question.tokens) % 2) for question in questions]

    def follow(self, index, parents):
        pass


NAMES = [name for kind in DECODERS for name in kind.examples]
WITH_COPILOT = ["greedy", "sample", "beam4", "regret_beam4-p"]


@pytest.mark.parametrize(
    ("name", "copilot"), [*((name, False) for name in NAMES), *((name, True) for name in WITH_COPILOT)]
)
def test_a_step_can_be_recorded(name, copilot, monkeypatch):
    """Guards every decoder in the list, on a model with all that can be remembered, and on one with a Copilot."""
    monkeypatch.setattr(compilation, "disabled", True)  # attention as it is elsewhere than on a CPU
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"), marks=frozenset(Mark))
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=2, head_size=8, vocabulary_size=vocabulary.size, canon="AC")).eval()
    start = int(vocabulary.from_gpt2[Mark.SOLUTION])
    if copilot:
        model = Fused(model, Copilot(CopilotConfig(layers=2, heads=1, rotary=True), model.config), start, 0.5).eval()
    decoder = parse_decoder(name)
    engine = Engine(model, 2 * decoder.beams, 48, beams=decoder.beams)
    made = decoder.build(engine, vocabulary, lambda *_: Odd())
    step, steps = made.step, []

    def watched(numbers, longest):
        with OnTheDevice():
            step(numbers, longest)
        steps.append(longest)

    monkeypatch.setattr(made, "step", watched)

    def addresses():
        return [one.data_ptr() for part in (made, engine, engine.cache) for one in tensors(vars(part))]

    before = addresses()
    assert len(before) > 10
    assert len(list(made.run([Request(i, [start + 1, start + 2, start], i, max_new_tokens=20) for i in range(3)]))) == 3
    assert steps
    assert addresses() == before


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: x[x > 0],
        lambda x: x + torch.tensor([1.0]),
        lambda x: bool(x[0] > 0),
        lambda x: x.index_put_((x > 0,), torch.zeros(())),
    ],
)
def test_what_waits_is_seen(waiting):
    with pytest.raises(AssertionError, match="in a recorded step"), OnTheDevice():
        waiting(torch.ones(3))
