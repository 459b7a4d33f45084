"""Accuracy against compute (`iso_cost`) as tables, a figure, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from igsm.grading.metrics import Json, percent
from igsm.reporting import markdown
from igsm.reporting.charts import CHOICE, Spec, chosen, colour, tip
from igsm.reporting.figures import new_figure
from igsm.reporting.figures import plain as letters
from igsm.reporting.iso_cost import BUDGETS, IsoCost, family_of
from igsm.reporting.page_tables import Grid, plain

if TYPE_CHECKING:
    from rich.table import Table

AXIS = "tokens generated and read by verifiers, over greedy decoding of the first model"
TITLE = "accuracy of full solutions (%)"
EXPLAINED = (
    "cost: tokens generated and read by a verifier for a problem, over those that the first model generates greedily; "
    "prompts stand apart.",
    "at k times: between two settings of a way of decoding, straight in the logarithm of the cost; beyond its last "
    "setting, that one. A setting may cost 10 % more than its budget. Every way begins with greedy decoding of its "
    "model.",
    "area: mean accuracy over the logarithm of the cost from 1 to 16; brackets: 95 % t interval over training seeds.",
    "over greedy: points more than greedy decoding of the same run, mean over seeds; its interval is that of the "
    "pairs, so it tells decoders apart where the accuracies of training seeds lie far from each other.",
)


def tables(found: IsoCost) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, head and lines: accuracy at each budget, and what every setting costs."""
    where = ", ".join(found.cells)
    yield (
        f"Accuracy (%) at k times the tokens of greedy decoding, {where}",
        ["model, decoder", *(f"{budget}x" for budget in BUDGETS), "area"],
        [[curve.name, *map(percent, curve.at), _with_interval(curve.area, curve.interval)] for curve in found.curves],
    )
    yield (
        f"Tokens a problem, {where}",
        ["model, decoder", "generated", "verifier", "prompts", "cost", "accuracy", "over greedy", "seeds"],
        [
            [
                f"{one.model}, {one.decoder}",
                f"{one.point.generated:.0f}",
                f"{one.point.verifier:.0f}",
                "-" if one.point.prefix is None else f"{one.point.prefix:.0f}",
                f"{one.cost:.2f}",
                _with_interval(one.point.accuracy, one.interval),
                "" if one.gain is None else _gain(one.gain, one.gain_interval),
                str(one.seeds),
            ]
            for one in found.settings
        ],
    )


def _with_interval(share: float | None, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return percent(share)
    low, high = interval
    return f"{percent(share)} [{percent(max(low, 0.0))}, {percent(min(high, 1.0))}]"


def _gain(gain: float, interval: tuple[float, float] | None) -> str:
    return f"{100 * gain:+.1f}" + ("" if interval is None else f" [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]")


def to_markdown(found: IsoCost) -> str:
    """Both tables, and how they are to be read."""
    parts = markdown.tables((f"## {title}", head, lines) for title, head, lines in tables(found))
    return "\n".join([*parts, *(f"- {line}" for line in EXPLAINED), ""])


def to_csv(found: IsoCost) -> str:
    """A line a setting and, without a decoder's own tokens, a line a budget of each curve."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    nothing = None, None
    numbers = ["cost", "accuracy", "generated", "verifier", "prefix", "seeds"]
    ends = ["accuracy_low", "accuracy_high", "gain", "gain_low", "gain_high"]
    writer.writerow(["model", "decoder", "family", *numbers, *ends])
    for one in found.settings:
        point = one.point
        own = [one.model, one.decoder, family_of(one.decoder), one.cost, point.accuracy]
        own += [point.generated, point.verifier, point.prefix, one.seeds]
        writer.writerow([*own, *(one.interval or nothing), one.gain, *(one.gain_interval or nothing)])
    for curve in found.curves:
        for budget, value in zip(BUDGETS, curve.at, strict=True):
            writer.writerow([curve.model, None, curve.family, budget, value, *[None] * 9])
    return out.getvalue()


def content(found: IsoCost) -> Json:
    """The same as plain values."""
    return {
        "cells": list(found.cells),
        "budgets": list(BUDGETS),
        "settings": [asdict(one) for one in found.settings],
        "curves": [asdict(one) for one in found.curves],
    }


def chart(found: IsoCost) -> Spec:
    """The figure of the page: what `picture` draws, with words under the pointer."""
    rows = [curve.name for curve in found.curves]
    values = [
        {"row": curve.name, "cost": cost, "value": 100 * value}
        for curve in found.curves
        for cost, value in curve.points
    ]
    axis = {"values": list(BUDGETS), "labelExpr": "datum.label + 'x'"}
    cost = {"field": "cost", "type": "quantitative", "title": AXIS, "scale": {"type": "log", "base": 2}, "axis": axis}
    return {
        "width": "container",
        "height": 360,
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "params": [CHOICE],
        "encoding": {
            "x": cost,
            "y": {"field": "value", "type": "quantitative", "title": TITLE, "scale": {"zero": False}},
            "color": colour(rows),
            "opacity": chosen(),
            "tooltip": [tip("row"), tip("cost", "times greedy decoding", ".2f"), tip("value", TITLE, ".1f")],
        },
        "usermeta": {"least": 300},
    }


def grids(found: IsoCost) -> list[Grid]:
    """The tables of the page."""
    return [
        Grid(title, tuple(head), tuple(tuple(plain(text) for text in line) for line in lines))
        for title, head, lines in tables(found)
    ]


def picture(found: IsoCost) -> Any:
    """Accuracy against cost, a line a curve; a model has one colour for each way of decoding, its own marker."""
    figure = new_figure(8.0, 4.8)
    axis = figure.subplots()
    models = list(dict.fromkeys(curve.model for curve in found.curves))
    families = list(dict.fromkeys(curve.family for curve in found.curves))
    for curve in found.curves:
        costs, values = zip(*curve.points, strict=True)
        axis.plot(
            costs,
            [100 * value for value in values],
            color=f"C{families.index(curve.family) % 10}",
            marker="os^Dv"[models.index(curve.model) % 5],
            linestyle=("-", "--", ":", "-.")[models.index(curve.model) % 4],
            markersize=4,
            label=letters(curve.name),
        )
    axis.set_xscale("log", base=2)
    axis.set_xticks(BUDGETS, [f"{budget}x" for budget in BUDGETS])
    axis.set_xlabel(AXIS, fontsize=8)
    axis.set_ylabel(TITLE, fontsize=8)
    axis.set_title(letters(f"Accuracy against compute, {', '.join(found.cells)}"), fontsize=9)
    axis.tick_params(labelsize=7)
    figure.legend(loc="outside right upper", fontsize=6, frameon=False)
    return figure


def terminal(found: IsoCost, width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for title, head, lines in tables(found):
        yield title, [*fitted(head, lines, 1, width)]
