"""What the scorecard is made of: the files that other commands have written into a run's folder.

Of a model elsewhere: the solutions that lm-evaluation-harness has logged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

from igsm.errors import InputError
from igsm.grading.check import grade_records
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
from igsm.grading.outputs import Outputs
from igsm.grading.proposals import rates, rates_of
from igsm.grading.sources import read_objects
from igsm.reporting.correction_table import WITHOUT, with_ends
from igsm.reporting.correction_table import numbers as of_correction
from igsm.reporting.recovery_table import ALL
from igsm.reporting.recovery_table import numbers as of_recovery
from igsm.rundir import RunFolder, read_json
from igsm.statistics import wilson

GREEDY = "greedy"
SOLVING, STEPS, WORTH, PLANTED, OWN, ERRORS, DECODERS, SEARCH = SECTIONS = (
    "Solutions, greedy", "Step by step, greedy", "What BACK is worth", "Planted sentences", "Own first mistakes",
    "Finding the first wrong step", "Accuracy by other decoders", "Weaknesses",
)  # fmt: skip
"""The sections of the scorecard: kinds of work that commands do."""
BY = "accuracy, "
"""Before the decoder, in the key of an accuracy by another decoder than GREEDY."""
FIRST_ERRORS = "first-errors"
"""Folder of a run's evaluations with what `mistakes check --score --out` wrote."""

Read = Callable[[], Iterator[tuple[str, Json]]]
"""Sections and their numbers."""


def sources(run: Path) -> Iterator[tuple[str, Read]]:
    """All that is in a run's folder or in a file of logged samples: of each piece the cell, and what reads it."""
    if run.is_file():
        yield cell_logged(run), partial(_of_samples, run)
        return
    by_cell: dict[str, dict[str, Evaluation]] = {}
    for one in defaults(run, read_evaluations(run)):
        if one.decoder not in (ALL_PARAMETERS, FIRST_MISTAKES):
            by_cell.setdefault(one.cell, {})[one.decoder] = one
    for cell, evaluations in by_cell.items():
        yield cell, partial(_of_evaluations, evaluations)
        for decoder, one in evaluations.items():
            if decoder not in (GREEDY, WITHOUT):
                yield cell, partial(_of_decoder, decoder, one)
    yield from _recoveries(run)
    current = current_weights(run)
    for path in sorted(RunFolder(run).evaluations.glob(f"{FIRST_ERRORS}/*.json")):
        document = read_json(path)
        if not {"cell", "scores"} <= document.keys() or document["cell"] is None:
            raise InputError(f"{path}: not of `mistakes check --score --out` on solutions of one cell")
        if document.get("weights") in (None, current):
            yield document["cell"], partial(_of_detectors, document["scores"])
    searches = [read_json(path) for path in sorted(RunFolder(run).evaluations.glob("search/*/search.json"))]
    for found in sorted(searches, key=lambda one: int(one.get("budget") or 0)):  # of one cell the largest counts
        if found.get("weights") == current and found.get("decoder") == GREEDY:
            yield found["cell"], partial(_of_search, found)


def cell_logged(path: Path) -> str:
    """The cell of all samples that lm-evaluation-harness logged of our task in a file. Raises InputError."""
    docs = [record.get("doc") for _, _, record in read_objects(path)]
    cells = {str(doc.get("cell") or "") if isinstance(doc, dict) else "" for doc in docs}
    if len(cells) != 1 or cells == {""}:
        raise InputError(
            f"{path}: no run folder, and no file that lm-evaluation-harness's --log_samples wrote of our task 'igsm', "
            "whose records have the cell in doc.cell"
        )
    return cells.pop()


def _of_samples(path: Path) -> Iterator[tuple[str, Json]]:
    """A solution that states no answer is not right, as in the task (integrations/lm_eval)."""
    verdicts = []
    for one in grade_records(Outputs(path)):
        if one.verdict is None:
            raise InputError(f"{path}, line {one.line}: its problem cannot be read: {one.ill_posed}")
        verdicts.append(one.verdict)
    right = sum(one.correct and one.stated_answer is not None for one in verdicts)
    taken = fmean(one.taken_back for one in verdicts)
    yield SOLVING, {**_share("accuracy", right, len(verdicts)), "taken_back": taken}
    yield STEPS, with_ends(rates(verdicts))


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
        yield STEPS, with_ends(rates_of(greedy))
    if greedy is not None and without is not None and greedy.seed == without.seed:
        n = min(greedy.n, without.n)
        before, after = of_correction("", [replace(without, n=n), replace(greedy, n=n)])
        names = [f"{name}{end}" for name in ("confidence", "critique", "relative") for end in ("", "_low", "_high")]
        yield WORTH, {"before": before["accuracy"]} | {name: after[name] for name in names}


def _of_decoder(decoder: str, one: Evaluation) -> Iterator[tuple[str, Json]]:
    yield DECODERS, _share(f"{BY}{decoder}", one.numbers.correct, one.n)


def _share(name: str, part: int, n: int) -> Json:
    low, high = wilson(part, n)
    return {name: part / n, f"{name}_low": low, f"{name}_high": high}


def _recoveries(run: Path) -> Iterator[tuple[str, Read]]:
    """Of each cell the largest experiment with the newest weights; of two as large the one with own mistakes."""
    largest: dict[str, tuple[tuple[int, bool, int], Path]] = {}
    current = current_weights(run)
    for path in sorted(RunFolder(run).evaluations.glob(f"recover/*/{RESULT}")):
        settings = read_json(path)
        planted = len(settings["kinds"]) * len(settings["places"]) * settings["n"]
        size = planted, settings["own"], settings["samples"]
        if settings["weights"] == current:
            largest[settings["cell"]] = max(largest.get(settings["cell"], (size, path)), (size, path))
    for cell, (_, path) in largest.items():
        yield cell, partial(_of_recovery, path.parent)


def _of_recovery(folder: Path) -> Iterator[tuple[str, Json]]:
    """Greedy continuations, kinds over their places."""
    _, settings, records = read_recovered(folder)
    lines = [line for line in of_recovery("", settings["cell"], records) if line["decoding"] == GREEDY]
    planted: Json = {}
    for kind in settings["kinds"]:
        own = [line for line in lines if line["kind"] == kind and line["place"] != "own"]
        for what in ("recovered", "taken_back"):
            mean = fmean(line[what] for line in own) if own else None  # where it could be planted nowhere
            planted[f"{kind}, {what.replace('_', ' ')}"] = mean
    yield PLANTED, planted
    if settings["own"]:
        yield OWN, _of_own(lines)


def _of_own(lines: Sequence[Json]) -> Json:
    both = {line["source"]: line for line in lines if (line["kind"], line["place"]) == (ALL, "own")}
    if not both:
        return {}  # no own mistake of a kind that is planted
    gaps = [f"{gap}{end}" for gap in ("own_less_injected", "own_less_injected_back") for end in ("", "_low", "_high")]
    return {
        f"{source}_{what}": both[source][what] for source in ("own", "injected") for what in ("recovered", "taken_back")
    } | {name: both["own"][name] for name in gaps}


def _of_detectors(found: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    numbers: Json = {}
    for name, scores in found.items():
        if name not in ("truth", "always -1"):
            numbers |= {f"{name}: right on {which} ones": scores[f"on_{which}"] for which in ("wrong", "right")}
            numbers |= {f"{name}: F1{end}": scores[f"f1{end}"] for end in ("", "_low", "_high")}
        if scores["auroc"] is not None:
            numbers[f"{name}: AUROC"] = scores["auroc"]
    yield ERRORS, numbers


def _of_search(found: Json) -> Iterator[tuple[str, Json]]:
    confirmed = sum(line["confirmed"] for line in found["slices"])
    yield SEARCH, {"weaknesses": confirmed, "failures_held": found["coverage"]["failures"]}
