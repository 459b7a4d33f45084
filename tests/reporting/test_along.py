"""Accuracy against a setting: which rows are a series, what is drawn of their seeds, what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from igsm.config import build_config
from igsm.errors import InputError
from igsm.reporting.along import Along, along_chart, along_figure
from igsm.reporting.report import Report, ReportRequest, build_report, write_report
from igsm.reporting.results import Source
from igsm.sweeps.plan import report_request
from igsm.sweeps.sweep import Sweep, load_sweep
from tests.reporting.conftest import MakeRun

CELLS = ("med_pq:op=20", "med_pq:op=21")
DELAY = Along(
    "delay", {"fix": {"0": "fix, delay 0", "end": "fix, delay end"}, "restart": {"end": "restart, delay end"}}
)
ACCURACY = {"error-free": 0.3, "fix, delay 0": 0.6, "fix, delay end": 0.4}
SEEDS = (1, 2, 3)


@pytest.fixture
def report(make_run: MakeRun) -> Report:
    """Three seeds of each row but of restart, which has not been run."""
    sources = [
        Source(row, make_run(f"{row}-{seed}", dict.fromkeys(CELLS, accuracy), seed=seed), seed)
        for row, accuracy in ACCURACY.items()
        for seed in SEEDS
    ]
    rows = (*ACCURACY, "restart, delay end")
    request = ReportRequest("t", sources, rows=rows, baseline="error-free", along=[DELAY], measures=["accuracy"])
    return build_report(request)


def test_every_seed_is_a_point_and_the_mean_a_line(report: Report) -> None:
    """Guards against a figure of means only, and against seeds of one row drawn at another's place."""
    figure = along_figure(report.tables[0], DELAY, "Accuracy against delay")
    assert [axis.get_title() for axis in figure.axes[:2]] == ["op = 20", "op = 21"]
    table = report.tables[0]
    for axis, column in zip(figure.axes, CELLS, strict=True):
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0", "end"]
        (mean,) = [line for line in axis.get_lines() if line.get_label() == "fix"]
        cells = [table.cell(row, column) for row in ("fix, delay 0", "fix, delay end")]
        assert list(mean.get_ydata()) == [100 * (cell.value or 0) for cell in cells]
        points = [line for line in axis.get_lines() if line.get_marker() == "o"]
        assert [sorted(line.get_ydata()) for line in points] == [
            sorted(100 * value for value in cell.by_seed) for cell in cells
        ]
        assert all(len(line.get_ydata()) == len(SEEDS) for line in points)
        (base,) = [line for line in axis.get_lines() if line.get_linestyle() == "--"]
        assert base.get_ydata()[0] == 100 * (table.cell("error-free", column).value or 0)


def test_the_page_has_the_same_numbers(report: Report) -> None:
    values = along_chart(report.tables[0], DELAY)["data"]["values"]
    means = [one for one in values if one["mean"]]
    assert {one["row"] for one in means} == {"fix"}
    assert len(means) == 2 * len(CELLS)
    assert len(values) == len(means) * (1 + len(SEEDS))


def test_it_is_written_where_there_is_something_to_draw(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "accuracy_against_rate.png").write_bytes(b"of an earlier report")
    names = {path.name for path in write_report(report, folder)}
    assert {"accuracy_against_delay.png", "accuracy_against_delay.pdf"} <= names
    assert not (folder / "accuracy_against_rate.png").exists()
    assert "Accuracy against delay" in (folder / "index.html").read_text()
    nothing = build_report(ReportRequest("t", [], rows=("fix, delay 0",), along=[DELAY], measures=["accuracy"]))
    assert nothing.drawn_along == []


def test_a_sweep_says_which_rows_are_a_series(tmp_path: Path) -> None:
    (along,) = report_request(load_sweep("methods"), tmp_path).along
    assert json.dumps(along.series) == json.dumps(
        {
            "fix": {value: f"fix, delay {value}" for value in ("0", "1", "2", "end")},
            "restart": {value: f"restart, delay {value}" for value in ("0", "end")},
        }
    )


def test_a_name_that_no_grid_has_is_refused() -> None:
    content: dict[str, Any] = {
        "title": "t", "shows": "s", "folder": "f", "along": ["dely"],
        "families": {"a": {"config": "nano", "cells": ["op=3"], "generated_tokens": 1}},
        "arms": [{"row": "{delay}", "grid": {"delay, what": [[0, "x"]]}}],
    }  # fmt: skip
    with pytest.raises(InputError, match="no arm's grid has 'dely'; did you mean 'delay'"):
        build_config(Sweep, content, "test")
