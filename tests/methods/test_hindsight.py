"""Chains of a bad and a good solution: what they look like, which carries loss, which tokens attention does not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.grading import grade
from igsm.methods.hindsight import Hindsight
from igsm.methods.registry import make_method
from igsm.mistakes.layout import Mark
from igsm.model import GPT, ModelConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.training.dropped_keys import CrossEntropyWithDroppedKeys, DroppedKeys
from tests.methods.written import VOCABULARY, batch_of, laid, some_block, with_loss

P, N, NP, PN = range(4)
WHOLE = Hindsight(dropping=0.0)


def test_each_chain_is_what_it_says() -> None:
    for one in laid(WHOLE, NP):
        bad, good = one.text.split("<|good|>")
        assert good == f"{one.problem.solution_text}<|answer|> {one.problem.answer}"
        assert bad.startswith("<|bad|> Define")
        assert not grade(one.problem, bad).correct
        assert (one.verdict.correct, one.verdict.restarts) == (True, 1)
    for one in laid(WHOLE, PN):
        good, bad = one.text.split("<|bad|>")
        assert good == f"<|good|>{one.problem.solution_text}<|answer|> {one.problem.answer}"
        assert not grade(one.problem, bad).correct
        assert (one.verdict.correct, one.verdict.restarts) == (True, 0)
    assert all(one.verdict.correct for one in laid(WHOLE, P))
    assert not any(one.verdict.correct for one in laid(WHOLE, N))
    assert all(one.verdict.correct for one in laid(Hindsight(ends="stopped"), NP))
    assert WHOLE.prompt == (Mark.GOOD,)


def test_verbal_feedback_is_the_verdict() -> None:
    for one in laid(Hindsight(feedback="verbal"), NP):
        feedback, wrong = one.text.partition("<|good|>")[0].removeprefix("<|bad|>").split(" Define", 1)
        error = grade(one.problem, f" Define{wrong}").error
        assert error is not None
        assert feedback == f" {error.step}<|{error.kind.value.replace(' ', '_')}|>"
        assert one.verdict.correct


def test_controls() -> None:
    """A second right solution as the bad one; a good one in another order."""
    for one in laid(Hindsight(bad="right"), NP):
        bad, good = one.text.split("<|good|>")
        assert grade(one.problem, bad).correct
        assert bad.removeprefix("<|bad|>") != good
        assert one.verdict.correct
    for one in laid(Hindsight(order="other"), NP):
        assert one.verdict.correct
    assert Hindsight(bad="right").layout().kinds == ()
    assert (some_block(Hindsight(bad="right", share=1.0, chains=("np",))) == Mark.BAD).sum() > 5
    with pytest.raises(InputError, match="feedback is binary"):
        make_method({"name": "hindsight", "bad": "right", "feedback": "verbal"})


def test_loss_token_by_token() -> None:
    both = Hindsight(loss="both", dropping=0.0)
    for one in laid(WHOLE, NP, n=5):
        bad, good = one.text.removeprefix("<|bad|>").split("<|good|>")
        assert with_loss(WHOLE, one) == f"_{good}<|end|>"
        assert with_loss(both, one) == f"_{bad}_{good}<|end|>"
    for one in laid(WHOLE, PN, n=5):
        good, bad = one.text.removeprefix("<|good|>").split("<|bad|>")
        assert with_loss(WHOLE, one, loss_on="solution") == f"_{good}_"
        assert with_loss(both, one, loss_on="solution") == f"_{good}_{bad}<|end|>"
    for one in laid(WHOLE, N, n=3):
        assert with_loss(WHOLE, one) == "_"
    for one in laid(WHOLE, 4, n=3):
        assert with_loss(WHOLE, one) == f"_{one.problem.text}<|solution|>{one.text}<|end|>"


def test_blocks_have_each_chain_alike() -> None:
    made = some_block(Hindsight(share=0.8), windows=96)
    documents = (made == 50256).sum()
    for tag in (Mark.GOOD, Mark.BAD):
        assert abs((made == tag).sum() / documents - 0.6) < 0.1


def test_dropped_tokens_are_seen_by_no_later_one() -> None:
    """Another token in the place of a dropped one changes nothing after it; of one that stays, something."""
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=2, heads=2, head_size=8, vocabulary_size=32)).eval()
    ids = torch.randint(0, 32, (2, 12))
    other = ids.clone()
    other[:, 4] = (ids[:, 4] + 1) % 32
    dropped = torch.zeros(2, 12, dtype=torch.bool)
    with torch.inference_mode():
        whole = model(ids, memory=DroppedKeys(dropped))
        assert torch.allclose(whole, model(ids), atol=1e-5)
        dropped[0, 4] = True
        one, two = (model(given, memory=DroppedKeys(dropped)) for given in (ids, other))
    assert torch.allclose(one[0, 5:], two[0, 5:], atol=1e-6)
    assert not torch.allclose(one[1, 5:], two[1, 5:], atol=1e-3)
    assert not torch.allclose(one[0, 5:], whole[0, 5:], atol=1e-3)


def test_dropout_of_attention_stays_where_keys_are_dropped() -> None:
    """Guards: model.dropout without effect on attention, only because the method has a mask of its own."""
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=1, heads=2, head_size=8, vocabulary_size=32, dropout=0.5))
    asked: list[float] = []

    def attention(*tensors: torch.Tensor, dropout_p: float = 0.0, **_: object) -> torch.Tensor:
        asked.append(dropout_p)
        return tensors[2]

    inputs = {"ids": torch.zeros(1, 4, dtype=torch.long), "dropped": torch.zeros(1, 4, dtype=torch.bool)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "scaled_dot_product_attention", attention)
        for mode in (True, False):
            CrossEntropyWithDroppedKeys(model.train(mode)).logits(inputs)
    assert asked == [0.5, 0.0]


def test_how_much_is_dropped_is_drawn_for_each_window() -> None:
    tokens = np.zeros((200, 400), np.int64)
    roles = np.full((200, 400), 4, np.uint8)
    batch = batch_of(Hindsight(dropping=0.4), tokens, roles, VOCABULARY)
    assert isinstance(batch.inputs, dict)
    shares = batch.inputs["dropped"].float().mean(1)
    assert not batch.inputs["dropped"][:, 0].any()
    assert abs(shares.mean() - 0.2) < 0.03
    assert shares.min() < 0.05
    assert 0.35 < shares.max() < 0.46
    assert isinstance(batch_of(WHOLE, tokens, roles, VOCABULARY).inputs, tuple)


@pytest.mark.parametrize("settings", [{"share": 0.0}, {"chains": ("n",)}])
def test_a_model_is_not_asked_with_a_mark_that_it_never_saw(settings: dict[str, Any]) -> None:
    """Guards: the control without wrong solutions, which stopped at its first evaluation: "words without ids"."""
    method = Hindsight(**settings)
    problem = ProblemConfig(difficulty="nano")
    vocabulary = load_vocabulary(problem, "compact", method.marks)
    assert Mark.GOOD not in method.marks
    asked = ProblemSource(problem).problem(0)
    assert vocabulary.prompt(asked, method.prompt).tolist() == vocabulary.prompt(asked).tolist()


@pytest.mark.parametrize("chains", [("np",), ("p",), ("p", "n")])
def test_good_is_asked_for_where_there_is_any(chains: tuple[str, ...]) -> None:
    assert Hindsight(chains=chains).prompt == (Mark.GOOD,)
