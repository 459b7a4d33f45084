"""The learned detector: guards against a cache that keeps withdrawn tokens or mixes rows up."""

from __future__ import annotations

import pytest
import torch

from igsm.decoding.detectors import Question
from igsm.probing import detector as module
from igsm.probing.detector import LearnedDetector
from igsm.probing.probe import CANNOT, Probe
from tests.probing.test_tree import tiny_probe


def alone(probe: Probe, text: list[int]) -> float:
    ids = torch.tensor([text])
    order = torch.arange(len(text))[None]
    logits = probe(ids, order, torch.zeros_like(ids), order + 1)
    return float(logits[0, -1].softmax(-1)[CANNOT])


def question(index: int, prompt: list[int], tokens: list[int], sample: int = 0) -> Question:
    return Question(index, None, prompt, tokens, sample)


# Asked in this order: grows, is withdrawn and grows differently, several rows, the same question again.
ROUNDS = [
    [question(0, [1, 2, 3], [4, 5]), question(1, [2, 2], [7])],
    [question(0, [1, 2, 3], [4, 5, 6, 7, 8])],
    [question(0, [1, 2, 3], [4, 5, 9, 9]), question(1, [2, 2], [7, 1, 1, 3]), question(2, [5], [5, 5])],
    [question(0, [1, 2, 3], [4, 5, 9, 9]), question(0, [1, 2, 3], [4, 1], sample=1)],
    [question(3, [9, 8, 7], [1]), question(1, [2, 2], [7, 1]), question(0, [1, 2, 3], [4, 5, 9, 9, 1])],
]


@pytest.mark.parametrize("rows", [1, 2, 16])
@pytest.mark.parametrize("scores", [1, 2**24])
def test_cached_answers_equal_those_of_the_whole_text(rows: int, scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SCORES_A_PASS", scores)
    probe = tiny_probe()
    detector = LearnedDetector(probe, rows=rows, context=16)
    for questions in ROUNDS:
        expected = [alone(probe, [*one.prompt, *one.tokens]) for one in questions]
        assert detector.probabilities(questions) == pytest.approx(expected, abs=1e-5)


def test_only_new_tokens_are_read() -> None:
    detector = LearnedDetector(tiny_probe(), rows=4, context=16)
    detector.regrets([question(0, [1, 2, 3], [4, 5])])
    assert detector.tokens_read == 5
    detector.regrets([question(0, [1, 2, 3], [4, 5, 6, 7])])
    assert detector.tokens_read == 7
    detector.regrets([question(0, [1, 2, 3], [4, 5, 9])])
    assert detector.tokens_read == 8


def test_the_threshold_decides() -> None:
    probe = tiny_probe()
    asked = [question(0, [1, 2, 3], [4, 5])]
    answer = LearnedDetector(probe, rows=1, context=16).probabilities(asked)[0]
    assert LearnedDetector(probe, rows=1, context=16, threshold=answer - 1e-3).regrets(asked) == [True]
    assert LearnedDetector(probe, rows=1, context=16, threshold=answer + 1e-3).regrets(asked) == [False]
