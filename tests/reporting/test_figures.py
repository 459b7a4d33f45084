"""Pictures: what can be told apart, where the legend stands, texts that are not formulas."""

from __future__ import annotations

import pytest

from igsm.grading.metrics import METRICS
from igsm.reporting.curves import Curve, trade_off, training_curves
from igsm.reporting.figures import bar_chart, heat_map, picture_bytes
from igsm.reporting.results import Source, read_results
from igsm.reporting.seed_chart import seed_chart
from igsm.reporting.table import build_table
from igsm.reporting.trade_off import trade_off_points, trade_off_seeds

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


def test_every_seed_is_a_point(make_run) -> None:
    """Guards against figures that show a mean and hide the seeds behind it, and captions without their number."""
    sources = [
        Source(row, make_run(f"{row}{seed}", {"op=3": level + 0.05 * seed, "op=4": 0.5}, seed=seed), seed)
        for row, level in (("original", 0.4), ("retry", 0.5))
        for seed in (1, 2, 3)
    ]
    results = read_results(sources)
    table = build_table(results, METRICS["accuracy"])
    assert table.caption.endswith(", 3 training seeds")
    bars, chart = bar_chart(table, table.caption), seed_chart(table, table.caption)
    for figure in (bars, chart):
        drawn = [line for axis in figure.axes for line in axis.get_lines() if line.get_marker() == "o"]
        assert len(drawn) == 4
        shown = sorted(
            round(float(x), 6) for line in drawn for x in (line.get_ydata() if figure is bars else line.get_xdata())
        )
        assert shown == sorted(round(100 * result.correct / result.n, 6) for result in results)
    assert "3 training seeds" in bars.axes[0].get_title()
    assert "3 training seeds" in chart.get_suptitle()
    tables = [build_table(results, METRICS[name]) for name in ("accuracy", "generated_tokens")]
    points = trade_off_points(tables)
    seeds = trade_off_seeds(tables, points)
    assert {row: len(own) for row, own in seeds.items()} == {"original": 3, "retry": 3}
    for row, own in seeds.items():
        assert points[row] == pytest.approx(tuple(sum(values) / 3 for values in zip(*own, strict=True)))
    small = [
        line
        for line in trade_off(points, METRICS["accuracy"], seeds, "c").axes[0].get_lines()
        if line.get_marker() == "."
    ]
    assert len(small) == 6
