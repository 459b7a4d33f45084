"""Retry: plain documents; which tokens carry loss is the recipe's to say."""

from __future__ import annotations

import torch

from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.methods.method import StepWindows
from igsm.methods.retry import Retry
from igsm.mistakes.layout import PLAIN, Role
from igsm.training.config import TrainingConfig
from igsm.training.objective import IGNORE, CrossEntropy

ROLES = [0, 0, 4, 4 | 2, 4 | 2 | 1, 4]


def targets(**recipe: str) -> list[int]:
    """Targets of one window with the tokens 10 to 15."""
    training = TrainingConfig(steps=1, batch=1, warmup_steps=0, **recipe)  # type: ignore[arg-type]
    data = DataConfig()
    windows = StepWindows(
        torch.arange(10, 16)[None],
        torch.tensor([ROLES], dtype=torch.uint8),
        range(1),
        0.5,
        data,
        training,
        load_vocabulary(data.problem),
    )
    batch = data.method.batch(windows)
    assert batch.inputs[0].tolist() == [list(range(10, 16))]  # type: ignore[index]
    found: list[int] = batch.targets[0].tolist()
    return found


def test_loss_mask_token_by_token() -> None:
    assert ROLES[4] == Role.SOLUTION | Role.MISTAKE_STEP | Role.MISTAKE_WORD
    assert targets() == [11, 12, 13, 14, 15, IGNORE]
    assert targets(label_masking="parameter") == [11, 12, 13, IGNORE, 15, IGNORE]
    assert targets(label_masking="step", loss_on="solution") == [IGNORE, 12, IGNORE, IGNORE, 15, IGNORE]


def test_it_is_the_default_with_plain_documents_and_the_cross_entropy() -> None:
    assert DataConfig().method == Retry()
    assert Retry().layout() == PLAIN
    assert Retry().marks == PLAIN.marks
    assert isinstance(Retry().objective(torch.nn.Identity()), CrossEntropy)
