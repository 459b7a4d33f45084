"""Evaluate a run: cells times decoders, each resumable, each in a folder of its own.

`RUN/eval/<cell>-<decoder>/` holds `generations.jsonl.gz` (what `mistakes check` grades again), `verdicts.jsonl` and,
when finished, `summary.json`. Until then the generations so far lie in `generations.partial.jsonl`.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from igsm.config import build_config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary, read_vocabulary
from igsm.decoding.decoders import DecoderName
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation.cells import Cell, figure_cells
from igsm.evaluation.generate import Json, generations, verdict_of
from igsm.evaluation.testsets import TestSet, load_test_set
from igsm.locks import locked
from igsm.model import GPT
from igsm.model.checkpoint import find_checkpoint, load_model
from igsm.probing.detector import load_detector
from igsm.rundir import (
    JsonlWriter,
    RunFolder,
    atomic_write,
    provenance,
    read_json,
    read_jsonl,
    weights_digest,
    write_json,
)
from igsm.statistics import wilson

_OPTIONS = ("n", "seed", "precision", "context")  # of `mistakes eval`, under these names


@dataclass(frozen=True)
class LoadedRun:
    """A run's model and what it was trained on."""

    path: Path
    checkpoint: Path
    model: GPT
    data: DataConfig
    vocabulary: Vocabulary

    @property
    def folder(self) -> RunFolder:
        """The run folder, also when `path` is one of its checkpoints."""
        inside = self.checkpoint == self.path and self.path.parent.name == "checkpoints"
        return RunFolder(self.path.parent.parent if inside else self.path)

    def decoding(self, decoder: DecoderName, **options: Any) -> Decoding:
        """The model made ready for a decoder, also one with a learned detector; `options` of `Decoding`."""
        return Decoding(self.model, decoder, self.vocabulary, make=load_detector, **options)


def load_run(path: str | Path) -> LoadedRun:
    """Load a run's newest checkpoint, or the checkpoint that `path` is.

    Raises:
        InputError: no run, no checkpoint, or one whose vocabulary is not the data's.
    """
    path = Path(path)
    model, config = load_model(path)
    if not config.get("data"):
        raise InputError(f"{path}: its config says nothing of the data it was trained on")
    data = build_config(DataConfig, config["data"], f"{path}, data")
    if data.corpus != "igsm":
        raise InputError(f"{path}: trained on '{data.corpus}'; only runs on igsm problems can be evaluated")
    checkpoint = find_checkpoint(path)
    vocabulary = read_vocabulary(checkpoint, data.problem, data.vocabulary)
    if (model.config.vocabulary_size or 0) < vocabulary.size:
        raise InputError(
            f"{path}: the model knows {model.config.vocabulary_size} ids, its data's vocabulary has {vocabulary.size}"
        )
    return LoadedRun(path, checkpoint, model, data, vocabulary)


Progress = Callable[[int, int], None]
"""(graded, correct) so far."""


def evaluate(
    run: LoadedRun,
    cell: Cell,
    decoding: Decoding,
    n: int,
    seed: int,
    *,
    progress: Progress = lambda graded, correct: None,
) -> Json:
    """The summary of a cell with a decoder: read if it is there, otherwise made, going on where it was stopped.

    Args:
        decoding: of the run's model, see `LoadedRun.decoding`.
        n: problems.
        seed: of the test set and of sampling.
        progress: called after each graded solution.

    Raises:
        InputError: the folder holds the results of another n, seed, checkpoint or test set, another process is
            evaluating there, or it cannot be written.
    """
    assert decoding.model is run.model, "the solutions of one model would be filed under another"
    folder = run.folder.evaluation(cell.name, decoding.decoder.name)
    tests = load_test_set(cell, run.data.problem, run.vocabulary, n, seed)
    settings = _settings(run, cell, decoding, n, seed) | {"test_set": tests.digest}
    done = folder / "summary.json"
    if not done.is_file():
        with locked(folder, "evaluating"):
            if not done.is_file():  # or another process has finished it in between
                return _make(decoding, folder, settings, tests, progress)
    summary = _read_summary(done, settings)
    for key, value in settings.items():
        if summary.get(key) != value:
            same = f"with --{key} {summary.get(key)}" if key in _OPTIONS else "with the same settings"
            raise InputError(
                f"{folder}: holds results with {key}={summary.get(key)}, not {value}; "
                f"move the folder away or repeat the evaluation {same}"
            )
    progress(summary["n"], summary["correct"])
    return summary


def _make(decoding: Decoding, folder: Path, settings: Json, tests: TestSet, progress: Progress) -> Json:
    """Generate and grade what is missing of a cell; write its files, the summary last."""
    started = time.perf_counter()
    try:
        records, verdicts, n_kept = _generate_and_grade(decoding, folder, settings, tests, progress)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        raise InputError(
            f"{folder}: cannot be written: {error.strerror}; what is finished is kept, the same command goes on"
        ) from None
    detector = decoding.decoder.detector
    summary = (
        settings
        | summarise(verdicts)
        | {
            "detector_folder": detector.folder if detector else None,
            "left_out": tests.left_out,
            "seconds": round(time.perf_counter() - started, 2),
            "resumed_from": n_kept,
            "provenance": provenance(),
        }
    )
    packed = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    atomic_write(folder / "generations.jsonl.gz", gzip.compress(packed.encode(), mtime=0))
    atomic_write(folder / "verdicts.jsonl", "".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    write_json(folder / "summary.json", summary)
    (folder / "generations.partial.jsonl").unlink(missing_ok=True)
    return summary


def finished(folder: RunFolder) -> list[Json]:
    """The summaries of all cells of a run that are done, by name; broken ones are left out."""
    found = []
    for path in sorted(folder.evaluations.glob("*/summary.json")):
        with contextlib.suppress(InputError):
            found.append(_read_summary(path, {}))
    return found


def _settings(run: LoadedRun, cell: Cell, decoding: Decoding, n: int, seed: int) -> Json:
    """What a result depends on, but for the test set. Models count by their weights, wherever they lie."""
    detector = decoding.decoder.detector
    folder = detector.folder if detector else None
    return {
        "cell": cell.name,
        "decoder": decoding.decoder.name,
        "n": n,
        "seed": seed,
        "checkpoint": run.checkpoint.name,
        "weights": weights_digest(run.checkpoint),
        "detector": None if folder is None else weights_digest(find_checkpoint(folder)),
        "precision": decoding.precision,
        "context": decoding.context,
    }


def _read_summary(path: Path, settings: Json) -> Json:
    summary = read_json(path)
    expected = settings | summarise([])
    missing = [key for key in expected if key not in summary] if isinstance(summary, dict) else list(expected)
    if missing:
        raise InputError(f"{path}: no summary of this version: '{missing[0]}' is missing; move its folder away")
    found: Json = summary
    return found


def _generate_and_grade(
    decoding: Decoding,
    folder: Path,
    settings: Json,
    tests: TestSet,
    progress: Progress,
) -> tuple[list[Json], list[Json], int]:
    """Records and verdicts in the order of the problems, and how many were there before; each is on disk at once."""
    partial = folder / "generations.partial.jsonl"
    records: dict[int, Json] = {}
    verdicts: dict[int, Json] = {}
    correct = 0

    def take(record: Json) -> None:
        nonlocal correct
        index = record["index"]
        verdicts[index] = verdict_of(record, tests.problems[index].problem)
        records[index] = record
        correct += verdicts[index]["correct"]
        progress(len(verdicts), correct)

    if partial.is_file():
        head, *kept = list(read_jsonl(partial)) or [{}]
        if head == settings:
            for number, record in enumerate(kept, 2):
                try:
                    take(record)
                except (KeyError, IndexError, TypeError, AttributeError):
                    raise InputError(f"{partial}, line {number}: no record of this cell; delete the file") from None
        else:
            partial.unlink()
    n_kept = len(records)
    with JsonlWriter(partial) as writer:
        if not records and partial.stat().st_size == 0:
            writer.write(settings)
        missing = [test for test in tests.problems if test.index not in records]
        stream = f"seed {settings['seed']}, {settings['cell']}"
        for record in generations(decoding, missing, stream):
            writer.write(record)
            take(record)
    order = range(len(tests.problems))
    return [records[i] for i in order], [verdicts[i] for i in order], n_kept


def summarise(verdicts: Sequence[Json]) -> Json:
    """What many verdicts come to; means over no solution are None."""
    right = [verdict for verdict in verdicts if verdict["correct"]]
    wrong = [verdict for verdict in verdicts if not verdict["correct"]]
    low, high = wilson(len(right), len(verdicts))
    kinds = Counter(verdict["error"]["kind"] for verdict in wrong)
    return {
        "correct": len(right),
        "accuracy": len(right) / len(verdicts) if verdicts else None,
        "interval": [low, high],
        "retries": {"mean_on_correct": _mean(right, "retries"), "mean_on_wrong": _mean(wrong, "retries")},
        "withdrawn": {"mean_on_correct": _mean(right, "withdrawn"), "mean_on_wrong": _mean(wrong, "withdrawn")},
        "unnecessary_parameters": _mean(right, "unnecessary_parameters"),
        "unnecessary_operations": _mean(right, "unnecessary_operations"),
        "generated_tokens": _mean(verdicts, "generated_tokens"),
        "first_errors": dict(kinds.most_common()),
        "always_zero": fmean(verdict["true_answer"] == 0 for verdict in verdicts) if verdicts else None,
    }


def _mean(verdicts: Sequence[Json], key: str) -> float | None:
    return fmean(verdict[key] for verdict in verdicts) if verdicts else None


def generation_accuracy(model: GPT, data: DataConfig, n: int, seed: int = 0) -> dict[str, float]:
    """Accuracy of full solutions, greedy, on n in-distribution test problems: for use between training steps.

    Returns:
        "generation_accuracy", and "always_zero": what answering 0 every time would get.
    """
    problem_class = data.problem.problem_class
    cell = figure_cells(data.problem.difficulty, data.problem.format, problem_class.max_op)[0]
    vocabulary = load_vocabulary(data.problem, data.vocabulary)
    tests = load_test_set(cell, data.problem, vocabulary, n, seed)
    longest = min(2 * problem_class.context, 2048)
    device = str(next(model.parameters()).device)
    with Decoding(model, DecoderName("greedy"), vocabulary, devices=[device], context=longest) as decoding:
        found = list(generations(decoding, tests.problems, "training"))
    verdicts = [verdict_of(record, tests.problems[record["index"]].problem) for record in found]
    return {
        "generation_accuracy": fmean(verdict["correct"] for verdict in verdicts),
        "always_zero": fmean(verdict["true_answer"] == 0 for verdict in verdicts),
    }
