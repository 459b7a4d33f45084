"""Pictures of curves and points: training curves, accuracy against generated tokens."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from igsm.grading.metrics import Metric
from igsm.reporting.figures import COLOURS, new_figure, plain
from igsm.reporting.names import log_ticks, needs_log, quantity

Points = Sequence[tuple[float, float]]
_STYLES = ("-", "--", ":", "-.")
_MARKERS = "os^Dv<>PX*"


@dataclass(frozen=True)
class Curve:
    """One run's curve of one metric.

    Attributes:
        row, family: of the run's cells.
        points: (step, value) pairs.
        seed: the run's training seed; None when it is not known.
        tokens: tokens a step; 0 when it is not known.
    """

    row: str
    family: str
    points: Points
    seed: int | None = None
    tokens: float = 0.0


def training_curves(series: Mapping[str, Sequence[Curve]]) -> Any | None:
    """Loss and the like against the step, one panel a metric: a colour a row, a line style a family, a line a run.

    Args:
        series: metric -> curves; of more than 20 rows the first 20 are drawn, and the legend says so.

    Returns:
        The figure; None when there is nothing to draw.
    """
    series = {name: [curve for curve in curves if curve.points] for name, curves in series.items()}
    series = {name: curves for name, curves in series.items() if curves}
    if not series:
        return None
    every = [curve for curves in series.values() for curve in curves]
    rows, known = (list(dict.fromkeys(names)) for names in zip(*((c.row, c.family) for c in every), strict=True))
    left_out = len(rows) - len(colours := dict(zip(rows, _colours(len(rows)), strict=False)))
    styles = {family: _STYLES[i % len(_STYLES)] for i, family in enumerate(known)}
    figure = new_figure(4.6 * max(len(series), 1.5), 3.6)
    for axis, (name, curves) in zip(figure.subplots(1, len(series), squeeze=False)[0], series.items(), strict=True):
        what = quantity(name)
        for curve in curves:
            if curve.row in colours:
                steps, values = zip(*((step, what.scale * value) for step, value in curve.points), strict=True)
                axis.plot(steps, values, styles[curve.family], color=colours[curve.row], linewidth=0.8)
        every_value = [what.scale * value for curve in curves for _, value in curve.points]
        if needs_log(name, every_value):
            axis.set_yscale("log")
            ticks = log_ticks(min(every_value), max(every_value))
            axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.set_yticks([], minor=True)
        axis.set_title(textwrap.fill(plain(what.title), 40), fontsize=9)
        axis.set_ylabel(what.unit, fontsize=8)
        axis.set_xlabel("training step", fontsize=8)
        axis.tick_params(labelsize=7)
    entries = [(row, {"color": colour, "linewidth": 2}) for row, colour in colours.items()]
    if len(styles) > 1:
        entries += [(family, {"color": "black", "linestyle": style}) for family, style in styles.items()]
    _legend_below(figure, entries, left_out)
    return figure


def trade_off(
    points: Mapping[str, tuple[float, float]],
    measure: Metric,
    seeds: Mapping[str, Points] | None = None,
    caption: str = "",
) -> Any:
    """Accuracy against generated tokens, one point a row: which decoder buys what at which price.

    Args:
        points: row -> (generated tokens a problem, accuracy); of more than 20 rows the first 20 are drawn.
        measure: the measure on the vertical axis.
        seeds: row -> the same of each training seed, drawn small.
        caption: title.
    """
    figure = new_figure(7.0, 4.0)
    axis = figure.subplots()
    entries = []
    for i, (row, colour) in enumerate(zip(points, _colours(len(points)), strict=False)):
        look = {"color": colour, "marker": _MARKERS[i % len(_MARKERS)], "markersize": 6, "linestyle": ""}
        tokens, value = points[row]
        axis.plot([tokens], [100 * value if measure.share else value], **look)
        entries.append((row, look))
        for own_tokens, own_value in (seeds or {}).get(row, ()):
            own = 100 * own_value if measure.share else own_value
            axis.plot([own_tokens], [own], marker=".", color=colour, markersize=4, alpha=0.5)
    axis.set_title(plain(caption), fontsize=9)
    axis.set_xlabel("generated tokens per problem", fontsize=8)
    axis.set_ylabel(measure.title, fontsize=8)
    axis.tick_params(labelsize=7)
    _legend_below(figure, entries, len(points) - len(entries))
    return figure


def _colours(number: int) -> Sequence[Any]:
    """Colours that can be told apart: our eight, or matplotlib's twenty, which is all for more than twenty."""
    if number <= len(COLOURS):
        return COLOURS[:number]
    import matplotlib

    return [matplotlib.colormaps["tab20"](i) for i in range(min(number, 20))]


def _legend_below(figure: Any, entries: Sequence[tuple[str, Mapping[str, Any]]], left_out: int) -> None:
    """A legend below the panels, where it covers nothing; the figure grows by its height."""
    from matplotlib.lines import Line2D

    short = [name if len(name) <= 60 else f"{name[:28]}...{name[-28:]}" for name, _ in entries]
    handles = [Line2D([], [], label=plain(name), **look) for name, (_, look) in zip(short, entries, strict=True)]
    if left_out:
        handles.append(Line2D([], [], linestyle="", label=f"... and {left_out} more"))
    width, height = figure.get_size_inches()
    longest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(width / (0.5 + 0.07 * longest))))
    figure.set_size_inches(width, height + 0.2 + 0.16 * math.ceil(len(handles) / columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=7, frameon=False)
