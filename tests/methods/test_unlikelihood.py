"""Unlikelihood: which words it is about, and its loss on logits made by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from igsm.config import load_config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.methods.method import StepWindows
from igsm.methods.retry import Retry
from igsm.methods.unlikelihood import LEAST, Unlikelihood
from igsm.mistakes.layout import Role
from igsm.training.config import PretrainConfig, TrainingConfig
from igsm.training.objective import IGNORE, Batch
from tests.training.toy_training import metrics, train_config

PRESET = Path(__file__).resolve().parents[2] / "configs/methods/unlikelihood.yaml"
STEP = Role.SOLUTION | Role.MISTAKE_STEP
ROLES = [0, 0, Role.SOLUTION, STEP, STEP | Role.MISTAKE_WORD, Role.SOLUTION]
PROBABILITIES = torch.tensor([0.1, 0.2, 0.3, 0.4])


class Fixed(nn.Module):
    """The same logits after every token."""

    def __init__(self, probabilities: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(probabilities.log() + 3.0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(*ids.shape, -1)


def batch(method: Any, **recipe: Any) -> Batch:
    """That of one window with the tokens 0, 1, 2, 3, 2, 1."""
    data = DataConfig(method=method)
    tokens, roles = torch.tensor([[0, 1, 2, 3, 2, 1]]), torch.tensor([ROLES], dtype=torch.uint8)
    training = TrainingConfig(steps=1, batch=1, warmup_steps=0, **recipe)
    vocabulary = load_vocabulary(data.problem)
    return method.batch(StepWindows(tokens, roles, range(1), 0.5, data, training, vocabulary))


@pytest.mark.parametrize(
    ("settings", "recipe", "expected"),
    [
        ({}, {}, [1, 1, 1, -1, 1, None]),
        ({"tokens": "step", "alpha": 0.5}, {}, [1, 1, -0.5, -0.5, 1, None]),
        ({}, {"label_masking": "step", "loss_on": "solution"}, [None, 1, None, -1, 1, None]),
    ],
)
def test_weights_token_by_token(settings: Any, recipe: Any, expected: list[float | None]) -> None:
    """Guards: the word before the wrong one; a wrong word without loss because of label masking."""
    made = batch(Unlikelihood(**settings), **recipe)
    assert made.weights is not None
    both = zip(made.targets[0].tolist(), made.weights[0].tolist(), strict=True)
    assert [None if target == IGNORE else weight for target, weight in both] == expected
    assert made.count == made.n_targets == len([weight for weight in expected if weight is not None])


def test_the_loss_on_logits_made_by_hand() -> None:
    """Guards: the sign; log(1 - p) of the whole batch; a word without target that counts as unlikely."""
    model = Fixed(PROBABILITIES)
    loss = Unlikelihood(alpha=2.0).objective(model)(batch(Unlikelihood(alpha=2.0)))
    learnt = PROBABILITIES[[1, 2, 3, 1]]
    expected = -learnt.log().sum() - 2.0 * (1 - PROBABILITIES[2]).log()
    torch.testing.assert_close(loss.sum, expected)
    probability, number = loss.metrics["mistake_probability"]
    assert (probability.item(), number.item()) == (pytest.approx(0.3), 1)
    loss.sum.backward()
    # d/dz of -log(1 - p_2) is p_2 at 2 and -p_2 p_j / (1 - p_2) elsewhere; of -log p_t it is p - (1 at t)
    p = PROBABILITIES
    gradient = 4 * p - torch.tensor([0.0, 2.0, 1.0, 1.0])
    unlikely = -p[2] * p / (1 - p[2])
    unlikely[2] = p[2]
    torch.testing.assert_close(model.logits.grad, gradient + 2.0 * unlikely)


def test_a_word_that_is_certain_has_a_finite_loss() -> None:
    """Guards: infinity or NaN, which end a run, where the model is sure of a mistake."""
    model = Fixed(torch.tensor([1e-9, 1e-9, 1.0, 1e-9]))
    made = batch(Unlikelihood(), loss_on="solution", label_masking="step")
    loss = Unlikelihood().objective(model)(made)
    learnt = model.logits.log_softmax(0)[[2, 1]].sum()
    torch.testing.assert_close(loss.sum, -learnt - math.log(LEAST))
    loss.sum.backward()
    assert model.logits.grad is not None
    assert torch.isfinite(model.logits.grad).all()


def test_without_mistakes_it_is_the_cross_entropy() -> None:
    tokens = torch.tensor([[0, 1, 2, 3, 2, 1]])
    data = DataConfig()
    plain = torch.full((1, 6), int(Role.SOLUTION), dtype=torch.uint8)
    training = TrainingConfig(steps=1, batch=1, warmup_steps=0)
    windows = StepWindows(tokens, plain, range(1), 0.5, data, training, load_vocabulary(data.problem))
    losses = [method.objective(Fixed(PROBABILITIES))(method.batch(windows)) for method in (Retry(), Unlikelihood())]
    torch.testing.assert_close(losses[0].sum, losses[1].sum)
    assert losses[1].metrics["mistake_probability"][1] == 0


def test_a_run_tells_how_likely_mistakes_are_and_makes_them_less_so(tmp_path: Path) -> None:
    """Guards: a metric that is not logged, parts of a batch, words that become likelier."""
    changes = ["model.layers=1", "model.heads=1", "data.problem.difficulty=nano", "data.context=128"]
    changes += ["data.mistakes.rate=0.5", "data.windows_per_block=8", "tracking.mode=disabled"]
    recipe = ["steps=20", "batch=8", "micro_batch=3", "warmup_steps=1", "learning_rate=0.02", "log_every=10"]
    recipe += ["held_out_windows=4", "evaluate_problems=0", "device=cpu", "compile=off"]
    changes += [f"training.{change}" for change in recipe]
    found = {}
    for alpha in (0.001, 2.0):
        config = load_config(PretrainConfig, PRESET, [*changes, f"data.method.alpha={alpha}"])
        train_config(config, tmp_path / f"{alpha}")
        lines = metrics(tmp_path / f"{alpha}")
        found[alpha] = [line["mistake_probability"] for line in lines if "loss" in line]
        found[alpha] += [line["held_out_mistake_probability"] for line in lines if "held_out_loss" in line]
    assert [len(values) for values in found.values()] == [3, 3]
    assert all(0 < low < high < 1 for low, high in zip(found[2.0][1:], found[0.001][1:], strict=True))
