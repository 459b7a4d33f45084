"""The scorecard of self-correction: what is known of runs, read from the files that other commands wrote.

A row is a number, a column a way of training. What no command has computed yet is missing, and its row says which one
would; what was computed and has no value (a rate of steps taken back, where none was) is told apart from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from igsm.errors import InputError
from igsm.grading.continuations import RESULT, read_recovered
from igsm.grading.evaluations import (
    ALL_PARAMETERS,
    FIRST_MISTAKES,
    Evaluation,
    current_weights,
    defaults,
    read_evaluations,
)
from igsm.grading.metrics import Json
from igsm.grading.proposals import rates_of
from igsm.reporting.arms import arms_of, over_seeds
from igsm.reporting.correction_table import WITHOUT
from igsm.reporting.correction_table import numbers as of_correction
from igsm.reporting.paper import sort_columns, split_cell
from igsm.reporting.recovery_table import ALL, KINDS
from igsm.reporting.recovery_table import numbers as of_recovery
from igsm.rundir import RunFolder, distinct_names, read_json
from igsm.statistics import wilson

GREEDY = "greedy"
SOLVING, STEPS, WORTH, PLANTED, OWN, ERRORS, DECODERS, SEARCH = SECTIONS = (
    "Solutions, greedy", "Step by step, greedy", "What BACK is worth", "Planted sentences", "Own first mistakes",
    "Finding the first wrong step", "Accuracy by other decoders", "Weaknesses",
)  # fmt: skip
COMMANDS = {
    SOLVING: "mistakes eval {runs} --cells {cell}",
    STEPS: "mistakes eval {runs} --cells {cell}",
    WORTH: "mistakes confidence {runs} --cells {cell}",
    PLANTED: "mistakes recover {runs} --cells {cell}",
    OWN: "mistakes recover {runs} --cells {cell}",
    ERRORS: "mistakes check BENCHMARK --score SCORES --calibration OTHER --out {run}/eval/first-errors/NAME.json "
    "(docs/self_correction.md says how BENCHMARK and SCORES are made)",
    DECODERS: "mistakes eval {runs} --cells {cell} --decoder {what}",
    SEARCH: "mistakes search {runs} --cells {cell}",
}
"""Section -> what fills its rows."""
FIRST_ERRORS = "first-errors"
"""Folder of a run's evaluations with what `mistakes check --score --out` wrote."""


@dataclass(frozen=True)
class Row:
    """A number of the scorecard.

    Attributes:
        key: in the lines of `read_scores`.
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
        return self.key.removeprefix(_BY)


_BY = "accuracy, "
_FIXED = (
    Row("accuracy", SOLVING, "right"),
    Row("tokens", SOLVING, "tokens a solution", "count"),
    Row("taken_back", SOLVING, "sentences taken back a solution", "count"),
    Row("needless_retry_rate", STEPS, "right steps taken back (needless retries)"),
    Row("detection", STEPS, "wrong steps taken back (detection)"),
    Row("correction", STEPS, "of these, right in the end (correction)"),
    Row("parrot", STEPS, "of these, wrong again at once (parrot)"),
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
    """Everything that is known of some runs.

    Attributes:
        arms: name of each run -> the way it was trained.
        folders: name of each run -> its folder.
        lines: one a run and cell, with `run`, `cell`, and every row's key; None where there is no number. Beside some
            stand the ends of a 95 % interval over problems (`_low`, `_high`).
        rows: of the scorecard, in their order.
        cells: that have any number, in the order of the figures.
    """

    def __init__(self, runs: Sequence[Path]) -> None:
        self.arms = arms_of(runs)
        self.folders = dict(zip(distinct_names(runs), runs, strict=True))
        self._known: dict[tuple[str, str], dict[str, Json]] = {}
        for name, run in self.folders.items():
            for cell, section, numbers in _read(run):
                self._known.setdefault((name, cell), {}).setdefault(section, {}).update(numbers)
        self.cells = sort_columns({cell for _, cell in self._known})
        others = dict.fromkeys(key for sections in self._known.values() for key in sections.get(DECODERS, {}))
        detectors = dict.fromkeys(key for sections in self._known.values() for key in sections.get(ERRORS, {}))
        further = [Row(key, DECODERS, key.removeprefix(_BY).partition("@")[0]) for key in others]
        further += [Row(key, ERRORS, key, "" if key.endswith("AUROC") else "%") for key in detectors]
        self.rows = sorted(
            [*_FIXED, *(row for row in further if not row.key.endswith(("_low", "_high")))],
            key=lambda row: SECTIONS.index(row.section),
        )
        keys = dict.fromkeys(row.key for row in self.rows)
        self.lines: list[Json] = [
            {"run": name, "cell": cell} | keys | _flat(sections) for (name, cell), sections in self._known.items()
        ]

    def fullest_cell(self) -> str:
        """The cell of which most is known; the hardest of these. InputError when nothing is known."""
        if not self.cells:
            runs = " ".join(map(str, self.folders.values()))
            raise InputError(f"nothing has been computed of these runs yet; begin with: mistakes eval {runs}")

        def known(cell: str) -> tuple[int, int]:
            lines = [line for line in self.lines if line["cell"] == cell]
            return sum(value is not None for line in lines for value in line.values()), self.cells.index(cell)

        return max(self.cells, key=known)

    def chosen(self, cells: str | None) -> list[str]:
        """Cells by their names, with or without the class; None: `fullest_cell`; "all". InputError for another one."""
        if cells is None:
            return [self.fullest_cell()]
        if cells == "all":
            return list(self.cells)
        found = []
        for name in (part.strip() for part in cells.split(",")):
            same = [cell for cell in self.cells if name in (cell, split_cell(cell)[1])]
            if not same:
                known = ", ".join(split_cell(cell)[1] for cell in self.cells) or "none"
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
        each = row.dynamic or row.section == PLANTED  # a kind that was not to be planted is not there
        return [name for name, own in known.items() if own is None or (each and row.key not in own)]

    def commands(self, cell: str) -> dict[str, list[str]]:
        """What would fill the missing numbers of a cell: command -> titles of the sections."""
        rows = self.rows if any(row.section == ERRORS for row in self.rows) else [*self.rows, Row("", ERRORS, "")]
        work: dict[str, tuple[Row, dict[str, None]]] = {}
        for row in rows:
            _, names = work.setdefault(row.key if row.section == DECODERS else row.section, (row, {}))
            for arm in dict.fromkeys(self.arms.values()):
                names.update(dict.fromkeys(self.missing(arm, cell, row)))
        found: dict[str, list[str]] = {}
        for row, names in work.values():
            if names:
                runs = [str(self.folders[name]) for name in self.folders if name in names]
                of = f"'{split_cell(cell)[1]}'"
                text = COMMANDS[row.section].format(runs=" ".join(runs), run=runs[0], cell=of, what=row.what)
                found.setdefault(text, []).append(row.section)
        return found


def _flat(sections: Mapping[str, Json]) -> Json:
    return {key: value for numbers in sections.values() for key, value in numbers.items()}


def _read(run: Path) -> Iterator[tuple[str, str, Json]]:
    """Cell, section and numbers of everything that is in a run's folder."""
    by_cell: dict[str, dict[str, Evaluation]] = {}
    for one in defaults(run, read_evaluations(run)):
        if one.decoder not in (ALL_PARAMETERS, FIRST_MISTAKES):
            by_cell.setdefault(one.cell, {})[one.decoder] = one
    for cell, evaluations in by_cell.items():
        yield from ((cell, section, numbers) for section, numbers in _of_evaluations(evaluations))
    yield from _of_recoveries(run)
    yield from _of_first_errors(run)
    yield from _of_searches(run)


def _of_evaluations(evaluations: Mapping[str, Evaluation]) -> Iterator[tuple[str, Json]]:
    greedy, without = evaluations.get(GREEDY), evaluations.get(WITHOUT)
    if greedy is not None:
        numbers = greedy.numbers
        taken = [verdict["taken_back"] for verdict in greedy.verdicts()]
        yield (
            SOLVING,
            {**_share("accuracy", numbers.correct, greedy.n), "tokens": numbers.mean("generated_tokens"),
             "taken_back": sum(taken) / len(taken)},
        )  # fmt: skip
        steps: Json = {}
        for name, found in rates_of(greedy).items():
            steps |= dict(zip((name, f"{name}_low", f"{name}_high"), found or (None,) * 3, strict=True))
        yield STEPS, steps
    if greedy is not None and without is not None and greedy.seed == without.seed:
        n = min(greedy.n, without.n)
        before, after = of_correction("", [replace(without, n=n), replace(greedy, n=n)])
        names = [f"{name}{end}" for name in ("confidence", "critique", "relative") for end in ("", "_low", "_high")]
        yield WORTH, {"before": before["accuracy"]} | {name: after[name] for name in names}
    for decoder, one in evaluations.items():
        if decoder not in (GREEDY, WITHOUT):
            yield DECODERS, _share(f"{_BY}{decoder}", one.numbers.correct, one.n)


def _share(name: str, part: int, n: int) -> Json:
    low, high = wilson(part, n)
    return {name: part / n, f"{name}_low": low, f"{name}_high": high}


def _of_recoveries(run: Path) -> Iterator[tuple[str, str, Json]]:
    """Of each cell the largest experiment with the newest weights; greedy continuations, kinds over their places."""
    largest: dict[str, tuple[int, Path]] = {}
    current = current_weights(run)
    for path in sorted(RunFolder(run).evaluations.glob(f"recover/*/{RESULT}")):
        settings = read_json(path)
        size = len(settings["kinds"]) * len(settings["places"]) * settings["n"]
        if settings["weights"] == current:
            largest[settings["cell"]] = max(largest.get(settings["cell"], (size, path)), (size, path))
    for cell, (_, path) in largest.items():
        settings, records = read_recovered(path.parent)[1:]
        lines = [line for line in of_recovery("", cell, records) if line["decoding"] == GREEDY]
        planted: Json = {}
        for kind in settings["kinds"]:
            own = [line for line in lines if line["kind"] == kind and line["place"] != "own"]
            for what in ("recovered", "taken_back"):
                mean = fmean(line[what] for line in own) if own else None  # where it could be planted nowhere
                planted[f"{kind}, {what.replace('_', ' ')}"] = mean
        yield cell, PLANTED, planted
        if settings["own"]:
            yield cell, OWN, _of_own(lines)


def _of_own(lines: Sequence[Json]) -> Json:
    both = {line["source"]: line for line in lines if (line["kind"], line["place"]) == (ALL, "own")}
    if not both:
        return {}  # no own mistake of a kind that is planted
    gaps = [f"{gap}{end}" for gap in ("own_less_injected", "own_less_injected_back") for end in ("", "_low", "_high")]
    return {
        f"{source}_{what}": both[source][what] for source in ("own", "injected") for what in ("recovered", "taken_back")
    } | {name: both["own"][name] for name in gaps}


def _of_first_errors(run: Path) -> Iterator[tuple[str, str, Json]]:
    for path in sorted(RunFolder(run).evaluations.glob(f"{FIRST_ERRORS}/*.json")):
        document = read_json(path)
        if not {"cell", "scores"} <= document.keys() or document["cell"] is None:
            raise InputError(f"{path}: not of `mistakes check --score --out` on solutions of one cell")
        found: Json = {}
        for name, scores in document["scores"].items():
            if name not in ("truth", "always -1"):
                found |= {f"{name}: F1": scores["f1"], f"{name}: F1_low": scores["f1_low"]}
                found |= {f"{name}: F1_high": scores["f1_high"]}
            if scores["auroc"] is not None:
                found[f"{name}: AUROC"] = scores["auroc"]
        yield document["cell"], ERRORS, found


def _of_searches(run: Path) -> Iterator[tuple[str, str, Json]]:
    current = current_weights(run)
    for path in sorted(RunFolder(run).evaluations.glob("search/*/search.json")):
        found = read_json(path)
        if found.get("weights") == current and found.get("decoder") == GREEDY:
            confirmed = sum(line["confirmed"] for line in found["slices"])
            yield found["cell"], SEARCH, {"weaknesses": confirmed, "failures_held": found["coverage"]["failures"]}
