"""Turns: what is read and what is learned, and how much a turn that fails weighs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from igsm.errors import InputError
from igsm.grading import grade
from igsm.methods.registry import make_method
from igsm.methods.turns import Turns
from igsm.mistakes.layout import Mark
from igsm.mistakes.rows import MISTAKE_STEP
from tests.methods.written import VOCABULARY, batch_of, laid, some_block, with_loss

METHOD = Turns(failed=0.2)
WRONG_FIRST, RIGHT_FIRST, FAILED, PLAIN = range(4)


def test_the_second_turn_is_right_and_a_right_first_one_stands() -> None:
    for one in laid(METHOD, WRONG_FIRST):
        first, second = one.text.split("<|again|>")
        assert not grade(one.problem, first).correct
        assert second == f"{one.problem.solution_text}<|answer|> {one.problem.answer}"
        assert (one.verdict.correct, one.verdict.restarts) == (True, 1)
    for one in laid(METHOD, RIGHT_FIRST):
        first, second = one.text.split("<|again|>")
        assert first == second
        assert (one.verdict.correct, one.verdict.restarts) == (True, 1)
    for one in laid(METHOD, FAILED):
        assert not one.verdict.correct
        assert "<|again|>" not in one.text


def test_loss_token_by_token() -> None:
    """On the last turn only: neither the problem nor [again] nor the turn before, right or wrong."""
    for variant in (WRONG_FIRST, RIGHT_FIRST):
        for one in laid(METHOD, variant, n=5):
            assert with_loss(METHOD, one) == f"_{one.text.split('<|again|>')[1]}<|end|>"
    for variant in (FAILED, PLAIN):
        for one in laid(METHOD, variant, n=5):
            assert with_loss(METHOD, one, loss_on="solution") == f"_{one.text}<|end|>"


def test_a_turn_that_fails_weighs_as_its_right_steps_say() -> None:
    documents = [
        [next(laid(METHOD, variant, n=1)) for variant in (FAILED, PLAIN, WRONG_FIRST)],
        [*laid(METHOD, FAILED)][:3],
    ]
    rows = [(np.concatenate([d.tokens for d in row]), np.concatenate([d.roles for d in row])) for row in documents]
    length = min(len(tokens) for tokens, _ in rows)
    tokens = np.stack([tokens[:length] for tokens, _ in rows]).astype(np.int64)
    roles = np.stack([roles[:length] for _, roles in rows])
    batch = batch_of(METHOD, tokens, roles, VOCABULARY, loss_on="solution")
    assert batch.weights is not None
    for row, its_documents in enumerate(documents):
        start = 0
        for one in its_documents:
            ids, end = one.tokens.tolist(), start + len(one.tokens)
            if end > length:
                break
            solution = slice(start + ids.index(Mark.SOLUTION), end - 1)  # targets are one ahead
            weights = batch.weights[row, solution]
            if one.verdict.correct:
                assert (weights == 1).all()
            else:
                n_steps = one.text.count("Define")
                share = int(one.written.mistake[MISTAKE_STEP]) / n_steps
                assert weights.tolist() == pytest.approx([math.exp((share - 1) / 0.4)] * len(weights))
            start = end
    learned = batch.targets != -100
    assert batch.count == pytest.approx(float(batch.weights[learned].sum()))
    assert batch_of(Turns(), tokens, roles, VOCABULARY).weights is None


def test_blocks_have_them_in_their_shares() -> None:
    made = some_block(Turns(share=0.4), windows=64)
    assert abs((made == Mark.AGAIN).sum() / (made == 50256).sum() - 0.4) < 0.1
    assert torch.tensor(Turns(share=0.4).layout().variants[0][0]).item() == pytest.approx(0.28)
    with pytest.raises(InputError, match=r"share \(0\.9\) and failed \(0\.2\) must not exceed 1 together"):
        make_method({"name": "turns", "share": 0.9, "failed": 0.2})
