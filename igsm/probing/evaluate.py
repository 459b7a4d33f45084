"""Measures of a trained probe: over all parameters, and on the model's own first mistakes (Part 2.2, Results 0 and 1).

The paper finds about 99 % over all parameters, also with many more operations than the probe was trained on, and about
60 % where the model itself first goes wrong. Over test cells: `igsm.evaluation.probed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from igsm.classification import THRESHOLD, summarise
from igsm.config import Config
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.detectors import Question
from igsm.errors import InputError
from igsm.grading.attempts import last_attempt
from igsm.grading.grade import grade
from igsm.grading.verdict import Kind
from igsm.probing.config import ProbeConfig
from igsm.probing.detector import LearnedDetector
from igsm.probing.probe import CANNOT, Probe
from igsm.probing.questions import NO_ANSWER, QuestionRow
from igsm.probing.samples import read_samples, sample_file, sample_rows, stop_of
from igsm.probing.solutions import read_solutions
from igsm.probing.train import load_probe, rows_about, samples_of, vocabulary_of
from igsm.problems.problem import Problem
from igsm.problems.record import OP
from igsm.problems.source import ProblemSource
from igsm.rundir import RunFolder, write_json
from igsm.seeds import numpy_generator

ROWS_A_PASS = 16
REPORT = "probe.json"


class Answers(NamedTuple):
    """A probe's answers to n questions."""

    problems: np.ndarray
    """int [n]: number of the problem that is asked about."""
    ops: np.ndarray
    """int [n]: its operations."""
    probabilities: np.ndarray
    """float [n]: of "cannot" (or "wrong")."""
    cannot: np.ndarray
    """bool [n]: whether it truly cannot be computed next (or is wrong)."""

    @property
    def right(self) -> np.ndarray:
        """bool [n]: whether the answer is the true one."""
        return (self.probabilities >= THRESHOLD) == self.cannot

    def summary(self) -> dict[str, Any]:
        """See `classification.summarise`."""
        return summarise(self.probabilities, self.cannot, self.problems)


Rows = Iterable[tuple[int, int, QuestionRow]]
"""Number of a problem, its operations, and questions about it."""


def measuring_length(config: ProbeConfig) -> int:
    """Tokens of the rows that a probe is measured on: twice those it was trained on, as solutions are generated up to
    twice the training context, so that problems with more operations fit."""
    return 2 * config.row_length


def measuring_device(device: str) -> str:
    """The device that "auto" stands for; any other as it is."""
    return device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def answers(
    probe: Probe, config: ProbeConfig, problems: int, seen: bool = False, vocabulary: Vocabulary | None = None
) -> Answers:
    """The probe's answers to every question about the first `problems` test problems that fit a row.

    Args:
        seen: new problems with solution templates of the training split instead of the test split's.
        vocabulary: the probe's; None: that of the model it starts from.
    """
    assert config.problem is not None
    problem = config.problem.model_copy(update={"split": "train" if seen else "test"})
    source, vocabulary = ProblemSource(problem, config.seed), vocabulary or vocabulary_of(config)
    longer = config.model_copy(update={"row_length": measuring_length(config)})
    if config.samples is not None:
        found = ask(probe, _held_out(longer, vocabulary, problems))
        if found is None:
            raise InputError(f"row_length: no held-out sample fits into {longer.row_length} tokens")
        return found
    rows = (
        (index, int(source.record(index).head[OP]), row)
        for index in range(problems)
        for row in rows_about(longer, vocabulary, source, index, numpy_generator("test questions", index))
    )
    found = ask(probe, rows)
    if found is None:
        raise InputError(f"row_length: none of {problems} test problems fits into {longer.row_length} tokens")
    return found


def _held_out(config: ProbeConfig, vocabulary: Vocabulary, problems: int) -> Rows:
    """All questions about the held-out samples of the first `problems` problems."""
    for solved in read_samples(sample_file(samples_of(config), "test"))[:problems]:
        random = numpy_generator("test questions", solved.number)
        for row in sample_rows(solved, config.question, stop_of(vocabulary), config.row_length, random):
            yield solved.number, solved.op, row


@torch.inference_mode()
def ask(probe: Probe, rows: Rows) -> Answers | None:
    """The probe's answers to the questions of all rows; None without rows."""
    device = probe.classifier.weight.device
    found: list[Answers] = []
    for part in _parts(rows, ROWS_A_PASS):
        ids, positions, branch, visible = (
            torch.from_numpy(np.stack([row[column] for *_, row in part])).to(device) for column in range(4)
        )
        targets = np.stack([row.targets for *_, row in part])
        asked = targets != NO_ANSWER
        probability = probe(ids, positions, branch, visible).float().softmax(-1)[..., CANNOT].cpu().numpy()
        index, ops = (
            np.broadcast_to(np.array([row[column] for row in part])[:, None], targets.shape) for column in range(2)
        )
        found.append(Answers(index[asked], ops[asked], probability[asked], targets[asked] == CANNOT))
    return Answers(*(np.concatenate(column) for column in zip(*found, strict=True))) if found else None


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def first_mistakes(solutions: Iterable[tuple[Problem, str]], vocabulary: Vocabulary) -> Iterator[tuple[Question, bool]]:
    """The steps at which a model's solutions first define a parameter that cannot be computed yet.

    Yields:
        The question as a decoder would ask it there, and whether it stands under the text's first error. Solutions
        that never define one, or whose words are not the lexicon's, are left out.
    """
    for index, (problem, text) in enumerate(solutions):
        verdict = grade(problem, text)
        step = next((s for s in verdict.steps if s.can_next is False and not s.taken_back), None)
        if step is None or verdict.error is None:
            continue
        sentences = last_attempt(text).text.split(".")
        before = "".join(f"{sentence}." for sentence in sentences[: step.number - 1])
        question = _question(index, problem, f"{before} Define {step.name} as", vocabulary)
        if question is not None:
            yield question, verdict.error.step == step.number


def first_wrong_steps(
    solutions: Iterable[tuple[Problem, str]], vocabulary: Vocabulary
) -> Iterator[tuple[Question, bool]]:
    """The first wrong step of a model's solutions, asked about at its end.

    Yields:
        The question, and True. Solutions that are right, that only stop too early, or whose words are not the
        lexicon's, are left out.
    """
    for index, (problem, text) in enumerate(solutions):
        error, sentences = grade(problem, text).error, last_attempt(text).text.split(".")
        if error is None or error.kind is Kind.STOPS_EARLY or error.step >= len(sentences):
            continue
        question = _question(index, problem, ".".join(sentences[: error.step]), vocabulary)
        if question is not None:
            yield question, True


def _question(index: int, problem: Problem, text: str, vocabulary: Vocabulary) -> Question | None:
    try:
        ids = vocabulary.encode_text(text)
    except InputError:
        return None
    return Question(index, problem, vocabulary.prompt(problem).tolist(), vocabulary.from_gpt2[ids].tolist())


def evaluate_probe(
    path: str | Path,
    problems: int,
    generations: Iterable[str | Path] = (),
    device: str = "auto",
    seen: bool = False,
) -> tuple[dict[str, Any], Answers]:
    """Measure the probe in a run folder and write `probe.json` there.

    Args:
        problems: test problems for the accuracy over all parameters; of a verifier the held-out ones, at most all.
        generations: files with the model's own solutions, for the detection of its first mistakes.
        seen: see `answers`.

    Returns:
        What was written: `all` and `by_op` (see `classification.summarise`), `first_mistakes` (n, detected, share).
        And the answers that `all` is of.
    """
    probe, config = load_probe(path, measuring_device(device))
    vocabulary = vocabulary_of(config, path)
    found = answers(probe, config, problems, seen, vocabulary)
    by_op = {int(op): Answers(*(column[found.ops == op] for column in found)).summary() for op in np.unique(found.ops)}
    report: dict[str, Any] = {
        "probe": _description(config),
        "problems": problems if config.samples is None else min(problems, config.samples.held_out),
        "templates": "seen" if seen else "test",
        "all": found.summary(),
        "by_op": by_op,
    }
    find = first_mistakes if config.question == "can_next" else first_wrong_steps
    solutions = read_solutions(generations, config)
    asked = [question for question, first in find(solutions, vocabulary) if first]
    if asked:
        number = sum(detected(probe, asked))
        report["first_mistakes"] = {"n": len(asked), "detected": number, "share": number / len(asked)}
    write_json(RunFolder(path).path / REPORT, report)
    return report, found


def detected(probe: Probe, asked: Sequence[Question]) -> list[bool]:
    """Which of these definitions the probe, used as a detector, regrets."""
    longest = max((len(question.prompt) + len(question.tokens) for question in asked), default=1)
    return LearnedDetector(probe, threshold=THRESHOLD, rows=ROWS_A_PASS, context=longest).regrets(asked)


def _description(config: Config) -> dict[str, Any]:
    content = config.model_dump(mode="json")
    return {
        key: content[key] for key in ("from", "random_weights", "question", "problem", "lora", "row_length", "seed")
    }
