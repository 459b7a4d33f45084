"""A model's graded samples, which verifiers learn from, and the questions that are asked about them.

Labels are exact: an outcome reward model (arXiv 2110.14168) is asked whether the whole solution is right, a process
reward model (arXiv 2305.20050) after each sentence whether all is right so far, up to the first that is not.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from igsm.checkpoints import find_checkpoint
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.sentences import split_answer
from igsm.errors import InputError
from igsm.grading.grade import grade
from igsm.grading.stepwise import Grade, StepGrader
from igsm.probing.config import ProbeConfig
from igsm.probing.probe import RIGHT, WRONG
from igsm.probing.questions import NO_ANSWER, Asked, QuestionRow, pack
from igsm.problems.problem import Problem
from igsm.rundir import read_jsonl, weights_digest

FOLDER = "samples"
"""In the run folder of the model that was sampled."""
PURPOSE = "samples of verifiers"
"""Of the problems that are solved, so that no evaluation has them."""
SPLITS = ("train", "test")


class Sampled(NamedTuple):
    """One sample, graded."""

    tokens: list[int]
    """Of the model, with the end token if there is one."""
    labels: list[int]
    """RIGHT or WRONG at the first of its `step_ends`, WRONG at the last of them only."""
    correct: bool
    """Of the whole solution."""


class Solved(NamedTuple):
    """A problem and its samples."""

    number: int
    op: int
    prompt: list[int]
    samples: list[Sampled]


def step_ends(tokens: Sequence[int], stop: int) -> list[int]:
    """Where the steps of a generated solution end: at each full stop, and at its last token, behind the answer."""
    ends = [place for place, token in enumerate(tokens) if token == stop]
    return ends if not tokens or (ends and ends[-1] == len(tokens) - 1) else [*ends, len(tokens) - 1]


def graded(problem: Problem, tokens: list[int], vocabulary: Vocabulary, stop: int) -> Sampled:
    """A sample with its labels.

    A sentence that takes itself back is right: nothing wrong stands after it. At the last token the question is that of
    the whole solution, which may be wrong by its end alone.

    Args:
        stop: the id of the full stop.
    """
    correct = grade(problem, *split_answer(tokens, vocabulary)).correct
    ends, grader, start = step_ends(tokens, stop), StepGrader(problem), 0
    labels = []
    for end in ends[:-1]:
        one = grader.add(vocabulary.decode(tokens[start : end + 1]))
        labels.append(WRONG if one.grade is Grade.WRONG else RIGHT)
        if one.grade is Grade.WRONG:
            return Sampled(tokens, labels, correct)
        start = end + 1
    return Sampled(tokens, [*labels, RIGHT if correct else WRONG], correct)


def sample_folder(config: ProbeConfig) -> Path:
    """Where the samples of a verifier lie: of the same problems, model and settings they are the same."""
    assert config.problem is not None
    assert config.samples is not None
    checkpoint = find_checkpoint(config.sampled)
    settings = [config.problem.stream_name, weights_digest(checkpoint), config.seed]
    settings += [getattr(config.samples, name) for name in ("problems", "held_out", "each", "temperature")]
    digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:12]
    return checkpoint.parent.parent / FOLDER / digest


def sample_file(folder: Path, split: str) -> Path:
    """The samples of the problems of a split: a problem a line."""
    return folder / f"{split}.jsonl.gz"


@functools.lru_cache(maxsize=4)
def read_samples(path: Path) -> list[Solved]:
    """The problems of a `sample_file`. Raises InputError for one that is not there, or that is none."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; `mistakes probe` samples the solutions before it trains")
    try:
        return [_solved(record) for record in read_jsonl(path)]
    except (KeyError, TypeError, EOFError, OSError):
        raise InputError(f"{path}: no file of samples; delete its folder, and they are drawn anew") from None


def _solved(record: dict[str, Any]) -> Solved:
    samples = [Sampled(one["tokens"], one["labels"], one["correct"]) for one in record["samples"]]
    return Solved(record["index"], record["op"], record["prompt"], samples)


def sample_rows(
    solved: Solved, question: str, stop: int, length: int, random: np.random.Generator
) -> Iterator[QuestionRow]:
    """Rows that together hold the samples of a problem once, in random order; those too long for a row are left out.

    Args:
        question: outcome or process.
        stop: the id of the full stop.
        length: tokens of a row.
    """
    point = len(solved.prompt)
    asked = [_asked(point, sample, question, stop) for sample in solved.samples if sample.tokens]
    asked = [one for one in asked if point + len(one.ids) <= length]
    longest = max((len(one.ids) for one in asked), default=0)
    yield from pack(np.array(solved.prompt), len(asked), asked.__getitem__, longest, length, random)


def _asked(point: int, sample: Sampled, question: str, stop: int) -> Asked:
    ids, label = np.array(sample.tokens), RIGHT if sample.correct else WRONG
    if question == "outcome":
        return Asked(point, ids, label)
    targets = np.full(len(ids), NO_ANSWER)
    targets[step_ends(sample.tokens, stop)[: len(sample.labels)]] = sample.labels
    return Asked(point, ids, label, targets)


def stop_of(vocabulary: Vocabulary) -> int:
    """The id of the full stop, as a model numbers it."""
    return int(vocabulary.from_gpt2[vocabulary.encode_text(".")[0]])
