"""Probes in a sweep: trained, measured over cells, tabulated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from igsm.config import build_config
from igsm.reporting.report import build_report
from igsm.rundir import RunFolder, write_json
from igsm.sweeps.plan import plan, report_request
from igsm.sweeps.state import state
from igsm.sweeps.sweep import Sweep


def test_probes_are_measured_after_the_model_has_solved_the_problems(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against probes of one model that solve the same problems at once, and rows that no folder is read for."""
    probe = {"config": "configs/probe/nano/version1.yaml", "measure": True}
    control = probe | {"name": "random", "overrides": ["random_weights=true"]}
    arms = [
        {"row": row, "name": "original", "evaluate": False, "probe": one} for row, one in (("a", probe), ("b", control))
    ]
    probing = build_config(Sweep, sweep.model_dump(by_alias=True) | {"arms": arms, "measures": ["detection"]}, "test")
    jobs = {job.name: job for job in plan(probing, tmp_path)}
    run = "nano_pq-original-seed1"
    assert list(jobs) == [
        *(f"pretrain {run}", f"probe {run}-version1", f"eval {run} greedy", f"measure {run}-version1"),
        *(f"probe {run}-random", f"measure {run}-random"),
    ]
    measure = jobs[f"measure {run}-random"]
    assert measure.needs == (f"probe {run}-random", f"eval {run} greedy")
    assert state(measure)[0] == "to run"
    for cell in measure.cells:
        folder = RunFolder(measure.run).evaluation(cell, measure.decoder)
        summary = {"cell": cell, "decoder": measure.decoder, "n": 8, "correct": 3, "seed": 1, "probe_right": 0.9}
        write_json(folder / "summary.json", summary)
        verdicts = [{"index": i, "correct": i < 3, "probe_right": 1.0 if i < 3 else 0.84} for i in range(8)]
        (folder / "verdicts.jsonl").write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    assert state(measure) == ("done", "")
    report = build_report(report_request(probing, tmp_path))
    assert report.tables[0].cell("b", measure.cells[0]).value == pytest.approx(0.9)
    assert report.tables[0].cell("a", measure.cells[0]).value is None
    assert not any(result.numbers.first_errors for result in report.results), "a probe's answers have no first error"
    accuracy = build_report(replace(report_request(probing, tmp_path), measures=["accuracy"])).tables[0]
    assert not accuracy.measured, "a probe's answers under accuracy of solutions"
