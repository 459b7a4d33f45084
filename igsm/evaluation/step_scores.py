"""Detectors of first errors that are models: a score for each step of solutions, for `mistakes check --score`.

A run scores a step by the mean log-probability of its tokens; a probe by the probability that it is right, or, when it
was asked about names only, that its parameter can be computed there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from igsm.checkpoints import CONFIG, find_checkpoint, find_stored
from igsm.config import build_config, load_stored
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.detectors import Question
from igsm.decoding.devices import default_devices
from igsm.decoding.engine import prepare
from igsm.errors import InputError
from igsm.evaluation.runs import load_run
from igsm.grading.reader import Reader
from igsm.grading.steps import stated_name
from igsm.probing.config import ProbeConfig
from igsm.probing.detector import LearnedDetector
from igsm.probing.train import load_probe, vocabulary_of
from igsm.problems.difficulty import ProblemClass
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem

ROWS = 32
"""Solutions that are read side by side."""

Record = dict[str, Any]
Progress = Callable[[int], object]
"""Solutions scored so far."""


class _Text(NamedTuple):
    """A record as ids of a model."""

    prompt: list[int]
    steps: list[list[int]]


def step_scores(folder: Path, benchmark: Sequence[Record], progress: Progress = lambda done: None) -> list[list[float]]:
    """Scores of the steps of each record of a benchmark (`igsm.grading.detection.read_benchmark`), higher is better.

    A step that names no parameter has the score 0 of a probe that is asked about names.

    Args:
        folder: a run, a probe, or a checkpoint of one.

    Raises:
        InputError: neither of these, or a record whose problem or words the model does not know.
    """
    device = default_devices()[0]
    score = _probe(folder, device) if _is_probe(folder) else _run(folder, device)
    found: list[list[float]] = []
    for start in range(0, len(benchmark), ROWS):
        found += score(benchmark[start : start + ROWS])
        progress(len(found))
    return found


_Score = Callable[[Sequence[Record]], list[list[float]]]


def _is_probe(folder: Path) -> bool:
    return bool(load_stored(find_checkpoint(folder) / CONFIG).get("stage") == "probe")


def _run(folder: Path, device: str) -> _Score:
    run = load_run(folder)
    model = prepare(run.decoded, device, "auto")
    marks, law = run.data.method.prompt, run.data.problem.problem_class

    @torch.inference_mode()
    def score(records: Sequence[Record]) -> list[list[float]]:
        texts = [
            _encoded(record, run.vocabulary, law, lambda one: run.vocabulary.prompt(one, marks, run.examples))
            for record in records
        ]
        rows = [[*one.prompt, *(token for step in one.steps for token in step)] for one in texts]
        ids = torch.tensor([[*row, *[0] * (max(map(len, rows)) - len(row))] for row in rows], device=device)
        states = model.hidden(ids[:, :-1])
        found = []
        for number, one in enumerate(texts):
            begin = len(one.prompt)
            # the state before a token says how probable it is
            logits = model.head(states[number, begin - 1 : len(rows[number]) - 1]).float()
            each = logits.log_softmax(-1).gather(-1, ids[number, begin : len(rows[number]), None])[:, 0]
            found.append([float(part.mean()) for part in each.split([len(step) for step in one.steps])])
        return found

    return score


def _prompts(folder: Path, config: ProbeConfig, vocabulary: Vocabulary) -> Callable[[Problem], np.ndarray]:
    """The prompts that a probe was trained on: a verifier's are those of the run that was sampled."""
    if config.question not in ("process", "outcome"):
        return vocabulary.prompt
    try:
        checkpoint, stored = find_stored(config.sampled, "model")
    except InputError as error:
        print(f"{folder}: {error}; its method's prompts are taken for plain ones", file=sys.stderr)
        return vocabulary.prompt
    data = build_config(DataConfig, stored.get("data") or {}, f"{checkpoint}, data")
    marks, examples = data.method.prompt, data.method.examples(data, vocabulary)
    return lambda problem: vocabulary.prompt(problem, marks, examples)


def _probe(folder: Path, device: str) -> _Score:
    probe, config = load_probe(folder, device)
    vocabulary = vocabulary_of(config, folder)
    assert config.problem is not None
    law, prompt = config.problem.problem_class, _prompts(folder, config, vocabulary)

    def score(records: Sequence[Record]) -> list[list[float]]:
        texts = [_encoded(record, vocabulary, law, prompt) for record in records]
        longest = max(len(one.prompt) + sum(map(len, one.steps)) for one in texts)
        detector = LearnedDetector(probe, rows=len(texts), context=longest + 1)
        found: list[list[float]] = [[] for _ in texts]
        for place in range(max(len(one.steps) for one in texts)):
            asked = []
            for number, (record, one) in enumerate(zip(records, texts, strict=True)):
                if place < len(one.steps):
                    end = _asked_at(config.question, record["steps"][place], one.steps[place], vocabulary)
                    before = [token for step in one.steps[:place] for token in step]
                    asked.append((number, end and Question(number, None, one.prompt, [*before, *end])))
            wrong = iter(detector.probabilities([question for _, question in asked if question]))
            for number, question in asked:
                found[number].append(1 - next(wrong) if question else 0.0)
        return found

    return score


def _asked_at(question: str, sentence: str, step: list[int], vocabulary: Vocabulary) -> list[int] | None:
    """The tokens of a step up to where a probe is asked; None where it cannot be."""
    if question == "can_next":
        name = stated_name(sentence.removesuffix("."))
        return None if name is None else _ids(f" Define {name} as", vocabulary)
    return step[:-1] if question == "step" else step


def _encoded(record: Record, vocabulary: Vocabulary, law: ProblemClass, prompt: Callable[[Problem], Any]) -> _Text:
    try:
        problem = _reader(law.lexicon).read(str(record.get("problem")), record.get("modulus") or law.modulus)
        # the full stop is a token of its own: models write " =." too, which is no word of the lexicon
        steps = [_ids(f" {step.removesuffix('.')}", vocabulary) + _ids(".", vocabulary) for step in record["steps"]]
    except InputError as error:
        raise InputError(f"'{record['id']}' is not of the texts this model knows: {error}") from None
    return _Text(prompt(problem).tolist(), steps)


def _ids(text: str, vocabulary: Vocabulary) -> list[int]:
    found: list[int] = vocabulary.from_gpt2[vocabulary.encode_text(text)].tolist()
    if min(found, default=0) < 0:
        raise InputError(f"its vocabulary lacks a word of '{text.strip()}'")
    return found


@lru_cache
def _reader(lexicon: str) -> Reader:
    return Reader(load_lexicon(lexicon))
