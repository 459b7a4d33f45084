"""The learned detector: guards against a cache that keeps tokens rolled back or mixes rows up."""

from __future__ import annotations

import pytest
import torch

from igsm.config import load_config
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.cache import row_bytes
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.detectors import Question
from igsm.probing import detector as module
from igsm.probing.config import ProbeConfig
from igsm.probing.detector import LearnedDetector, load_detector
from igsm.probing.probe import CANNOT, Probe
from igsm.problems.difficulty import ProblemConfig
from tests.probing.test_tree import tiny_probe


def alone(probe: Probe, text: list[int]) -> float:
    ids = torch.tensor([text])
    order = torch.arange(len(text))[None]
    logits = probe(ids, order, torch.zeros_like(ids), order + 1)
    return float(logits[0, -1].softmax(-1)[CANNOT])


def question(index: int, prompt: list[int], tokens: list[int], sample: int = 0) -> Question:
    return Question(index, None, prompt, tokens, sample)


# Asked in this order: grows, is rolled back and grows differently, several rows, the same question again.
ROUNDS = [
    [question(0, [1, 2, 3], [4, 5]), question(1, [2, 2], [7])],
    [question(0, [1, 2, 3], [4, 5, 6, 7, 8])],
    [question(0, [1, 2, 3], [4, 5, 9, 9]), question(1, [2, 2], [7, 1, 1, 3]), question(2, [5], [5, 5])],
    [question(0, [1, 2, 3], [4, 5, 9, 9]), question(0, [1, 2, 3], [4, 1], sample=1)],
    [question(3, [9, 8, 7], [1]), question(1, [2, 2], [7, 1]), question(0, [1, 2, 3], [4, 5, 9, 9, 1])],
    # one row near the end of the context, padded to the length of another that is new
    [question(0, [1, 2, 3], [4, 5, 9, 9, 1, 1, 2, 3, 4, 5, 6])],
    [question(0, [1, 2, 3], [4, 5, 9, 9, 1, 1, 2, 3, 4, 5, 6, 7]), question(4, [5, 5, 6], [4, 1, 2, 6, 7, 8, 9, 1])],
]


@pytest.mark.parametrize("rows", [1, 2, 16])
@pytest.mark.parametrize("scores", [1, 2**24])
@pytest.mark.parametrize("canon", ["none", "AC"])
def test_cached_answers_equal_those_of_the_whole_text(
    rows: int, scores: int, canon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SCORES_A_PASS", scores)
    probe = tiny_probe(canon)
    detector = LearnedDetector(probe, rows=rows, context=16)
    for questions in ROUNDS:
        expected = [alone(probe, [*one.prompt, *one.tokens]) for one in questions]
        assert detector.probabilities(questions) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("rows", [1, 4])
def test_two_texts_of_one_row_in_one_call_are_told_apart(rows: int) -> None:
    """Guards: finished hypotheses of one problem that write over each other's keys and values."""
    probe = tiny_probe()
    detector = LearnedDetector(probe, rows=rows, context=16)
    both = [question(0, [1, 2, 3], [4, 5, 6]), question(0, [1, 2, 3], [9, 9, 9, 1])]
    for asked in (both, both[::-1], both[:1]):
        expected = [alone(probe, [*one.prompt, *one.tokens]) for one in asked]
        assert detector.probabilities(asked) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("rows_in_memory", "units", "rows"), [(0.5, 16, 1), (2.9, 16, 2), (100, 3, 3)])
def test_memory_caps_the_rows_and_not_the_answers(
    rows_in_memory: float, units: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a cache that outgrows its memory or the rows decoded, and answers that depend on its size."""
    probe = tiny_probe("AC")
    overrides = ["problem.difficulty=nano", "vocabulary=compact"]
    config = load_config(ProbeConfig, "configs/probe/version1.yaml", overrides)
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"))
    monkeypatch.setattr(module, "load_probe", lambda *_: (probe, config))
    monkeypatch.setattr(module, "vocabulary_of", lambda *_: vocabulary)
    one_row = row_bytes(probe.model.slots, 16, torch.float32)
    monkeypatch.setattr(module, "_MEMORY_ON_CPU", int(rows_in_memory * one_row))
    decoder = parse_decoder("regret-version1@folder")
    capped = load_detector(decoder, vocabulary, "cpu", units, context=16)
    large = LearnedDetector(probe, rows=64, context=16)
    assert isinstance(capped, LearnedDetector)
    assert capped.cache.nbytes == rows * one_row
    for questions in ROUNDS:
        assert capped.probabilities(questions) == pytest.approx(large.probabilities(questions), abs=1e-5)
    assert capped.read_of.total() > large.read_of.total()


def test_only_new_tokens_are_read() -> None:
    detector = LearnedDetector(tiny_probe(), rows=4, context=16)
    detector.regrets([question(0, [1, 2, 3], [4, 5])])
    assert detector.read_of[0] == 2
    detector.regrets([question(0, [1, 2, 3], [4, 5, 6, 7])])
    assert detector.read_of[0] == 4
    detector.regrets([question(0, [1, 2, 3], [4, 5, 9])])
    assert detector.read_of[0] == 5


def test_the_threshold_decides() -> None:
    probe = tiny_probe()
    asked = [question(0, [1, 2, 3], [4, 5])]
    answer = LearnedDetector(probe, rows=1, context=16).probabilities(asked)[0]
    assert LearnedDetector(probe, rows=1, context=16, threshold=answer - 1e-3).regrets(asked) == [True]
    assert LearnedDetector(probe, rows=1, context=16, threshold=answer + 1e-3).regrets(asked) == [False]
