"""Solutions for verifiers to learn from: a model's samples of problems that no evaluation has, graded and kept.

They lie in `RUN/samples/` of the model that was sampled, where every verifier that wants the same ones finds them.
"""

from __future__ import annotations

import gzip
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Generation, Request
from igsm.decoding.sentences import split_answer
from igsm.decoding.streams import problem_key
from igsm.errors import InputError
from igsm.evaluation.runs import LoadedRun, load_run
from igsm.grading.evaluations import SUMMARY
from igsm.locks import Occupied, locked
from igsm.probing.config import ProbeConfig
from igsm.probing.samples import PURPOSE, SPLITS, graded, sample_file, sample_folder, stop_of
from igsm.probing.train import vocabulary_of
from igsm.problems.source import ProblemSource
from igsm.rundir import atomic_write, provenance, read_json, weights_digest, write_json

Json = dict[str, Any]
_POLL = 1.0
"""Seconds between two looks at what another process draws."""


def make_samples(config: ProbeConfig, progress: Callable[[int], object] = lambda drawn: None) -> Json:
    """Draw and grade the samples of a verifier's settings, unless they are there; wait for another process that does.

    Args:
        config: resolved, of a verifier.
        progress: called after every sample that is drawn with their number.

    Returns:
        Their summary: settings, provenance, and by split how many samples are right.

    Raises:
        InputError: no run to sample, or one of another vocabulary than the verifier's.
    """
    folder = sample_folder(config)
    while not (folder / SUMMARY).is_file():
        try:
            with locked(folder, "drawing samples"):
                if not (folder / SUMMARY).is_file():
                    _make(config, folder, progress)
        except Occupied:
            time.sleep(_POLL)
    found: Json = read_json(folder / SUMMARY)
    return found


def _make(config: ProbeConfig, folder: Path, progress: Callable[[int], object]) -> None:
    assert config.samples is not None
    run = load_run(config.sampled)
    if run.vocabulary.fingerprint != vocabulary_of(config).fingerprint:
        raise InputError(f"samples.of: {config.sampled} has another vocabulary than {config.from_}")
    counts, before = {}, 0
    for split, n in zip(SPLITS, (config.samples.problems, config.samples.held_out), strict=True):
        records = _draw(config, run, split, n, lambda drawn, before=before: progress(before + drawn))  # type: ignore[misc]
        before += n * config.samples.each
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        atomic_write(sample_file(folder, split), gzip.compress(lines.encode(), mtime=0))
        samples = [sample for record in records for sample in record["samples"]]
        counts[split] = {"samples": len(samples), "right": sum(sample["correct"] for sample in samples)}
    settings = {
        "run": str(run.path),
        "checkpoint": run.checkpoint.name,
        "weights": weights_digest(run.checkpoint),
        "problem": config.problem and config.problem.model_dump(mode="json"),
        "seed": config.seed,
        **config.samples.model_dump(exclude={"of"}),
    }
    write_json(folder / SUMMARY, settings | counts | {"provenance": provenance()})


def _draw(config: ProbeConfig, run: LoadedRun, split: str, n: int, progress: Callable[[int], object]) -> list[Json]:
    """The records of the first n problems of a split, in order."""
    assert config.problem is not None
    assert config.samples is not None
    vocabulary, each, marks = run.vocabulary, config.samples.each, run.data.method.prompt
    source = ProblemSource(config.problem.model_copy(update={"split": split}), config.seed, purpose=PURPOSE)
    problems = [source.problem(index) for index in range(n)]
    prompts = [vocabulary.prompt(problem, marks, run.examples).tolist() for problem in problems]
    requests = [
        Request(index * each + sample, prompts[index], problem_key(PURPOSE, config.seed, split, index, sample))
        for index in range(n)
        for sample in range(each)
    ]
    found: dict[int, list[Generation]] = defaultdict(list)
    with run.decoding(parse_decoder(f"sample:{config.samples.temperature:g}")) as decoding:
        for number, generation in enumerate(decoding.run(requests), 1):
            found[generation.index // each].append(generation)
            progress(number)
    stop = stop_of(vocabulary)
    records = []
    for index, (problem, prompt) in enumerate(zip(problems, prompts, strict=True)):
        samples = []
        for generation in sorted(found[index], key=lambda one: one.index):
            tokens, labels, correct = graded(problem, generation.tokens, vocabulary, stop)
            solution, answer = split_answer(tokens, vocabulary)
            samples.append(
                {"solution": solution, "answer": answer, "correct": correct, "labels": labels, "tokens": tokens}
            )
        records.append(
            {"index": index, "op": problem.op, "problem": problem.text, "prompt": prompt, "samples": samples}
        )
    return records
