"""The power that a dry run prints."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
import yaml

from cli.sweep import command
from igsm.reporting.report import build_report
from igsm.significance import detectable_difference
from igsm.sweeps.plan import plan, report_request
from igsm.sweeps.power import power_lines
from igsm.sweeps.sweep import load_sweep
from tests.reporting.conftest import write_evaluation


def _listing(file: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    given = {"gpus": None, "jobs": 1, "prefix": "", "only": "", "speed": None, "commands": False, "dry_run": True}
    command(file, [], root=root, **given)
    return " ".join(capsys.readouterr().out.split())


def test_a_dry_run_says_what_the_planned_seeds_can_show(
    content: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against a plan of too few seeds that shows after days only, and against power out of nothing."""
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(content | {"seeds": [1, 2, 3, 4, 5], "problems": 400}))
    assert "Power" not in _listing(file, tmp_path, capsys)
    sweep = load_sweep(file)
    done = [job for job in plan(sweep, tmp_path) if job.stage == "pretrain" and "original" in job.name][:3]
    for job, accuracy in zip(done, (0.5, 0.6, 0.8), strict=True):
        job.run.mkdir(parents=True)
        (job.run / "config.yaml").write_text(yaml.safe_dump(job.settings))
        write_evaluation(job.run, "nano_pq:op=4", "greedy", 400, accuracy, 0.0)
    table = build_report(report_request(sweep, tmp_path)).tables[0]
    spread = stdev(table.cell("original", "nano_pq:op=4").by_seed)
    expected = detectable_difference(spread, 5)
    assert expected is not None
    header, line = power_lines(table, 5)
    assert power_lines(table, 5, pairs=True)[:2] == [header, line]
    assert "no p-value of 5 pairs is below 0.062" in power_lines(table, 5, pairs=True)[2]
    assert "with probability 80 %" in header
    assert line.startswith("nano_pq:op=4: standard deviation")
    assert f"so far {100 * spread:.1f} (of 2 degrees of freedom)" in line
    assert re.search(rf"5 seeds show a difference of {100 * expected:.1f}$", line)
    assert line in _listing(file, tmp_path, capsys)
    assert "3 seeds can show no difference: no p-value is below 0.1" in power_lines(table, 3)[1]
