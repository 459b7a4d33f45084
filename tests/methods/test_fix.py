"""Fix and continue: what stands between the wrong step and BACK, what is graded, what carries loss."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from igsm.corpus.documents import lay_out
from igsm.corpus.written import written_of
from igsm.decoding.detectors import GroundTruth
from igsm.methods.fix import Fix
from igsm.methods.restart import Restart
from igsm.mistakes.document import Document
from igsm.mistakes.layout import PLAIN, Role
from igsm.mistakes.rows import MISTAKE_STEP
from igsm.mistakes.source import DocumentSource
from tests.methods.written import EASY, VOCABULARY, Laid, laid, some_block, with_loss

DELAYS = pytest.mark.parametrize("delay", [0, 1, 3, "end"])


def wrong_and_rest(one: Laid) -> tuple[str, str, str]:
    """What is taken back, how it is said, and what follows."""
    steps, _, rest = one.text.partition(" BACK")
    number, _, rest = rest.partition(".")
    return steps, number, rest


@DELAYS
def test_it_is_right_once_the_wrong_steps_are_taken_back(delay: Any) -> None:
    """By our own grader, which counts as many sentences taken back as the number says."""
    seen = Counter[str]()
    for one in laid(Fix(delay=delay), n=60):
        steps, number, rest = wrong_and_rest(one)
        place = int(one.written.mistake[MISTAKE_STEP])
        taken_back = min(1 + (99 if delay == "end" else delay), steps.count("Define") - place)
        assert number == ("" if taken_back == 1 else f" {taken_back}")
        verdict = one.verdict
        assert verdict.correct, (one.text, verdict.error)
        assert verdict.taken_back == taken_back
        assert verdict.needlessly_taken_back == 0
        assert rest.startswith(".".join(one.problem.solution_text.split(".")[place:]))
        seen[number] += 1
    assert len(seen) == 1 if delay == 0 else len(seen) > 1


def test_without_delay_it_is_the_mistake_that_is_taken_back_at_once() -> None:
    """Token by token the document of data.mistakes with that one mistake."""
    source = DocumentSource(EASY, seed=2)
    for one in laid(Fix(weights=(("wrong_result", 1.0),)), n=20):
        index = next(i for i in range(20) if source.problem(i).text == one.problem.text)
        document = Document.of_record(source.record(index), source.lexicon, one.written.mistake[None])
        tokens, roles = lay_out(written_of(document), PLAIN, VOCABULARY)
        assert one.tokens.tolist() == tokens.tolist()
        assert (one.roles & ~np.uint8(Role.ATTEMPT | Role.CONSEQUENCE)).tolist() == roles.tolist()


@DELAYS
def test_loss_token_by_token(delay: Any) -> None:
    """All of it as the recipe says, or all but what is taken back; "BACK" itself is learnt."""
    for one in laid(Fix(delay=delay), n=8):
        steps, number, rest = wrong_and_rest(one)
        right = ".".join(steps.split(".")[: one.written.mistake[MISTAKE_STEP]])
        right += "." * bool(right)
        everything = f"_{one.problem.text}<|solution|>{one.text}<|end|>"
        assert with_loss(Fix(delay=delay), one) == everything
        solution = f"_{one.text}<|end|>"
        assert with_loss(Fix(delay=delay), one, loss_on="solution") == solution
        learnt = f"_{right}_ BACK{number}.{rest}<|end|>".replace("__", "_")
        assert with_loss(Fix(delay=delay, loss="right"), one, loss_on="solution") == learnt


def test_the_ground_truth_detector_knows_what_is_taken_back() -> None:
    """Guards: retry upon regret that objects to the second definition of what BACK 3 has taken back."""
    for method in (Fix(delay=2), Restart(delay=2)):
        for one in laid(method, n=20):
            again = one.text.index("<|restart|>") if "<|restart|>" in one.text else one.text.index(" BACK")
            places = [
                found.end() for found in re.finditer(r" Define [^.;]* as(?= )", one.text) if found.start() > again
            ]
            assert places
            assert not any(GroundTruth.regrets_text(one.problem, one.text[:place]) for place in places)


def test_blocks_have_it_in_its_share() -> None:
    back = VOCABULARY.encode_text(" BACK")[0]
    made = some_block(Fix(share=0.3, delay=1), windows=48)
    assert abs((made == back).sum() / (made == 50256).sum() - 0.3) < 0.1
    assert not (some_block(Fix(share=0.0)) == back).any()
