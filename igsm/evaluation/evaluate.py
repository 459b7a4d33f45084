"""Evaluate a run: cells times decoders, each resumable, each in a folder of its own.

`RUN/eval/<cell>-<decoder>/` holds `generations.jsonl.gz` (what `mistakes check` grades again), `verdicts.jsonl` and,
when finished, `summary.json` with the settings. Until then the generations so far lie in `generations.partial.jsonl`.
Other settings have a folder of their own beside it (`filing`), and more problems go on where fewer ended.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import islice
from pathlib import Path

from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.kept import KeptSamples, kept_samples
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation.cells import Cell, figure_cells
from igsm.evaluation.filing import CHOICES, PARTIAL, find_folder
from igsm.evaluation.generate import generations, verdict_of
from igsm.evaluation.runs import LoadedRun, default_context, further_models
from igsm.evaluation.testsets import TestSet, load_test_set
from igsm.grading.evaluations import GENERATIONS, SUMMARY, VERDICTS, Evaluation, check, read_evaluation, records_of
from igsm.grading.metrics import Json, Numbers, current_names
from igsm.locks import locked
from igsm.mistakes.layout import Mark
from igsm.model import GPT
from igsm.probing.samples import FOLDER as SAMPLES
from igsm.rundir import (
    JsonlWriter,
    RunFolder,
    atomic_write,
    provenance,
    read_jsonl,
    weights_digest,
    write_json,
)

SAMPLED = ("cell", "seed", "weights", "precision", "context", "copilot", "copilot_weight", "model")
"""Settings of an evaluation, as far as it has them, that its samples depend on."""
Progress = Callable[[int, int, int], None]
"""(graded, correct, steps) so far; a step is one token of a solution, or of all its beams."""


def evaluate(
    run: LoadedRun,
    cell: Cell,
    decoding: Decoding,
    n: int,
    seed: int,
    *,
    keep_samples: bool = False,
    progress: Progress = lambda graded, correct, steps: None,
    waiting: Callable[[str], None] = lambda what: None,
) -> Evaluation:
    """A cell with a decoder: read if it is there, otherwise made, going on where it was stopped or had fewer problems.

    Args:
        decoding: of the run's model, see `LoadedRun.decoding`.
        n: problems; the first n where more are there.
        seed: of the test set and of sampling.
        keep_samples: of a vote or best-of-n, so that none draws again what another of these has drawn.
        progress: called after each graded solution, and now and then between them; never if the cell is read.
        waiting: called with what takes longer before the first of them.

    Raises:
        InputError: another process is evaluating there, a file there is damaged, or it cannot be written.
    """
    assert decoding.model is run.model_for(decoding.decoder), "the solutions of one model would be filed under another"
    tests = load_test_set(cell, run.data.problem, run.vocabulary, n, seed, waiting)

    @cache
    def digest(size: int) -> str:
        larger = load_test_set(cell, run.data.problem, run.vocabulary, size, seed) if size > n else tests
        return larger.digest_of(size)

    usual = run.usual(decoding)
    settings = _settings(run, cell, decoding, n, seed) | {"test_set": tests.digest}
    settings["chosen"] = [key for key in CHOICES if settings[key] != usual[key]]
    while True:
        folder = find_folder(run.folder, settings, usual, digest)
        found = _finished(folder, n)
        if found is not None:
            break
        with locked(folder, "evaluating"):  # another process may have been there in between
            if folder == find_folder(run.folder, settings, usual, digest) and _finished(folder, n) is None:
                waiting("the first solutions")
                return _make(run, decoding, folder, settings, tests, progress, keep_samples)
    return found


def _finished(folder: Path, n: int) -> Evaluation | None:
    found = read_evaluation(folder, n) if (folder / SUMMARY).is_file() else None
    return found if found is not None and found.n == n else None


def _make(
    run: LoadedRun,
    decoding: Decoding,
    folder: Path,
    settings: Json,
    tests: TestSet,
    progress: Progress,
    keep_samples: bool,
) -> Evaluation:
    """Generate and grade what is missing of a cell; write its files, the summary last."""
    started = time.perf_counter()
    work = _Work(folder, settings, tests, progress)
    try:
        work.read()
        n_kept = len(work.records)
        keeping = keep_samples and decoding.decoder.samples > 1
        with _kept(run, decoding, settings) if keeping else nullcontext() as kept:
            work.generate(decoding, run.data.method.prompt, run.examples, kept)
        detector = decoding.decoder.detector
        work.write(
            settings
            | {
                "detector_folder": detector.folder if detector else None,
                "left_out": tests.left_out,
                "seconds": round(time.perf_counter() - started, 2),
                "resumed_from": n_kept,
                **({} if kept is None else {"reused_samples": kept.reused}),
                "provenance": provenance(),
            }
        )
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        raise InputError(
            f"{folder}: cannot be written: {error.strerror}; what is finished is kept, the same command goes on"
        ) from None
    return read_evaluation(folder, len(tests.problems))


def _kept(run: LoadedRun, decoding: Decoding, settings: Json) -> AbstractContextManager[KeptSamples]:
    """The samples of this model, cell, seed and temperature."""
    decoder = decoding.decoder
    named = {"beside": decoder.beside.name if decoder.beside else None}
    same = {key: settings[key] for key in SAMPLED if key in settings}
    drawn = {"temperature": decoder.temperature, "top_k": decoder.top_k}
    return kept_samples(run.folder.path / SAMPLES, same | named | drawn)


def finished(folder: RunFolder) -> list[Evaluation]:
    """All cells of a run that are done, by name; broken ones are left out."""
    found = []
    for path in sorted(folder.evaluations.glob(f"*/{SUMMARY}")):
        with contextlib.suppress(InputError):
            one = read_evaluation(path.parent)
            _ = one.numbers
            found.append(one)
    return found


def _settings(run: LoadedRun, cell: Cell, decoding: Decoding, n: int, seed: int) -> Json:
    """What a result depends on, but for the test set."""
    further = further_models(decoding)
    return {
        "cell": cell.name,
        "decoder": decoding.decoder.name,
        "n": n,
        "seed": seed,
        "checkpoint": run.checkpoint.name,
        "weights": weights_digest(run.checkpoint),
        "detector": further.pop("detector", None),
        "precision": decoding.precision,
        "context": decoding.context,
        **further,
    }


class _Work:
    """Records and verdicts of one evaluation, each on disk as soon as it is made."""

    def __init__(self, folder: Path, settings: Json, tests: TestSet, progress: Progress) -> None:
        self.folder, self.settings, self.tests, self.progress = folder, settings, tests, progress
        self.partial, self.head = folder / PARTIAL, settings
        self.records: dict[int, Json] = {}
        self.verdicts: dict[int, Json] = {}
        self.later: list[Json] = []
        """Records of problems beyond the n asked for: of a larger evaluation that was stopped."""
        self.correct = self.steps = 0

    def read(self) -> None:
        """What is there: of a finished evaluation of fewer problems, and of one that was stopped."""
        if (self.folder / SUMMARY).is_file():
            before = read_evaluation(self.folder)
            path = self.folder / GENERATIONS
            kept = [*islice(records_of(path), before.n)]
            if len(kept) < before.n:
                raise InputError(f"{path}: has {len(kept)} records, {SUMMARY} says {before.n}")
            for record, verdict in zip(kept, before.verdicts(), strict=True):
                check(record, {"index": (True, int), "finished": (True, bool)}, f"{path}: no record of this cell")
                self._keep(current_names(record), verdict | {"finished": record["finished"]})
        if not self.partial.is_file():
            return
        head, *lines = list(read_jsonl(self.partial)) or [self.head]
        for number, record in enumerate(lines, 2):
            try:
                self._take(current_names(record), head["n"])
            except (KeyError, IndexError, TypeError, AttributeError):
                raise InputError(f"{self.partial}, line {number}: no record of this cell; delete the file") from None
        if head["n"] >= self.head["n"]:
            self.head = head
        else:
            self._rewrite([*(self.records[i] for i in sorted(self.records)), *self.later])

    def generate(
        self, decoding: Decoding, marks: Sequence[Mark], examples: Sequence[int], kept: KeptSamples | None
    ) -> None:
        """Generate and grade what is missing; marks, examples and kept are those of `generations`."""
        with JsonlWriter(self.partial) as writer:
            if self.partial.stat().st_size == 0:
                writer.write(self.head)
            missing = [test for test in self.tests.problems if test.index not in self.records]
            stream = f"seed {self.settings['seed']}, {self.settings['cell']}"
            for record in generations(decoding, missing, stream, self._tell, marks=marks, examples=examples, kept=kept):
                writer.write(record)
                self._take(record, len(self.tests.problems))

    def write(self, summary: Json) -> None:
        """The files, in the order of the problems."""
        order = range(len(self.tests.problems))
        packed = "".join(json.dumps(self.records[i], ensure_ascii=False) + "\n" for i in order)
        atomic_write(self.folder / GENERATIONS, gzip.compress(packed.encode(), mtime=0))
        atomic_write(self.folder / VERDICTS, "".join(json.dumps(self.verdicts[i]) + "\n" for i in order))
        write_json(self.folder / SUMMARY, summary)
        if self.later:
            self._rewrite(self.later)
        else:
            self.partial.unlink(missing_ok=True)

    def _rewrite(self, records: Iterable[Json]) -> None:
        lines = (json.dumps(line, ensure_ascii=False) + "\n" for line in (self.head, *records))
        atomic_write(self.partial, "".join(lines))

    def _take(self, record: Json, n: int) -> None:
        """A record of one of n problems, of which there may be more than were asked for."""
        index = record["index"]
        if not 0 <= index < n:
            raise IndexError(index)
        if index >= len(self.tests.problems):
            self.later.append(record)
        elif index not in self.records:
            self._keep(record, verdict_of(record, self.tests.problems[index].problem))

    def _keep(self, record: Json, verdict: Json) -> None:
        self.records[record["index"]], self.verdicts[record["index"]] = record, verdict
        self.correct += verdict["correct"]
        self._tell(self.steps)

    def _tell(self, steps: int) -> None:
        self.steps = steps
        self.progress(len(self.verdicts), self.correct, steps)


def generation_accuracy(model: GPT, data: DataConfig, vocabulary: Vocabulary, n: int) -> dict[str, float]:
    """Accuracy of full solutions, greedy, on n in-distribution test problems: for use between training steps.

    Returns:
        "generation_accuracy", and "always_zero": what answering 0 every time would get.
    """
    problem_class = data.problem.problem_class
    cell = figure_cells(data.problem.difficulty, data.problem.format, problem_class.max_op)[0]
    tests = load_test_set(cell, data.problem, vocabulary, n, seed=0)
    device = str(next(model.parameters()).device)
    decoded = data.method.decode(model)
    with Decoding(
        decoded, parse_decoder("greedy"), vocabulary, devices=[device], context=default_context(data)
    ) as decoding:
        marks, examples = data.method.prompt, data.method.examples(data, vocabulary)
        found = list(generations(decoding, tests.problems, "training", marks=marks, examples=examples))
    numbers = Numbers(verdict_of(record, tests.problems[record["index"]].problem) for record in found)
    return {
        "generation_accuracy": numbers.mean("accuracy") or 0.0,
        "always_zero": numbers.mean("always_zero") or 0.0,
    }
