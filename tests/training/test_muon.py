"""Muon on matrices of one shape at once against torch's on one after another, and which weights are its own."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from igsm.model import GPT
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.model.lora import add_lora
from igsm.model.trained import trained_parameters
from igsm.training import muon
from igsm.training.config import TrainingConfig
from igsm.training.muon import Muon, orthogonalised
from igsm.training.optimizers import Optimizers

SHAPES = [(16, 16), (64, 16), (16, 64), (16, 16), (16, 64), (24, 16)]


def _steps(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter], steps: range, without: int = -1) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for i, parameter in enumerate(parameters):
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = None if i == without else gradient
        optimizer.step()


def _parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator) * 0.1) for shape in SHAPES]


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch < 2.9 has no Muon")
@pytest.mark.parametrize("without", [-1, 2])
def test_it_computes_what_torch_does_and_takes_its_state(without: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: tall matrices not transposed back, one mixed up with another of its shape, the norm taken over the
    batch, another scale, a run begun with torch's Muon that cannot be resumed."""
    monkeypatch.setattr(muon, "multiplies_bfloat16", lambda: True)  # torch's is in bfloat16 on every CPU
    ours, theirs = _parameters(), _parameters()
    ours_first = Muon(ours, 0.01, 0.1)
    reference = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    _steps(ours_first, ours, range(4), without)
    _steps(reference, theirs, range(4), without)
    resumed = Muon(ours, 0.01, 0.1)
    resumed.load_state_dict(copy.deepcopy(reference.state_dict()))
    _steps(resumed, ours, range(4, 6))
    _steps(reference, theirs, range(4, 6))
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=0, atol=2e-4)  # five updates of about 0.002 each


@pytest.mark.parametrize("native", [False, True])
def test_singular_values_come_to_about_one(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: an iteration that diverges or leaves a matrix of small norm small; bfloat16 where the CPU has to
    emulate it, which took ten times as long and a third of a small model's step."""
    monkeypatch.setattr(muon, "multiplies_bfloat16", lambda: native)
    matrices = torch.randn(3, 16, 64, generator=torch.Generator().manual_seed(0))
    matrices *= torch.tensor([1e-4, 1.0, 1e4])[:, None, None]
    result = orthogonalised(matrices)
    assert result.dtype == (torch.bfloat16 if native else torch.float32)
    values = torch.linalg.svdvals(result.float())
    assert values.min() > 0.6
    assert values.max() < 1.3


class Wrapper(nn.Module):
    """A model inside another, beside a head of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.inner = nn.ModuleList([model])
        self.head = nn.Linear(16, 2)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_model_inside_another_has_the_same_groups(architecture: str, lora: bool) -> None:
    """Guards: Muon that finds its matrices by the beginning of their names, and none of them in a wrapper; a head or an
    embedding orthogonalised; query, key and value as one matrix."""
    shape = {"layers": 2, "heads": 2, "head_size": 8, "vocabulary_size": 32, "canon": "AC", "qk_norm": True}
    model = GPT(ModelConfig(**shape, architecture=architecture))
    if lora:
        add_lora(model, LoRAConfig(query_value_rank=2, embedding_rank=3, output_rank=4))
    alone, inside = trained_parameters(model), trained_parameters(Wrapper(model))
    *same, weight, bias = [(id(one.parameter), one.matrices, one.decays) for one in inside]
    assert same == [(id(one.parameter), one.matrices, one.decays) for one in alone]
    assert (weight[1:], bias[1:]) == ((0, True), (0, False))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {names[id(one.parameter)]: one.matrices for one in alone if one.matrices}
    layer = {f"attention.qkv.lora_{part}": 1 for part in ("query_a", "query_b", "value_a", "value_b")}
    if not lora:
        layer = {"attention.qkv.weight": 3, "attention.output.weight": 1, "mlp.up.weight": 1, "mlp.down.weight": 1}
        layer |= {"mlp.gate.weight": 1} if architecture == "llama" else {}
    assert found == {f"blocks.{i}.{name}": pieces for i in range(2) for name, pieces in layer.items()}
    config = TrainingConfig(steps=1, batch=1, warmup_steps=0, optimizer="muon")
    states = [Optimizers(module, config).state_dict() for module in (model, Wrapper(model))]
    assert [len(muon["param_groups"][0]["params"]) for _, muon in states] == [sum(found.values())] * 2


def test_what_decays_has_two_dimensions_or_more() -> None:
    """Guards: biases and norms decayed; with no decay at all one group, which older checkpoints do not fit."""
    model = GPT(ModelConfig(layers=1, heads=2, head_size=8, vocabulary_size=32, canon="A"))
    assert {one.parameter.dim() for one in trained_parameters(model) if one.decays} == {2, 3}
    assert {one.parameter.dim() for one in trained_parameters(model) if not one.decays} == {1}
    for decay in (0.05, 0.0):
        config = TrainingConfig(steps=1, batch=1, warmup_steps=0, weight_decay=decay)
        (adamw,) = Optimizers(model, config).state_dict()
        assert [group["weight_decay"] for group in adamw["param_groups"]] == [decay, 0.0]
