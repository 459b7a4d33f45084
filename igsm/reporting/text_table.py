"""Answers of models trained on text with and without mistakes, over training seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from igsm.config import load_yaml
from igsm.errors import InputError
from igsm.grading.metrics import Json
from igsm.reporting.arms import over_seeds, share, share_difference
from igsm.reporting.claims import LEVEL, difference_verdict
from igsm.rundir import RunFolder, read_json
from igsm.significance import holm_of_decidable, smallest_p_value

if TYPE_CHECKING:
    from rich.table import Table

MEASURES = ("accuracy", "finished", "taken_back", "n")
EXPLAINED = (
    "Brackets: 95 % intervals over training seeds; p: exact permutation test over training seeds, after Holm.",
    "ahead: at how many seeds it is better than the first line at the same seed; helps: as `mistakes findings` judges.",
)


def read_answers(runs: Sequence[Path]) -> list[Json]:
    """What the finished runs of `mistakes text train` answered.

    Raises:
        InputError: a run is unfinished, or two of them differ in more than their seed and what they were trained on.
    """
    found: list[Json] = []
    settings: list[Json] = []
    for run in runs:
        if not (run / "answers.json").is_file():
            raise InputError(f"{run}: has no answers; a finished run of `mistakes text train` is expected")
        found.append(read_json(run / "answers.json"))
        settings.append(_compared(load_yaml(RunFolder(run).config)))
        if differs := [key for key in settings[0] if settings[0][key] != settings[-1].get(key)]:
            raise InputError(f"{run}: differs from {runs[0]} in {', '.join(differs)}; compare runs of one config")
    return found


def _compared(config: Mapping[str, Any]) -> Json:
    """All settings of a run that must be those of the others, by their full names."""
    flat = {
        f"{part}.{key}": value for part in ("data", "model", "training") for key, value in config.get(part, {}).items()
    }
    # evaluate_every has no effect on text, and runs of before have another value
    apart = ("data.source", "data.seed", "training.evaluate_every")
    return {key: value for key, value in flat.items() if key not in apart}


def lines(answers: Sequence[Json], against: str) -> list[Json]:
    """A line for each source, `against` first, as of `arms.over_seeds`; and how sure it is that it differs.

    Beside those fields `ahead`: at how many seeds the accuracy is higher than that of `against` at the same seed;
    `accuracy_difference_p_holm`; `verdict` and `why`, of the claim that it is higher, by the rules of
    `mistakes findings`. None in the line of `against`.

    Args:
        answers: of `answers.json` of each run.
        against: name of the file, without its ending, that the rest is compared with.

    Raises:
        InputError: nothing was trained on it, two runs of one source and seed, or the runs answered other problems.
    """
    if len({(one["held_out"], one["n"]) for one in answers}) > 1:
        raise InputError("the runs answered different held-out problems; compare those of one file and number")
    accuracies: dict[str, dict[int, float]] = {}
    runs: dict[str, Json] = {}
    arms: dict[str, str] = {}
    for one in answers:
        source, seed = Path(one["source"]).stem, one["seed"]
        run = f"{source}, seed {seed}"
        if run in runs:
            raise InputError(f"{run}: stands twice; a run counts once")
        runs[run], arms[run] = {**one, "run": run}, source
        accuracies.setdefault(source, {})[seed] = one["accuracy"]
    if against not in accuracies:
        raise InputError(f"--against {against}: no run was trained on it, only on {', '.join(map(repr, accuracies))}")
    base = accuracies[against]
    arms = dict(sorted(arms.items(), key=lambda pair: pair[1] != against))
    found = over_seeds(list(runs.values()), arms, (), MEASURES)
    tests = [(line["accuracy_difference_p"], smallest_p_value(line["seeds"], len(base))) for line in found]
    for line, p in zip(found, holm_of_decidable(tests, LEVEL), strict=True):
        own = accuracies[line["arm"]]
        line |= {"accuracy_difference_p_holm": p, "ahead": None, "verdict": None, "why": None}
        if line["arm"] != against:
            ends = line["accuracy_difference_low"], line["accuracy_difference_high"]
            n = min(len(own), len(base))
            line["verdict"], line["why"] = difference_verdict(None if ends[0] is None else ends, p, n, higher=True)
            line["ahead"] = sum(own[seed] > base[seed] for seed in own.keys() & base.keys())
    return found


def _table(found: Sequence[Json]) -> tuple[list[str], list[list[str]]]:
    """Head and rows."""
    head = ["trained on", "seeds", "right, %", f"less {found[0]['arm']}", "ahead", "p", "helps", "backs", "ended, %"]
    return head, [
        [
            line["arm"],
            str(line["seeds"]),
            share(line, "accuracy"),
            share_difference(line, "accuracy"),
            "" if line["ahead"] is None else str(line["ahead"]),
            "" if line["accuracy_difference_p_holm"] is None else f"{line['accuracy_difference_p_holm']:.2g}",
            line["verdict"] or "",
            f"{line['taken_back']:.2f}",
            f"{100 * line['finished']:.1f}",
        ]
        for line in found
    ]


def _title(found: Sequence[Json]) -> str:
    return f"Held-out problems with the right final answer, n = {found[0]['n']:,.0f} a run"


def terminal(found: Sequence[Json], width: int) -> Iterator[tuple[str, list[Table]]]:
    """The table, no wider than `width`."""
    from igsm.reporting.terminal import fitted

    yield _title(found), [*fitted(*_table(found), 1, width)]


def to_markdown(found: Sequence[Json]) -> str:
    from igsm.reporting.markdown import table

    head, rows = _table(found)
    return "\n\n".join([_title(found), table(head, rows, numbers=True), *EXPLAINED]) + "\n"
