"""Verifiers: what they say of samples in one pass is what they say of each alone."""

from __future__ import annotations

import pytest
import torch

from igsm.corpus.vocabulary import ANSWER_START, load_vocabulary
from igsm.decoding.detectors import Question
from igsm.probing import verifier as module
from igsm.probing.detector import LearnedDetector
from igsm.probing.verifier import Verifier
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from tests.probing.test_detector import alone
from tests.probing.test_tree import tiny_probe

VOCABULARY = load_vocabulary(ProblemConfig(difficulty="nano"))
PROMPT = [3, 1, 4, 1, 5]
SOLUTIONS = [[2, 6, 5, 3, 5], [8, 9, 7], [9, 3, 2, 3, 8, 4], [6]]


@pytest.mark.parametrize("row", [4096, 16, 1])
@pytest.mark.parametrize("canon", ["none", "AC"])
def test_scores_in_one_pass_equal_full_passes_of_each(row: int, canon: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ROW", row)
    probe = tiny_probe(canon)
    verifier = Verifier(probe, "process", VOCABULARY)
    monkeypatch.setattr(verifier, "places", lambda tokens: list(range(0, len(tokens), 2)))
    found, read = verifier.score(PROMPT, SOLUTIONS)
    for scores, tokens in zip(found, SOLUTIONS, strict=True):
        expected = [1 - alone(probe, [*PROMPT, *tokens[: place + 1]]) for place in range(0, len(tokens), 2)]
        assert scores == pytest.approx(expected, abs=1e-5)
    assert read == sum(map(len, SOLUTIONS)), "prompts are not counted"


def test_each_question_is_asked_where_it_was_trained() -> None:
    def places(question: str) -> list[str]:
        return [
            VOCABULARY.decode(tokens[: place + 1]) for place in Verifier(probe, question, VOCABULARY).places(tokens)
        ]

    probe = tiny_probe()
    source = ProblemSource(ProblemConfig(difficulty="nano"), 0)
    a, b = (problem.name(problem.question) for problem in map(source.problem, range(2)))
    first = f" Define {a} as BACK. Define {a} as x; so x = 3."
    second = f" Define {b} as y; so y = x = 3."
    ids = [*VOCABULARY.encode_text(first + second), ANSWER_START, *VOCABULARY.encode_text(" 3")]
    tokens = [*VOCABULARY.from_gpt2[ids].tolist(), VOCABULARY.end]
    everything = VOCABULARY.decode(tokens)
    stops = [first[: first.index(".") + 1], first, first + second]
    assert places("process") == [*stops, everything]
    assert places("outcome") == [everything]
    assert places("step") == [text.removesuffix(".") for text in stops]
    assert places("can_next") == [first[: first.rindex(" as") + 3], first + second[: second.index(" as") + 3]]


def test_a_text_that_follows_another_is_not_read_again() -> None:
    """Guards the copied cache: answers are those of the whole text, and only new tokens are fed."""
    probe = tiny_probe("AC")
    detector = LearnedDetector(probe, rows=8, context=32)

    def asked(*texts: list[int]) -> list[float]:
        return detector.probabilities([Question(0, None, PROMPT, text, row) for row, text in enumerate(texts)])

    asked([])
    detector.follow(0, [0, 0, 0])
    found = asked([2, 6], [8, 9], [9, 3, 2])
    assert detector.read_of[0] == 2 + 2 + 3, "the prompt is not counted"
    detector.follow(0, [2, 2, 1])
    more = [9, 3, 2, 7], [9, 3, 2, 8, 8], [8, 9, 1]
    again = asked(*more)
    assert detector.read_of[0] == 7 + 1 + 2 + 1
    for text, answer in zip([[2, 6], [8, 9], [9, 3, 2], *more], [*found, *again], strict=True):
        assert answer == pytest.approx(alone(probe, [*PROMPT, *text]), abs=1e-5)
    assert detector.forget(0) == 11
    assert detector.forget(0) == 0
    asked([2])
    assert detector.forget(0) == 1, "a problem that is forgotten is read anew"


@torch.no_grad()
def test_a_text_that_was_pushed_out_is_read_again() -> None:
    """Guards a KeyError where a kept beam has ended: the rows of its last children make room for the first."""
    probe = tiny_probe("AC")
    detector = LearnedDetector(probe, rows=3, context=32)
    detector.probabilities([Question(0, None, PROMPT, [row], row) for row in (0, 1, 5)])
    detector.follow(0, [5, 0, 5])
    texts = [[5, 2], [0, 3], [5, 4]]
    found = detector.probabilities([Question(0, None, PROMPT, text, row) for row, text in enumerate(texts)])
    assert found == pytest.approx([alone(probe, [*PROMPT, *text]) for text in texts], abs=1e-5)


@torch.no_grad()
def test_too_few_rows_to_follow() -> None:
    probe = tiny_probe()
    detector = LearnedDetector(probe, rows=2, context=32)
    detector.probabilities([Question(0, None, PROMPT, [], 0)])
    detector.follow(0, [0, 0, 0])
    found = detector.probabilities([Question(0, None, PROMPT, [row], row) for row in range(3)])
    assert found == pytest.approx([alone(probe, [*PROMPT, row]) for row in range(3)], abs=1e-5)
