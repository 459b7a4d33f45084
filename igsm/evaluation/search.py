"""Weaknesses of a run: searched in a pool of a cell's problems, confirmed on fresh ones, kept on disk.

`RUN/eval/search/<cell>-<decoder>-<digest of the settings>/` holds `graded.jsonl.gz` (every problem with the model's
solution) and, when finished, `search.json` with what was found. Until then the problems graded so far lie in
`graded.partial.jsonl`: the same command goes on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from igsm.decoding.decoders.named import NamedDecoder
from igsm.decoding.run import Decoding
from igsm.errors import InputError
from igsm.evaluation.cells import Cell
from igsm.evaluation.generate import generations
from igsm.evaluation.runs import LoadedRun, further_models
from igsm.evaluation.slice_tests import LEVEL, Confirmation, confirm, ratio_interval
from igsm.evaluation.testsets import ShortEnough, TestProblem, problems_for
from igsm.evaluation.weaknesses import Candidate, Searched, look
from igsm.grading.grade import grade
from igsm.grading.metrics import Json
from igsm.locks import locked
from igsm.problems.counts import counts_of
from igsm.problems.problem import Problem
from igsm.problems.record import OP, Record
from igsm.problems.slices import Slice, parse_slice
from igsm.problems.source import ProblemSource
from igsm.rundir import JsonlWriter, atomic_write, provenance, read_jsonl, weights_digest, write_json
from igsm.seeds import numpy_generator
from igsm.statistics import wilson
from igsm.versions import generator_version

RESULT = "search.json"
GRADED = "graded.jsonl.gz"
PARTIAL = "graded.partial.jsonl"
POOL = "pool"
FRESH = "fresh"
LEAST_POOL = 4_000
EXAMPLES = 2
"""Of failures in a slice."""

Progress = Callable[[int, int], None]
"""(problems graded, problems that will be graded at most)."""


@dataclass(frozen=True)
class Plan:
    """How many problems are graded: half of them by the three searches, half of them fresh.

    Attributes:
        budget: problems in all.
        seed: of pool, fresh problems, searches and sampling.
    """

    budget: int
    seed: int = 0

    @property
    def of_a_search(self) -> int:
        return self.budget // 6

    @property
    def fresh(self) -> int:
        """Of the whole class a quarter of them, of the slices the rest."""
        return self.budget // 2


def search(
    run: LoadedRun,
    cell: Cell,
    decoder: NamedDecoder,
    plan: Plan,
    *,
    progress: Progress = lambda done, total: None,
    waiting: Callable[[str], None] = lambda what: None,
    **options: Any,
) -> Path:
    """Search, or read what was found before, going on where it was stopped.

    Args:
        options: of `LoadedRun.decoding`.

    Returns:
        The folder, with what was found in `search.json`.

    Raises:
        InputError: another process is at it, a file there is damaged, or the cell has no problems.
    """
    with run.decoding(decoder, **options) as decoding:
        settings: Json = {
            "cell": cell.name,
            "decoder": decoder.name,
            **asdict(plan),
            "checkpoint": run.checkpoint.name,
            "weights": weights_digest(run.checkpoint),
            "precision": decoding.precision,
            "context": decoding.context,
            "generator": generator_version(),
            **further_models(decoding),
        }
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
        folder = run.folder.evaluations / "search" / f"{cell.name}-{decoder.name}-{digest}"
        if not (folder / RESULT).is_file():
            with locked(folder, "searching"):
                if not (folder / RESULT).is_file():
                    work = _Work(run, cell, decoding, plan, folder, progress, waiting)
                    found = work.make()
                    work.write(settings | found | {"provenance": provenance()})
    return folder


class _Stream:
    """Problems of one keyed stream whose solutions fit the class's context, by number, as they are asked for."""

    def __init__(self, cell: Cell, run: LoadedRun, seed: int, purpose: str) -> None:
        config = problems_for(cell, run.data.problem)
        self.source = ProblemSource(config, seed, f"search, {purpose}")
        self.name = purpose
        self._short = ShortEnough(self.source, config, run.vocabulary)
        self.records: list[Record] = []

    def first(self, n: int) -> np.ndarray:
        """Counts of the first n problems."""
        while len(self.records) < n:
            self.records.append(self._short.next())
        return counts_of(Record(*(np.stack(columns) for columns in zip(*self.records[:n], strict=True))))

    def problem(self, number: int) -> TestProblem:
        record = self.records[number]
        problem = Problem.from_record(record, self.source.lexicon)
        names = self.source.problem_class.lexicon
        return TestProblem(number, problem, int(record.head[OP]), names)


class _Work:
    """The graded problems of one search, each on disk as soon as there is a solution."""

    def __init__(
        self,
        run: LoadedRun,
        cell: Cell,
        decoding: Decoding,
        plan: Plan,
        folder: Path,
        progress: Progress,
        waiting: Callable[[str], None],
    ) -> None:
        self.run, self.cell, self.decoding, self.plan = run, cell, decoding, plan
        self.folder, self.progress, self.waiting = folder, progress, waiting
        path = folder / PARTIAL
        self.kept: dict[tuple[str, int], Json] = {}
        for number, one in enumerate(read_jsonl(path) if path.is_file() else (), 1):
            try:
                self.kept[one["stream"], one["index"]] = one
            except KeyError:
                raise InputError(f"{path}, line {number}: no graded problem; delete the file") from None
        self.asked: dict[tuple[str, int], Json] = {}
        """The problems of this search, in the order in which they were asked for."""

    def make(self) -> Json:
        """Search and confirm; returns what `search.json` says of it."""
        stream = _Stream(self.cell, self.run, self.plan.seed, POOL)
        size = max(LEAST_POOL, 3 * self.plan.budget)
        self.waiting(f"drawing {size:,} problems")
        counts = stream.first(size)
        draws = numpy_generator("search", self.plan.seed, self.cell.name)
        looked = look(counts, lambda numbers: self.failed(stream, numbers), self.plan.of_a_search, draws)
        slices = [one.where for one in looked.candidates]
        base = self.plan.fresh // 4 if slices else self.plan.fresh
        everywhere = self._fresh(Slice(), base)
        each = (self.plan.fresh - base) // max(len(slices), 1)
        inside = [self._fresh(where, each) for where in slices]
        tested = confirm(slices, inside, everywhere)
        lines = [
            self._line(*both, share=float(both[0].where.holds(counts).mean()))
            for both in zip(looked.candidates, tested, strict=True)
        ]
        n, failed = len(everywhere[1]), int(everywhere[1].sum())
        confirmed = np.zeros(n, bool)
        for one, line in zip(slices, lines, strict=True):
            confirmed |= one.holds(everywhere[0]) & line["confirmed"]
        return {
            "pool": size,
            "searches": [_summary(one, looked.searches[0]) for one in looked.searches],
            "everywhere": _rate(failed, n),
            "slices": sorted(lines, key=lambda line: (not line["confirmed"], -line["low"])),
            "coverage": {
                "problems": float(confirmed.mean()),
                "failures": float(confirmed[everywhere[1]].mean()) if failed else None,
            },
        }

    def write(self, result: Json) -> None:
        """The files; that with the result last."""
        packed = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in self.asked.values())
        atomic_write(self.folder / GRADED, gzip.compress(packed.encode(), mtime=0))
        write_json(self.folder / RESULT, result)
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def failed(self, stream: _Stream, numbers: Sequence[int]) -> list[bool]:
        """Which of a stream's problems the model fails."""
        missing = [stream.problem(i) for i in numbers if (stream.name, i) not in self.kept]
        key = f"search, seed {self.plan.seed}, {self.cell.name}, {stream.name}"
        marks, examples = self.run.data.method.prompt, self.run.examples
        with JsonlWriter(self.folder / PARTIAL) as writer:
            for record in generations(self.decoding, missing, key, marks=marks, examples=examples):
                problem = stream.problem(record["index"]).problem
                verdict = grade(problem, record["solution"], record["answer"])
                record |= {"stream": stream.name, "true_answer": problem.answer, "failed": not verdict.correct}
                writer.write(record)
                self.kept[stream.name, record["index"]] = record
                self._tell()
        for number in numbers:
            self.asked[stream.name, number] = self.kept[stream.name, number]
        self._tell()
        return [self.kept[stream.name, number]["failed"] for number in numbers]

    def _tell(self) -> None:
        self.progress(len(self.kept), 3 * self.plan.of_a_search + self.plan.fresh)

    def _fresh(self, where: Slice, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts and failures of the first n fresh problems of a slice."""
        stream = _Stream(self._part(where), self.run, self.plan.seed, f"{FRESH} {where}".strip())
        self.waiting(f"drawing {n:,} fresh problems")
        return stream.first(n), np.array(self.failed(stream, range(n)), bool)

    def _part(self, where: Slice) -> Cell:
        """The cell of a slice of this one."""
        both = " and ".join(part for part in (self.cell.where, str(where)) if part)
        return replace(self.cell, where=str(parse_slice(both)) or None) if both else self.cell

    def _line(self, found: Candidate, tested: Confirmation, share: float) -> Json:
        """What is said of a slice."""
        stream, part = f"{FRESH} {found.where}", self._part(found.where)
        examples = [one for (name, _), one in self.asked.items() if name == stream and one["failed"]][:EXAMPLES]
        kept = ("index", "problem", "solution", "answer", "true_answer")
        return {
            "where": str(found.where),
            "words": found.where.words,
            "cell": part.name,
            "setting": f"data.problem.where={part.where}",
            "searches": list(found.searches),
            "share": share,
            "seen": _rate(found.failed, found.n),
            **_rate(tested.failed, tested.n),
            "elsewhere": _rate(tested.elsewhere_failed, tested.elsewhere_n),
            "elsewhere_same_op": tested.elsewhere_same_op,
            "p": tested.p,
            "p_holm": tested.p_holm,
            "p_same_op": tested.p_same_op,
            "beyond_op": tested.p_same_op < LEVEL,
            "confirmed": tested.confirmed,
            "examples": [{name: one[name] for name in kept} for one in examples],
        }


def _rate(failed: int, n: int) -> Json:
    low, high = wilson(failed, n)
    return {"n": n, "failed": failed, "rate": failed / n if n else None, "low": low, "high": high}


def _summary(one: Searched, by_chance: Searched) -> Json:
    failed, by_chance_failed = sum(one.failed), sum(by_chance.failed)
    others = (failed, len(one.failed), by_chance_failed, len(by_chance.failed))
    ratio = None if one is by_chance else ratio_interval(*others)
    lift = dict(zip(("lift", "lift_low", "lift_high"), ratio or (None, None, None), strict=True))
    return {"search": one.name, **_rate(failed, len(one.failed))} | lift | {"found": [str(c.where) for c in one.found]}
