"""Which tokens carry loss."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from igsm.training.objective import MISTAKE_NAME, MISTAKE_STEP, SOLUTION  # isort: skip
from igsm.model import GPT
from igsm.training.objective import IGNORE, Objective, next_token_batch
from tests.training.toy_training import toy_config

TOKENS = torch.tensor([[10, 11, 12, 13, 14, 15]])
BOTH = MISTAKE_NAME | MISTAKE_STEP
PLANES = torch.tensor([[0, 0, SOLUTION, SOLUTION | MISTAKE_STEP, SOLUTION | BOTH, SOLUTION]], dtype=torch.uint8)


@pytest.mark.parametrize(
    ("label_masking", "loss_on", "expected"),
    [
        ("none", "all", [11, 12, 13, 14, 15, IGNORE]),
        ("parameter", "all", [11, 12, 13, IGNORE, 15, IGNORE]),
        ("step", "all", [11, 12, IGNORE, IGNORE, 15, IGNORE]),
        ("none", "solution", [IGNORE, 12, 13, 14, 15, IGNORE]),
        ("step", "solution", [IGNORE, 12, IGNORE, IGNORE, 15, IGNORE]),
    ],
)
def test_a_target_is_masked_by_the_plane_of_the_target(label_masking: str, loss_on: str, expected: list[int]) -> None:
    """Guards: masks read at the input's place, one token early; the window's last target taken from its first."""
    config = toy_config(label_masking=label_masking, loss_on=loss_on).training
    inputs, targets = next_token_batch(TOKENS, PLANES, config)
    assert inputs.tolist() == TOKENS.tolist()
    assert targets.tolist() == [expected]


def test_masked_targets_do_not_enter_the_loss() -> None:
    torch.manual_seed(0)
    model = GPT(toy_config().model)
    inputs, targets = next_token_batch(TOKENS, PLANES, toy_config(label_masking="step").training)
    logits = model(inputs)[0]
    places = [0, 1, 4]
    expected = F.cross_entropy(logits[places], TOKENS[0, [1, 2, 5]], reduction="sum")
    torch.testing.assert_close(Objective(model)(inputs, targets), expected)
