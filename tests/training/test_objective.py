"""Which tokens carry loss."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from igsm.mistakes.layout import Role
from igsm.model import GPT
from igsm.training.objective import IGNORE, CrossEntropy, batch_of, carries_loss, next_token_batch
from tests.training.toy_training import toy_config

TOKENS = torch.tensor([[10, 11, 12, 13, 14, 15]])
SOLUTION, STEP, WORD = int(Role.SOLUTION), int(Role.MISTAKE_STEP), int(Role.MISTAKE_WORD)
ROLES = torch.tensor([[0, 0, SOLUTION, SOLUTION | STEP, SOLUTION | STEP | WORD, SOLUTION]], dtype=torch.uint8)


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
def test_a_target_is_masked_by_the_roles_of_the_target(label_masking: str, loss_on: str, expected: list[int]) -> None:
    """Guards: masks read at the input's place, one token early; the window's last target taken from its first."""
    config = toy_config(label_masking=label_masking, loss_on=loss_on).training
    batch = next_token_batch(TOKENS, carries_loss(ROLES, config))
    assert isinstance(batch.inputs, tuple)
    assert [tensor.tolist() for tensor in batch.inputs] == [TOKENS.tolist()]
    assert batch.targets.tolist() == [expected]
    assert batch.n_targets == batch.count == len(expected) - expected.count(IGNORE)


def test_masked_targets_do_not_enter_the_loss() -> None:
    torch.manual_seed(0)
    model = GPT(toy_config().model)
    batch = next_token_batch(TOKENS, carries_loss(ROLES, toy_config(label_masking="step").training))
    logits = model(TOKENS)[0]
    places = [0, 1, 4]
    expected = F.cross_entropy(logits[places], TOKENS[0, [1, 2, 5]], reduction="sum")
    torch.testing.assert_close(CrossEntropy(model)(batch).sum, expected)


def test_weights_are_those_of_the_targets() -> None:
    """Guards: a weight read at the input's place; a weighted sum divided by the number of targets."""
    torch.manual_seed(0)
    model = GPT(toy_config().model)
    weights = torch.tensor([[9.0, 0.5, 2.0, 0.0, 7.0, 1.5]])
    carrying = torch.tensor([[True, True, True, True, False, True]])
    batch = next_token_batch(TOKENS, carrying, weights)
    each = F.cross_entropy(model(TOKENS)[0, :-1], TOKENS[0, 1:], reduction="none")
    expected = (each * torch.tensor([0.5, 2.0, 0.0, 0.0, 1.5])).sum()
    torch.testing.assert_close(CrossEntropy(model)(batch).sum, expected)
    assert batch.count == 4.0
    ones = next_token_batch(TOKENS, carrying, torch.ones(1, 6))
    plain = next_token_batch(TOKENS, carrying)
    torch.testing.assert_close(CrossEntropy(model)(ones).sum, CrossEntropy(model)(plain).sum)
    assert ones.count == plain.count == 4


@pytest.mark.parametrize("named", [False, True])
def test_parts_hold_every_row_once_and_the_count_of_all(named: bool) -> None:
    """Guards: inputs by name left whole, weights of other rows, a part divided by its own count."""
    ids, positions = torch.arange(10).view(5, 2), torch.arange(10, 20).view(5, 2)
    inputs = {"ids": ids, "positions": positions} if named else (ids, positions)
    batch = batch_of(inputs, ids + 1, ids / 10)
    parts = list(batch.parts(2))
    assert [len(part.targets) for part in parts] == [2, 2, 1]
    for name, whole in enumerate((ids, positions)):
        key = ("ids", "positions")[name] if named else name
        assert torch.equal(torch.cat([part.inputs[key] for part in parts]), whole)  # type: ignore[index]
    assert all(torch.equal(part.weights * 10 + 1, part.targets) for part in parts)  # type: ignore[operator]
    assert [part.count for part in parts] == [batch.count] * 3
    (whole,) = batch.parts(None)
    assert torch.equal(whole.targets, batch.targets)


def test_inputs_by_name_reach_the_model() -> None:
    torch.manual_seed(0)
    model = GPT(toy_config().model)
    positions = torch.arange(6)[None] * 2
    targets = torch.roll(TOKENS, -1, 1)
    expected = F.cross_entropy(model(TOKENS, positions=positions)[0], targets[0], reduction="sum")
    batch = batch_of({"ids": TOKENS, "positions": positions}, targets)
    torch.testing.assert_close(CrossEntropy(model)(batch).sum, expected)
