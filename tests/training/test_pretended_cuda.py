"""Training on a CUDA device that is not there: devices of tensors, waiting, and dtypes under CUDA's autocast."""

from __future__ import annotations

import copy
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.methods.masked_thought import MaskedThought
from igsm.methods.method import Method, StepWindows
from igsm.methods.retry import Retry
from igsm.methods.unlikelihood import Unlikelihood
from igsm.mistakes.layout import Mark, Role
from igsm.model import GPT, ModelConfig
from igsm.model.config import LoRAConfig
from igsm.model.lora import add_lora
from igsm.probing.probe import Probe
from igsm.problems.difficulty import ProblemConfig
from igsm.training import muon
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.execution import Execution
from igsm.training.metrics import Meter
from igsm.training.objective import Batch, CrossEntropy, Objective, batch_of
from igsm.training.optimizers import Optimizers
from tests.pretended_cuda import CUDA, HostError, PretendedCuda, cuda

__all__ = ["cuda"]

VOCABULARY = load_vocabulary(ProblemConfig(difficulty="nano"), marks=frozenset({Mark.MASK}))
SHAPE = {"layers": 1, "heads": 2, "head_size": 8, "vocabulary_size": VOCABULARY.size}
UPDATES = LoRAConfig(query_value_rank=2, embedding_rank=2, output_rank=2)


class Run:
    """A model, its objective and a batch of the host's.

    Args:
        what: "windows", "lora" or "probe".
        method: makes the batch, and the objective.
    """

    def __init__(self, what: str = "windows", method: Method | None = None, shape: Any = None, **recipe: Any) -> None:
        torch.manual_seed(0)
        self.recipe = TrainingConfig(**({"steps": 10, "batch": 4, "warmup_steps": 0, "compile": "off"} | recipe))
        data = DataConfig(method=method or Retry())
        model = GPT(ModelConfig(**(SHAPE | (shape or {}))))
        tokens = torch.randint(1, VOCABULARY.size, (4, 12))
        self.objective: Objective
        if what == "probe":
            order = torch.arange(12).expand(4, 12)
            asked = torch.where(order == 11, 1, -100)
            self.batch = batch_of((tokens, order, torch.zeros_like(order), order + 1), asked)
            self.model: nn.Module = Probe(model, LoRAConfig(query_value_rank=2, embedding_rank=2))
            self.objective = CrossEntropy(self.model)
            return
        roles = (torch.rand(4, 12) < 0.5).to(torch.uint8) * int(Role.SOLUTION | Role.MISTAKE_STEP | Role.MISTAKE_WORD)
        windows = StepWindows(tokens, roles, range(4), 0.9, data, self.recipe, VOCABULARY)
        self.batch = data.method.batch(windows)
        self.model = add_lora(model, UPDATES) if what == "lora" else model
        self.objective = data.method.objective(self.model)


RUNS: dict[str, Any] = {
    "adamw": {},
    "muon": {"optimizer": "muon", "micro_batch": 2},
    "clipped": {"gradient_clip": 0.1, "micro_batch": 3},
    "masked": {"label_masking": "step", "loss_on": "solution"},
    "dropout": {"shape": {"dropout": 0.1}},
    "canon": {"shape": {"canon": "AC", "qk_norm": True}},
    "llama": {"shape": {"architecture": "llama", "tied": False}, "optimizer": "muon"},
    "lora": {"what": "lora"},
    "probe": {"what": "probe"},
    "probe, canon": {"what": "probe", "shape": {"canon": "AC"}},
    "masked thought": {"method": MaskedThought()},
    "random thought": {"method": MaskedThought(noise="random")},
    "unlikelihood": {"method": Unlikelihood(), "micro_batch": 2},
}


@pytest.fixture
def autocast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Autocast of CUDA where there is none, as far as dtypes go."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)  # it would ask the driver, too
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    # A build for CUDA would make a tensor on the device first.
    monkeypatch.setattr(torch._subclasses.fake_tensor, "init_gpu_context", lambda *_: None, raising=False)
    # Torch asks the backend of a device which one is the current: that of meta tensors has an answer for any.
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib/libc10.so"))
    guards = (ctypes.c_void_p * 15).in_dll(library, "_ZN3c104impl26device_guard_impl_registryE")
    before, guards[1] = guards[1], guards[14]
    yield
    guards[1] = before


def train(run: Run, ranks: Ranks, device: PretendedCuda) -> list[float]:
    """Two steps: losses, gradient norms and the sums of all weights."""
    execution, optimizers = Execution(run.objective, run.recipe, ranks), Optimizers(run.model, run.recipe)
    meter = Meter(ranks)
    for step in range(2):
        with device.without_waiting():
            meter.add(step + 1, 7, execution.gradients(run.batch))
            optimizers.step(0.01)
            optimizers.zero_grad()
    measured, _ = meter.read(False)
    held_out = execution.measure([run.batch], 2)
    weights = [float(parameter.detach().sum()) for parameter in run.model.parameters()]
    return [
        *(one.mean_loss for one in measured),
        *(one.gradient_norm for one in measured),
        *held_out.values(),
        *weights,
    ]


@pytest.mark.parametrize("name", RUNS)
def test_a_step_on_the_device(name: str, cuda: PretendedCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: batches, masks, sums, moments or new tensors left on the host; a step that waits for the device."""
    monkeypatch.setattr(muon, "multiplies_bfloat16", lambda: True)  # as on the device, whatever this CPU can do
    run = Run(**RUNS[name], precision="float32")
    dropout = name == "dropout"  # other numbers on another device, but the same generator here
    expected = train(copy.deepcopy(run), Ranks(torch.device("cpu")), cuda)
    with cuda:
        cuda.move(run.objective)
        torch.manual_seed(0 if dropout else 1)
        found = train(run, Ranks(CUDA), cuda)
        assert all(cuda.is_there(parameter) for parameter in run.model.parameters())
    if not dropout:
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


class Reading(CrossEntropy):
    """Looks at its loss."""

    def forward(self, batch: Batch) -> Any:
        loss = super().forward(batch)
        assert loss.sum.item() > 0
        return loss


class OnHost(CrossEntropy):
    """Makes a tensor without saying where."""

    def forward(self, batch: Batch) -> Any:
        loss = super().forward(batch)
        return loss._replace(sum=(loss.sum * torch.ones(1)).sum())


@pytest.mark.parametrize(("kind", "message"), [(Reading, "waits"), (OnHost, "two devices")])
def test_faults_of_a_step_are_seen(kind: type[Objective], message: str, cuda: PretendedCuda) -> None:
    run = Run(precision="float32")
    run.objective = kind(run.model)
    with cuda:
        cuda.move(run.objective)
        with pytest.raises(HostError, match=message):
            train(run, Ranks(CUDA), cuda)


# ---------------------------------------------------------------- dtypes, by fake tensors


def faked(module: nn.Module) -> None:
    """Put a module's tensors on CUDA, as fake ones (to be called inside a FakeTensorMode)."""
    for part in module.modules():
        for kept in (part._parameters, part._buffers):
            for name, tensor in kept.items():
                if tensor is not None:
                    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device=CUDA)
                    kept[name] = nn.Parameter(fake, False) if isinstance(tensor, nn.Parameter) else fake


class Watched(Ranks):
    """Keeps what would be read by the host."""

    def sum(self, values: Tensor) -> Tensor:
        assert values.device.type == "cuda"
        raise Finished


class Finished(Exception):
    pass


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "bfloat16_residual"])
@pytest.mark.parametrize("name", ["adamw", "dropout", "canon", "llama", "lora", "probe, canon", "unlikelihood"])
def test_dtypes_under_autocast(name: str, precision: str, autocast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: what CUDA's autocast refuses or computes in another dtype than the CPU's; a loss that is not float32."""
    run = Run(**RUNS[name], precision=precision)
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
    states: list[torch.dtype] = []
    logits: list[torch.dtype] = []
    for part in run.model.modules():
        if isinstance(part, GPT):
            part.blocks[0].register_forward_hook(lambda _, inputs, output: states.append(output.dtype))
    run.model.register_forward_hook(lambda _, inputs, output: logits.append(output.dtype))
    run.objective.register_forward_hook(lambda _, inputs, output: logits.append(output.sum.dtype))
    with FakeTensorMode(allow_non_fake_inputs=False) as mode:
        run.batch = run.batch.mapped(mode.from_tensor)
        object.__setattr__(run.batch, "count", mode.from_tensor(run.batch.count))
        faked(run.objective)
        execution = Execution(run.objective, run.recipe, Watched(CUDA))
        with pytest.raises(Finished):
            execution.measure([run.batch], 2)
    half = torch.float32 if precision == "float32" else torch.bfloat16
    assert set(logits[::2]) == {half}
    assert set(logits[1::2]) == {torch.float32}
    assert set(states) == {torch.bfloat16 if precision == "bfloat16_residual" else torch.float32}
