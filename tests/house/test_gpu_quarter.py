"""The quarter of an hour with a GPU: its stops, what survives a failure, and the packages it carries."""

from __future__ import annotations

import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks import gpu_arms, gpu_quarter
from benchmarks.gpu_parts import Here
from benchmarks.gpu_quarter import GRACE, Notes, Part, quarter, run_part, unpacked
from igsm.checkpoints import CONFIG, defect
from igsm.rundir import VOCABULARY, WEIGHTS
from tests.training.toy_training import toy_config, toy_train


class Clock:
    """Seconds that pass when told, and a few at every look."""

    def __init__(self, each: float = 0.0) -> None:
        self.now, self.each = 1000.0, each

    def __call__(self) -> float:
        self.now += self.each
        return self.now


def results(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def test_all_parts_end_in_time_and_a_failure_stops_none(tmp_path: Path) -> None:
    """Guards: a part that takes the time of the ones after it, or the results of the ones before."""
    clock = Clock()
    notes = Notes(tmp_path, clock)
    given: dict[str, float] = {}

    def run(name: str, seconds: float) -> str:
        given[name] = seconds
        clock.now += {"a": 60.0, "b": 5.0, "d": 210.0}.get(name, seconds)
        if name == "b":
            raise RuntimeError("CUDA error")
        return "done"

    parts = (Part("a", 75.0), Part("b", 90.0), Part("c", 90.0), Part("d"), Part("e"), Part("f", 40.0))
    ends = quarter(600.0, notes, parts, run)
    assert given["a"] == 75.0
    assert given["d"] == (600 - 155 - GRACE) / 2
    assert given["e"] == 600 - 155 - 210 - GRACE
    assert clock.now - 1000 <= 600 - GRACE
    assert ends == {"a": "done", "b": "failed", "c": "done", "d": "done", "e": "done", "f": "left out: no time is left"}
    assert "RuntimeError: CUDA error" in (tmp_path / "log.txt").read_text()
    assert [one["part"] for one in results(tmp_path)] == list("abcdef")


@pytest.mark.parametrize(
    ("program", "end"),
    [
        ("print('one')", "done"),
        ("print('one'); raise SystemExit(3)", "failed with exit code 3"),
        ("print('one', flush=True); import time; time.sleep(60)", "stopped: its time is up"),
        (
            "import signal, time; signal.signal(15, signal.SIG_IGN); print('one', flush=True); time.sleep(60)",
            "ended: its time is up, and it did not stop",
        ),
    ],
)
def test_a_part_is_ended(tmp_path: Path, program: str, end: str) -> None:
    """Guards: a part that hangs; lines that are lost with it."""
    notes = Notes(tmp_path, Clock())
    clock = Clock(each=0.0)

    def passing() -> float:
        if "time.sleep" in program and "one" in ((tmp_path / "log.txt").read_text() if any(tmp_path.iterdir()) else ""):
            clock.now += 4.0
        return clock.now

    notes.clock = passing
    assert run_part("part", [sys.executable, "-c", program], 10.0, notes, dict(os.environ)) == end
    assert "part: one" in (tmp_path / "log.txt").read_text()


def test_carried_packages_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a machine without pydantic; one that has all of it, whose own is used."""
    wheels, folder = tmp_path / "wheels", tmp_path / "site"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "absent_package-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("absent_package/__init__.py", "there = True\n")
    assert unpacked(wheels, folder) == []
    monkeypatch.setattr(gpu_quarter, "PACKAGES", {"absent-package": "absent_package"})
    assert unpacked(wheels, folder) == [str(folder)]
    assert (folder / "absent_package/__init__.py").read_text() == "there = True\n"
    assert unpacked(tmp_path / "none", folder) == []


def test_a_trained_model_comes_back_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: pieces that do not fit together, or a checkpoint that is taken for a damaged one."""
    monkeypatch.setattr(gpu_arms, "PIECE", 5000)
    toy_train(toy_config(steps=5), tmp_path / "run")
    (tmp_path / "out").mkdir()
    gpu_arms.bring_back("arm", tmp_path / "run", Here(torch.device("cpu"), 60.0, Notes(tmp_path / "out")))
    pieces = sorted((tmp_path / "out").glob("arm.tar.*"), key=lambda piece: int(piece.suffix[1:]))
    assert len(pieces) > 1
    (tmp_path / "whole.tar").write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    with tarfile.open(tmp_path / "whole.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    assert defect(tmp_path / "arm", (WEIGHTS, CONFIG, VOCABULARY)) is None
    kept, real = (load_file(folder / WEIGHTS) for folder in (tmp_path / "arm", tmp_path / "run/checkpoints/step_5"))
    assert kept.keys() == real.keys()
    assert all(torch.equal(kept[name], real[name].bfloat16()) for name in kept)
    assert [one["step"] for one in results(tmp_path / "out") if "step" in one][-1] == 5
