"""What the measures of a probe look like: a table by operations, ROC and calibration as a picture, a table of cells."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from igsm.classification import roc_curve
from igsm.grading.evaluations import ALL_PARAMETERS, FIRST_MISTAKES
from igsm.grading.metrics import Json, percent
from igsm.reporting.figures import new_figure, picture_bytes
from igsm.rundir import atomic_write

FIGURE = "probe.png"
"""Beside the report in the probe's run folder."""


def by_operations(report: Json) -> Table:
    """A probe's report (`probing.evaluate_probe`) as a table by number of operations, in per cent.

    "always one": the accuracy of giving the more frequent answer every time.
    """
    probe = report["probe"]
    bad, good = ("cannot", "can") if probe["question"] == "can_next" else ("wrong", "right")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), title_justify="left")
    table.title = f"{probe['question']} probe of {probe['from']}: {report['problems']} test problems, %"
    head = (
        "op",
        "questions",
        "accuracy",
        "95 %\ninterval",
        "always\none",
        f"on {bad}",
        f"on {good}",
        "area\nunder ROC",
    )
    for name in head:
        table.add_column(name, justify="right")
    rows = [*((str(op), one) for op, one in report["by_op"].items()), ("all", report["all"])]
    for name, one in rows:
        low, high = one["interval"]
        always = max(one["share_cannot"], 1 - one["share_cannot"])
        rates = [always, one["accuracy_on_cannot"], one["accuracy_on_can"], one["area_under_roc"]]
        shown = [*map(percent, rates)]
        table.add_row(
            name, f"{one['n']:,}", f"{100 * one['accuracy']:.1f}", f"{100 * low:.1f}-{100 * high:.1f}", *shown
        )
    own = report.get("first_mistakes")
    if own:
        table.caption = f"of the model's own first mistakes: {own['detected']} of {own['n']} detected"
    return table


def draw_answers(report: Json, probabilities: np.ndarray, cannot: np.ndarray, path: Path) -> bool:
    """ROC curve and calibration of the answers, as a PNG; nothing, and False, where matplotlib is not installed.

    Args:
        report: of the probe.
        probabilities, cannot: its answers, [n] each (`probing.evaluate.Answers`).
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    figure = new_figure(9, 4.2)
    roc, bins = figure.subplots(1, 2)
    for axes, diagonal in ((roc, "chance"), (bins, "perfectly calibrated")):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, label=diagonal)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    false_positive, true_positive, _ = roc_curve(probabilities, cannot)
    area = report["all"]["area_under_roc"]
    roc.plot(false_positive, true_positive, label="probe" if area is None else f"probe, area {area:.3f}")
    roc.set(xlabel="false alarms", ylabel="detected", title="ROC")
    rows = report["all"]["calibration"]
    bins.plot([row["predicted"] for row in rows], [row["observed"] for row in rows], marker="o", label="probe")
    bins.set(xlabel="predicted probability", ylabel="observed share", title="calibration")
    for axes in (roc, bins):
        axes.legend(loc="lower right")
    figure.suptitle(f"{report['probe']['question']} probe: {report['all']['n']:,} questions on test problems")
    atomic_write(path, picture_bytes(figure, "png"))
    return True


def by_cell(probe: str | Path, summaries: list[Json]) -> Table:
    """The two accuracies of every cell, of the summaries of `evaluation.probed.measure_cells`."""
    table = Table(title=f"can_next probe {probe}: right answers, %")
    for name in ("cell", "all parameters", "own first mistakes"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    found: dict[str, dict[str, Json]] = {}
    for summary in summaries:
        found.setdefault(summary["cell"], {})[summary["decoder"]] = summary
    for cell, asked in found.items():
        table.add_row(cell, _text(asked.get(ALL_PARAMETERS)), _text(asked.get(FIRST_MISTAKES)))
    table.caption = (
        "Means over problems, 95 % intervals over test problems (not over trainings). Own first mistakes: definitions "
        "that cannot be computed yet and are the first error of a greedy solution."
    )
    return table


def _text(summary: Json | None) -> str:
    if summary is None:
        return "-"
    low, high = summary["interval"] or (0.0, 1.0)  # of one mistake nothing is known
    interval = f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{100 * summary['probe_right']:.1f} [{interval}]\nn {summary['n']:,}"
