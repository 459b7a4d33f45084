"""Numbers of several runs over their training seeds: a line for each way of training, and what tells it from the first.

The unit is the run: a number of a way of training is the mean of its runs' numbers, whatever they are made of.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from igsm.grading.metrics import Json
from igsm.reporting.results import sources_of_runs
from igsm.rundir import RunFolder, distinct_names
from igsm.significance import permutation_test
from igsm.statistics import t_interval, welch_interval

WITHOUT_MISTAKES = "original"

EXPLAINED = (
    "Over training seeds: the mean of the seeds' numbers; brackets: 95 % t interval over seeds, what training again "
    "would show.",
    "against: the difference to the first way of training, in points, with Welch's interval; p of the exact "
    "permutation test is in the CSV file.",
)
"""What stands in tables over seeds."""


def arms_of(runs: Sequence[Path]) -> dict[str, str]:
    """Name of each run (of `distinct_names`) -> the way it was trained; runs of one differ in their seed only.

    Ways without mistakes stand first. A checkpoint's says which one it is; a folder without config.yaml is a way of its
    own.
    """
    names = dict(zip(runs, distinct_names(runs), strict=True))
    folders = {run: run.parent.parent if run.parent.name == "checkpoints" else run for run in runs}
    known = [folder for folder in folders.values() if RunFolder(folder).config.is_file()]
    rows = {source.run: source.row for source in sources_of_runs(known)}
    arms = {}
    for run, folder in folders.items():
        end = "" if folder == run else f", {run.name}"
        arms[names[run]] = f"{rows[folder]}{end}" if folder in rows else names[run]
    return dict(sorted(arms.items(), key=lambda pair: not pair[1].startswith(WITHOUT_MISTAKES)))


def over_seeds(
    lines: Sequence[Json], arms: Mapping[str, str], keys: Sequence[str], measures: Sequence[str]
) -> list[Json]:
    """A line for each arm and each choice of `keys`: its number of `seeds`, and the mean of each measure over them.

    Beside a measure M stand M_low and M_high, the 95 % t interval over seeds, and M_by_seed, the runs' own numbers. A
    run without the number is left out of its mean. In the lines of later arms M_difference is theirs less that of the
    first arm, with Welch's interval (M_difference_low, M_difference_high) and the exact permutation test's
    M_difference_p. None where nothing can be said: intervals and tests take two seeds a side.

    Args:
        lines: one a run and choice of keys, each with `run`.
        arms: of `arms_of`.
    """
    found = []
    first, *_ = dict.fromkeys(arms.values())
    for key in dict.fromkeys(tuple(line[name] for name in keys) for line in lines):
        chosen = {line["run"]: line for line in lines if tuple(line[name] for name in keys) == key}
        values: dict[str, dict[str, list[float]]] = {}
        for arm in dict.fromkeys(arms.values()):
            own = [chosen[run] for run, its in arms.items() if its == arm and run in chosen]
            if not own:
                continue
            values[arm] = {name: [float(line[name]) for line in own if line[name] is not None] for name in measures}
            line: Json = {"arm": arm, **dict(zip(keys, key, strict=True)), "seeds": len(own)}
            for name in measures:
                line |= _mean(name, values[arm][name])
                line |= _difference(
                    name, values.get(first, {}).get(name, []) if arm != first else [], values[arm][name]
                )
            found.append(line)
    return found


def _mean(name: str, values: Sequence[float]) -> Json:
    low, high = t_interval(values) or (None, None)
    mean = fmean(values) if values else None
    return {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_by_seed": list(values)}


def _difference(name: str, base: Sequence[float], values: Sequence[float]) -> Json:
    """Without a base, nothing."""
    ends = ("", "_low", "_high", "_p")
    if not base or not values:
        return dict.fromkeys(f"{name}_difference{end}" for end in ends)
    low, high = welch_interval(base, values) or (None, None)
    p_value = permutation_test(base, values) if min(len(base), len(values)) > 1 else None
    numbers = (fmean(values) - fmean(base), low, high, p_value)
    return {f"{name}_difference{end}": number for end, number in zip(ends, numbers, strict=True)}


def to_csv(lines: Sequence[Json]) -> str:
    """All numbers of lines that have the same fields; a list's with blanks between them."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]) if lines else [])
    writer.writeheader()
    for line in lines:
        writer.writerow(
            {key: " ".join(map(str, value)) if isinstance(value, list) else value for key, value in line.items()}
        )
    return out.getvalue()


def share(line: Json, name: str) -> str:
    """A share over seeds in per cent with its interval, as "69.1 [60, 78]"; no share is outside 0 to 100."""
    return _percent(line, name, ".1f", 0.0)


def gap(line: Json, name: str) -> str:
    """A difference of shares over seeds, in points."""
    return _percent(line, name, ".1f", -1.0)


def share_difference(line: Json, name: str) -> str:
    """How far a share is from that of the first arm, in points, as "+12.0 [2, 22]"; empty in the first arm's line."""
    return "" if line[f"{name}_difference"] is None else _percent(line, f"{name}_difference", "+.1f", -1.0)


def _percent(line: Json, name: str, form: str, least: float) -> str:
    if line[name] is None:
        return "-"
    value, low, high = f"{100 * line[name]:{form}}", line[f"{name}_low"], line[f"{name}_high"]
    if low is None:
        return value
    low, high = 100 * max(low, least), 100 * min(high, 1.0)
    digits = 0 if high - low >= 2 else 1  # rates such as that of needless retries are below 1 %
    return f"{value} [{low:.{digits}f}, {high:.{digits}f}]"
