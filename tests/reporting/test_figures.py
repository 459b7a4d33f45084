"""Pictures: what can be told apart, where the legend stands, texts that are not formulas."""

from __future__ import annotations

import pytest

from igsm.grading.metrics import METRICS
from igsm.reporting.figures import Curve, bar_chart, heat_map, picture_bytes, trade_off, training_curves
from igsm.reporting.results import Source, read_results
from igsm.reporting.table import build_table

pytest.importorskip("matplotlib")


def _legend_is_outside(figure) -> bool:
    picture_bytes(figure, "png", 50)  # places everything
    assert all(axis.get_legend() is None for axis in figure.axes)
    (legend,) = figure.legends
    box, whole = legend.get_window_extent(), figure.bbox
    inside = whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0
    return inside and all(box.y1 <= axis.get_tightbbox().y0 + 1 for axis in figure.axes)


@pytest.mark.parametrize("rows", [2, 16, 25])
def test_training_curves_have_a_colour_a_row(rows: int) -> None:
    """Guards against a legend of every run over the curves, colours that repeat, and panels without height."""
    points = [(0.0, 3.0), (10.0, 1.0)]
    runs = [
        Curve(f"retry 0.5, a row {i}", family, points)
        for i in range(rows)
        for family in ("med_pq", "hard_qp")
        for _ in range(2)
    ]
    figure = training_curves({"loss": runs, "held_out_loss": runs})
    drawn = min(rows, 20)
    lines = figure.axes[0].get_lines()
    assert len(lines) == 4 * drawn
    assert len({line.get_color() for line in lines}) == drawn
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 2 * drawn
    assert _legend_is_outside(figure)
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(named) == drawn + 2 + (rows > 20)
    assert ("... and 5 more" in named) == (rows == 25)
    assert min(axis.get_position().height * figure.get_figheight() for axis in figure.axes) > 2


def test_a_loss_that_falls_far_is_drawn_on_a_log_scale() -> None:
    """Guards against first steps that press all later ones onto the axis."""
    falling, level = ([Curve("original", "med_pq", [(0.0, 5.0), (10.0, last)])] for last in (0.1, 4.0))
    figure = training_curves({"loss": falling, "held_out_loss": level, "accuracy": falling})
    assert [axis.get_yscale() for axis in figure.axes] == ["log", "linear", "linear"]


def test_trade_off_tells_rows_apart() -> None:
    """Guards against two rows of one colour and sign, and a legend that runs out of the picture."""
    figure = trade_off({f"original, decoder {i}": (50.0 + i, 0.5) for i in range(30)}, METRICS["accuracy"])
    lines = figure.axes[0].get_lines()
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == len(lines) == 20
    assert _legend_is_outside(figure)
    assert figure.legends[0].get_texts()[-1].get_text() == "... and 10 more"


@pytest.mark.parametrize(
    ("family", "cells", "inside"),
    [
        ("nano_pq", ("op<=3 seen", "op=3 seen", "op=2", "op=3"), 2),
        ("mini_pq", ("op<=5 seen", "op=5 seen", "op=5", "op=6"), 2),
        ("nano_pq", ("op=3 seen", "op=4 seen"), 1),
        ("med_pq", ("op<=15", "op=15", "op=20", "op=20 reask"), 2),
        ("easy_pq", ("op=8", "op=9"), None),
    ],
)
def test_a_white_line_parts_what_was_trained(make_run, family: str, cells: tuple[str, ...], inside: int | None) -> None:
    """Guards against no line between in and out of distribution where cells are "seen"."""
    columns = [f"{family}:{cell}" for cell in cells]
    results = read_results([Source("a", make_run("a", dict.fromkeys(columns, 0.5), n=40))])
    figure = heat_map(build_table(results, METRICS["accuracy"], columns=columns), "T")
    white = [line.get_xdata()[0] for line in figure.axes[0].get_lines() if line.get_color() == "white"]
    assert white == ([] if inside is None else [inside - 0.5])


def test_dollars_are_letters(make_run) -> None:
    """Guards against matplotlib's traceback for a title or row with dollars, which it reads as a formula."""
    sources = [Source("$x^$ row", make_run("a", {"med_pq:op=15": 0.5, "$y^$:op=2": 0.5}))]
    table = build_table(read_results(sources), METRICS["accuracy"])
    for figure in (heat_map(table, "a $x^$"), bar_chart(table, "a $x^$")):
        assert picture_bytes(figure, "png", 30).startswith(b"\x89PNG")
    curve = Curve("$x^$", "$y^$", [(0.0, 1.0)])
    picture_bytes(training_curves({"loss $z^$": [curve, Curve("b", "c", [(0.0, 1.0)])]}), "png", 30)
    picture_bytes(trade_off({"$x^$": (1.0, 0.5)}, METRICS["accuracy"]), "png", 30)
