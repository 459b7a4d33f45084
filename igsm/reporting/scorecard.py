"""The scorecard of self-correction: what is known of runs, read from the files that other commands wrote.

A row is a number, a column a way of training. What no command has computed yet is missing, and its row says which one
would; what was computed and has no value (a rate of steps taken back, where none was) is told apart from that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from igsm.errors import InputError
from igsm.grading.metrics import Json
from igsm.reporting.arms import arms_of, over_seeds
from igsm.reporting.paper import sort_columns, split_cell
from igsm.reporting.recovery_table import KINDS
from igsm.reporting.scorecard_sources import (
    BY,
    DECODERS,
    ERRORS,
    OWN,
    PLANTED,
    SEARCH,
    SECTIONS,
    SOLVING,
    STEPS,
    WORTH,
    sources,
)
from igsm.rundir import distinct_names

COMMANDS = {
    SOLVING: "mistakes eval {runs} --cells {cell}",
    STEPS: "mistakes eval {runs} --cells {cell}",
    WORTH: "mistakes confidence {runs} --cells {cell}",
    PLANTED: "mistakes recover {runs} --cells {cell}",
    OWN: "mistakes recover {runs} --cells {cell}",
    ERRORS: "mistakes check {run}/eval/CELL-greedy/generations.jsonl.gz --processbench B.jsonl, then "
    "mistakes check B.jsonl --detector {run} --out S.jsonl, then mistakes check B.jsonl --score S.jsonl "
    "--calibration OTHER.jsonl --out {run}/eval/first-errors/probability.json",
    DECODERS: "mistakes eval {runs} --cells {cell} --decoder {what}",
    SEARCH: "mistakes search {runs} --cell {cell}",
}
"""Section -> what fills its rows."""
MOST_LISTED = 3
"""Runs that a command lists; of more it names the first and the last, for it reads what is finished."""


@dataclass(frozen=True)
class Row:
    """A number of the scorecard.

    Attributes:
        key: in the lines of `Scores`.
        form: "%": a share; "points": a difference of shares; "count": at least 0; "": none of these.
    """

    key: str
    section: str
    title: str
    form: str = "%"

    @property
    def dynamic(self) -> bool:
        """Whether it is there only because some run has it."""
        return self.section in (DECODERS, ERRORS)

    @property
    def what(self) -> str:
        """What a command must be asked for: the decoder of a row of DECODERS."""
        return self.key.removeprefix(BY)


_FIXED = (
    Row("accuracy", SOLVING, "right"),
    Row("tokens", SOLVING, "tokens a solution", "count"),
    Row("taken_back", SOLVING, "taken back, sentences a solution", "count"),
    Row("needless_retry_rate", STEPS, "right ones taken back (needless)"),
    Row("detection", STEPS, "wrong ones taken back (detection)"),
    Row("correction", STEPS, "these right in the end (correction)"),
    Row("parrot", STEPS, "these wrong again at once (parrot)"),
    Row("before", WORTH, "right without BACK"),
    Row("confidence", WORTH, "CL: right stays right"),
    Row("critique", WORTH, "CS: wrong becomes right"),
    Row("relative", WORTH, "RSS: 0.5 is no gain", ""),
    *(Row(f"{kind}, {what}", PLANTED, f"{kind}: {what}") for kind in KINDS for what in ("recovered", "taken back")),
    Row("own_recovered", OWN, "own mistake: recovered"),
    Row("injected_recovered", OWN, "injected there: recovered"),
    Row("own_less_injected", OWN, "own - injected, recovered", "points"),
    Row("own_taken_back", OWN, "own mistake: taken back"),
    Row("injected_taken_back", OWN, "injected there: taken back"),
    Row("own_less_injected_back", OWN, "own - injected, taken back", "points"),
    Row("weaknesses", SEARCH, "slices confirmed", "count"),
    Row("failures_held", SEARCH, "failures that they hold"),
)


class Scores:
    """Everything that is known of some runs in some cells.

    Attributes:
        arms: name of each run -> the way it was trained.
        folders: name of each run -> its folder.
        cells: chosen, see below.
        lines: one a run and cell, with `run`, `cell`, and every row's key; None where there is no number. Beside some
            stand the ends of a 95 % interval over problems (`_low`, `_high`).
        rows: of the scorecard, in their order.

    Args:
        cells: names of cells with commas between them, with or without the class; "all"; None: the cell that most
            files are of, the hardest of these.

    Raises:
        InputError: a cell of which nothing is known, no number at all, or a damaged file.
    """

    def __init__(self, runs: Sequence[Path], cells: str | None = None) -> None:
        self.arms = arms_of(runs)
        self.folders = dict(zip(distinct_names(runs), runs, strict=True))
        found = [(name, *source) for name, run in self.folders.items() for source in sources(run)]
        self.cells = self._chosen(Counter(cell for _, cell, _ in found), cells)
        self._known: dict[tuple[str, str], dict[str, Json]] = {}
        for name, cell, read in found:
            for section, numbers in read() if cell in self.cells else ():
                self._known.setdefault((name, cell), {}).setdefault(section, {}).update(numbers)
        further = [
            Row(key, section, key.removeprefix(BY).partition("@")[0], "" if key.endswith("AUROC") else "%")
            for section in (DECODERS, ERRORS)
            for key in dict.fromkeys(key for known in self._known.values() for key in known.get(section, ()))
            if not key.endswith(("_low", "_high"))
        ]
        self.rows = sorted([*_FIXED, *further], key=lambda row: SECTIONS.index(row.section))
        nothing = dict.fromkeys(row.key for row in self.rows)
        self.lines: list[Json] = [
            {"run": name, "cell": cell} | nothing | {key: value for own in known.values() for key, value in own.items()}
            for (name, cell), known in self._known.items()
        ]

    def _chosen(self, files: Counter[str], cells: str | None) -> list[str]:
        order = sort_columns(files)
        if not order:
            runs = " ".join(map(str, self.folders.values()))
            raise InputError(f"nothing has been computed of these runs yet; begin with: mistakes eval {runs}")
        if cells is None:
            return [max(order, key=lambda cell: (files[cell], order.index(cell)))]
        found: list[str] = []
        for name in (part.strip() for part in cells.split(",")):
            same = [cell for cell in order if name in ("all", cell, split_cell(cell)[1])]
            if not same:
                known = ", ".join(split_cell(cell)[1] for cell in order)
                raise InputError(f"--cells {name}: nothing is known of it; there is: {known}")
            found += same
        return list(dict.fromkeys(found))

    def over_seeds(self) -> list[Json]:
        """A line an arm and cell (`arms.over_seeds`); with one seed the interval is the run's own, over problems."""
        found = over_seeds(self.lines, self.arms, ["cell"], [row.key for row in self.rows])
        for line in found:
            own = [one for one in self.lines if (self.arms[one["run"]], one["cell"]) == (line["arm"], line["cell"])]
            if len(own) == 1:
                line |= {key: value for key, value in own[0].items() if key.endswith(("_low", "_high"))}
        return found

    def missing(self, arm: str, cell: str, row: Row) -> list[str]:
        """The runs of an arm without the work for a number."""
        names = [name for name, its in self.arms.items() if its == arm]
        known = {name: self._known.get((name, cell), {}).get(row.section) for name in names}
        # Own mistakes may be of no kind that is planted; elsewhere a number that is not there was not asked for.
        each = row.section != OWN
        return [name for name, own in known.items() if own is None or (each and row.key not in own)]

    def commands(self, cell: str) -> dict[str, list[str]]:
        """What would fill the missing numbers of a cell, of runs: command -> titles of the sections."""
        rows = self.rows if any(row.section == ERRORS for row in self.rows) else [*self.rows, Row("", ERRORS, "")]
        work: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
        for row in rows:
            names, decoders = work.setdefault(row.section, ({}, {}))
            lacking = [name for arm in dict.fromkeys(self.arms.values()) for name in self.missing(arm, cell, row)]
            lacking = [name for name in lacking if self.folders[name].is_dir()]
            names.update(dict.fromkeys(lacking))
            if lacking:
                decoders[row.what] = None
        found: dict[str, list[str]] = {}
        for section, (names, decoders) in work.items():
            if names:
                runs = [str(self.folders[name]) for name in self.folders if name in names]
                listed = " ".join(runs if len(runs) <= MOST_LISTED else [runs[0], "...", runs[-1]])
                of = f"'{split_cell(cell)[1]}'"
                text = COMMANDS[section].format(runs=listed, run=runs[0], cell=of, what=",".join(decoders))
                found.setdefault(text, []).append(section)
        return found
