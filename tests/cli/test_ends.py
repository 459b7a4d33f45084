"""Every command says at its end what it has written, where, and what one would do next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Call = Callable[..., tuple[int, str, str]]


def test_a_finished_run_says_so_again(mistakes: Call, tmp_path: Path) -> None:
    """Guards: silence, from which nobody learns whether anything was trained."""
    run = tmp_path / "run"
    words = ["training.steps=2", "training.warmup_steps=1", "training.batch=2", "training.evaluate_problems=0"]
    words += ["model.layers=1", "model.heads=1", "training.held_out_windows=0", "training.device=cpu"]
    command = ["pretrain", ROOT / "configs/pretrain/nano.yaml", *words, "tracking.mode=disabled", "--out", run]
    code, out, error = mistakes(*command)
    assert code == 0
    for begun in (f"{run}: begins pretrain", " weights, 1 layers", "2 steps of 2 windows", "on cpu"):
        assert begun in error
    assert "\r" not in error
    first, *end = out.splitlines()
    assert first == f"{run}: finished, 2 steps"
    assert end[:2] == [f"  model: {run}/checkpoints/step_2", f"  curves: mistakes inspect {run}"]
    kept = [word for word in words if word != "training.steps=2"]  # guards: a command that trains something else
    longer = ["mistakes", "pretrain", str(command[1]), *kept, "tracking.mode=disabled", "training.steps=4"]
    assert end[2] == f"  longer: {' '.join(longer)} --from {run} --out NEW"
    assert end[3:] == [f"  next: mistakes eval {run}"]
    code, out, error = mistakes(*command)
    assert (code, out.splitlines()[1:]) == (0, end)
    assert out.startswith(f"{run}: was finished before, after 2 steps: nothing to do\n")
    assert "begins" not in error


@pytest.mark.parametrize("name", ["x.jsonl", "x.chat.jsonl", "x.parquet"])
def test_a_file_is_the_one_that_was_named(mistakes: Call, tmp_path: Path, name: str) -> None:
    """Guards: a folder called x.jsonl."""
    if name == "x.parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    code, out, _ = mistakes("gen-data", "--difficulty", "nano", "--problems", 5, "--out", path)
    assert code == 0
    assert path.is_file()
    assert out.startswith(f"{path}: 5 problems; next: ")
    code, _, error = mistakes("gen-data", "--difficulty", "nano", "--problems", 5, "--out", path)
    assert (code, error) == (2, f"mistakes: error: {path}: exists already; remove it or choose another name\n")


def test_a_file_says_how_many_problems_it_holds(mistakes: Call, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    code, out, _ = mistakes("gen-data", "--difficulty", "nano", "--problems", 7, "--out", path)
    assert (code, out) == (0, f"{path}: 7 problems; next: mistakes check {path}\n")
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 7
    code, out, _ = mistakes("gen-data", "--difficulty", "nano", "--problems", 7, "--out", tmp_path / "shards")
    assert code == 0
    assert f"next: mistakes pretrain CONFIG data.path={tmp_path / 'shards'}" in out
