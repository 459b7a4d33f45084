"""Which precision a run computes in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from igsm.model import GPT, ModelConfig, gpt
from igsm.model.config import CopilotConfig
from igsm.model.copilot import Copilot, Pair
from igsm.model.gpt import Attention
from igsm.training import execution
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.objective import Batch, CrossEntropy, Loss, Objective, batch_of
from tests.training.toy_training import IDS, toy_config


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("compile", ["off", "default"])
@pytest.mark.parametrize("precision", ["auto", "bfloat16_linear", "bfloat16_products", "bfloat16", "float32"])
def test_precision_on_the_cpu(monkeypatch: pytest.MonkeyPatch, precision: str, compile: str, native: bool) -> None:
    """Guards: bfloat16 where the CPU has to emulate it or nothing is compiled; attention's softmax in bfloat16, or the
    setting left behind by an earlier run of the same model."""
    monkeypatch.setattr(execution, "multiplies_bfloat16", lambda: native)
    monkeypatch.setattr(torch, "compile", lambda model, **settings: model)
    seen: list[tuple[str, torch.dtype]] = []

    def attention(name: str) -> Callable[..., torch.Tensor]:
        def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **_: object) -> torch.Tensor:
            seen.append((name, q.dtype))
            return v

        return attend

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attention("fused"))
    monkeypatch.setattr(gpt, "blocked_attention", attention("blocked"))
    logits: list[torch.Tensor] = []
    config = toy_config({"layers": 1})
    model = GPT(config.model)
    model.register_forward_hook(lambda module, inputs, output: logits.append(output))
    for module in model.modules():
        if isinstance(module, Attention):
            module.in_float32 = module.in_blocks = True
    recipe = config.training.model_copy(update={"precision": precision, "compile": compile})
    ids = torch.arange(IDS).view(1, -1)
    execution.Execution(CrossEntropy(model), recipe, Ranks(torch.device("cpu"))).gradients(batch_of((ids,), ids))
    if precision == "auto":
        precision = "bfloat16_products" if compile == "default" and native else "float32"
    assert logits[0].dtype == (torch.float32 if precision == "float32" else torch.bfloat16)
    kernel = "blocked" if precision == "bfloat16_products" else "fused"
    assert seen == [(kernel, torch.bfloat16 if precision == "bfloat16" else torch.float32)]
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is None or gradient.dtype == torch.float32 for gradient in gradients)


@pytest.mark.parametrize("precision", ["float32", "bfloat16_linear", "bfloat16_products"])
def test_a_copilot_has_the_precision_of_its_pilot(precision: str) -> None:
    """Guards a Copilot whose attention stays with torch's, which takes a third of a step's time."""
    config = toy_config({"layers": 1})
    pair = Pair(GPT(config.model), Copilot(CopilotConfig(), config.model))
    recipe = config.training.model_copy(update={"precision": precision})
    execution.Execution(CrossEntropy(pair), recipe, Ranks(torch.device("cpu")))
    assert pair.copilot.in_blocks is (precision == "bfloat16_products")
    assert pair.copilot.in_float32 is (precision != "float32")


def test_without_a_compiler_nothing_is_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards: a demo that ends in a page of torch's errors on a machine without g++."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("compiled")

    monkeypatch.setenv("CXX", "/nowhere/c++")
    monkeypatch.setattr(torch, "compile", refuse)
    training = TrainingConfig(steps=1, batch=2, warmup_steps=0, compile="default")
    model = GPT(ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=64))
    execution.Execution(CrossEntropy(model), training, Ranks(torch.device("cpu")))
    assert "no C++ compiler (g++, or $CXX): training without torch.compile" in capsys.readouterr().err


class Weighted(Objective):
    """Cross-entropy, and the sum of the weights of targets above 10."""

    metrics = ("above",)

    def forward(self, batch: Batch) -> Loss:
        assert batch.weights is not None
        above = batch.weights * (batch.targets > 10)
        return Loss(CrossEntropy(self.model)(batch).sum, {"above": (above.sum(), (above > 0).sum())})


@pytest.mark.skipif(execution.missing_compiler("cpu") is not None, reason="no C++ compiler")
@pytest.mark.parametrize(("named", "precision"), [(False, "float32"), (True, "bfloat16_products")])
def test_a_compiled_step_computes_the_same(named: bool, precision: str) -> None:
    """Guards: what torch.compile cannot trace, or traces anew at every step: a batch with names, weights, count, inputs
    by name, an objective's metrics."""
    torch.manual_seed(0)
    config = toy_config({"layers": 1}, micro_batch=2)
    ids = torch.arange(4 * IDS).view(4, IDS) % IDS
    inputs = {"ids": ids, "positions": torch.arange(IDS).expand(4, -1)} if named else (ids,)
    found = []
    for compiled in ("off", "default"):
        torch._dynamo.reset()
        recipe = config.training.model_copy(update={"compile": compiled, "precision": precision})
        torch.manual_seed(1)
        model = GPT(config.model)
        step = execution.Execution(Weighted(model), recipe, Ranks(torch.device("cpu")))
        with torch._dynamo.config.patch(error_on_recompile=True):
            for shift in (1, 2):
                sums = step.gradients(batch_of(inputs, (ids + shift) % IDS, torch.rand(4, IDS) + shift))
        found.append((sums, [p.grad for p in model.parameters()]))
    (plain, gradients), (fused, others) = found
    rounding = 1e-5 if precision == "float32" else 0.02
    for one, other in zip((*vars(plain).values(), *gradients), (*vars(fused).values(), *others), strict=True):
        assert one is not None
        assert other is not None
        assert (one - other).norm() <= rounding * one.norm()


class InPlace(Ranks):
    """Sums as torch.distributed does, where it stands."""

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return values.mul_(2)


def test_a_batch_is_the_same_after_a_step() -> None:
    """Guards: a count that is summed over the processes again each time the batch is used."""
    config = toy_config({"layers": 1})
    ids = torch.arange(IDS).view(1, -1)
    batch = batch_of((ids,), ids)
    step = execution.Execution(CrossEntropy(GPT(config.model)), config.training, InPlace(torch.device("cpu")))
    assert [int(step.gradients(batch).count) for _ in range(2)] == [2 * IDS, 2 * IDS]
    assert batch.count == IDS


@pytest.mark.parametrize(("precision", "products"), [("float32", "highest"), ("bfloat16", "high")])
def test_training_leaves_the_process_as_it_was(precision: str, products: str) -> None:
    """Guards: products of float32 that training has made coarser for all that comes after it on a GPU."""
    config = toy_config({"layers": 1}, precision=precision)
    step = execution.Execution(CrossEntropy(GPT(config.model)), config.training, Ranks(torch.device("cpu")))
    before = torch.get_float32_matmul_precision()
    with step.context():
        assert torch.get_float32_matmul_precision() == products
    assert torch.get_float32_matmul_precision() == before
