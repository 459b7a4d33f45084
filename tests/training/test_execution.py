"""Which precision a run computes in."""

from __future__ import annotations

import pytest
import torch

from igsm.model import GPT, ModelConfig
from igsm.model.gpt import Attention
from igsm.training import execution
from igsm.training.config import TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.objective import CrossEntropy, batch_of
from tests.training.toy_training import IDS, toy_config


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("compile", ["off", "default"])
@pytest.mark.parametrize("precision", ["auto", "bfloat16_linear", "bfloat16", "float32"])
def test_precision_on_the_cpu(monkeypatch: pytest.MonkeyPatch, precision: str, compile: str, native: bool) -> None:
    """Guards: bfloat16 where the CPU has to emulate it or nothing is compiled; attention rounded to bfloat16, or the
    setting left behind by an earlier run of the same model."""
    monkeypatch.setattr(execution, "multiplies_bfloat16", lambda: native)
    monkeypatch.setattr(torch, "compile", lambda model, **settings: model)
    seen: list[torch.Tensor] = []

    def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **_: object) -> torch.Tensor:
        seen.append(q)
        return v

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", attention)
    logits: list[torch.Tensor] = []
    config = toy_config({"layers": 1})
    model = GPT(config.model)
    model.register_forward_hook(lambda module, inputs, output: logits.append(output))
    for module in model.modules():
        if isinstance(module, Attention):
            module.in_float32 = True
    recipe = config.training.model_copy(update={"precision": precision, "compile": compile})
    ids = torch.arange(IDS).view(1, -1)
    execution.Execution(CrossEntropy(model), recipe, Ranks(torch.device("cpu"))).gradients(batch_of((ids,), ids))
    linear = precision == "bfloat16_linear" or (precision == "auto" and compile == "default" and native)
    assert logits[0].dtype == (torch.bfloat16 if linear or precision == "bfloat16" else torch.float32)
    assert seen[0].dtype == (torch.bfloat16 if precision == "bfloat16" else torch.float32)
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is None or gradient.dtype == torch.float32 for gradient in gradients)


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
    assert "no C++ compiler found" in capsys.readouterr().err
