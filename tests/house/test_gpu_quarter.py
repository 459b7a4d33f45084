"""The quarter of an hour with a GPU: its stops, what survives a failure, and the packages it carries."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks import gpu_arms, gpu_quarter
from benchmarks.gpu_correct import TESTS, TINY_TESTS, run_tests
from benchmarks.gpu_parts import Here
from benchmarks.gpu_quarter import GRACE, PARTS, ROOT, Notes, Part, quarter, run_part, unpacked
from benchmarks.train import Row, _fitting
from igsm.checkpoints import CONFIG, defect
from igsm.errors import InputError
from igsm.rundir import VOCABULARY, WEIGHTS, JsonlWriter
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


def alive(process: int) -> bool:
    """Whether a process is there and no mere entry of a table."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def gone(process: int) -> bool:
    return any(not alive(process) or time.sleep(0.1) for _ in range(100))


SLEEPS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_part_ends_with_the_whole(tmp_path: Path) -> None:
    """Guards: a part that keeps the device after Ctrl-C, or after SIGTERM to what runs the whole."""
    notes = Notes(tmp_path, Clock())
    log = tmp_path / "log.txt"

    def asked_after_the_first_line() -> float:
        if log.exists() and log.read_text().endswith("\n"):
            raise SystemExit
        return 1000.0

    notes.clock = asked_after_the_first_line
    with pytest.raises(SystemExit):
        run_part("part", [sys.executable, "-c", SLEEPS], 30.0, notes, dict(os.environ))
    assert gone(int(log.read_text().split()[-1]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_a_part_is_killed_with_the_whole() -> None:
    """Guards: training that goes on, unseen, after SIGKILL from what runs the whole."""
    part = "from benchmarks.gpu_quarter import end_with_parent; end_with_parent(); " + SLEEPS
    whole = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {part!r}], start_new_session=True)"
    with subprocess.Popen([sys.executable, "-c", whole], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        assert alive(number)
        process.kill()
    assert gone(number)


def test_order_and_seconds_are_those_that_were_planned() -> None:
    assert [(part.name, part.seconds) for part in PARTS] == [
        ("correct", 60.0),
        ("training", 90.0),
        ("decoding", 90.0),
        ("original", None),
        ("retry", None),
    ]


def test_tests_run_in_the_order_given_and_each_outcome_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Guards: outcomes and traces lost with the tests that had no time left; all others before the smallest."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("fine", "pass"), ("broken", "assert 'one' == 'two'"), ("late", "pass")):
        (tmp_path / f"test_{name}.py").write_text(f"def test_a():\n    {text}\ndef test_b(): pass\n")
    (tmp_path / "test_unreadable.py").write_text("import absent_package\n")
    order = ("test_late.py::test_b", "test_broken.py::test_a", "test_fine.py", "test_late.py", "test_unreadable.py")
    here = Here(torch.device("cpu"), 60.0, Notes(tmp_path / "out"))
    assert run_tests(here, order, [f"--rootdir={tmp_path}", "--continue-on-collection-errors"]) == 1
    kept = [(one["name"], one["outcome"]) for one in results(tmp_path / "out")]
    assert kept == [
        ("test_unreadable.py", "failed"),
        ("test_late.py::test_b", "passed"),
        ("test_broken.py::test_a", "failed"),
        ("test_fine.py::test_a", "passed"),
        ("test_fine.py::test_b", "passed"),
        ("test_late.py::test_a", "passed"),
    ]
    shown = capfd.readouterr().out
    assert "No module named 'absent_package'" in shown
    assert shown.index("assert 'one' == 'two'") < shown.index("test_fine.py::test_a")


def test_all_named_tests_are_there() -> None:
    """Guards: a test that is renamed, and so left out without a word."""
    for name in (*TESTS, *TINY_TESTS):
        file, _, test = name.partition("::")
        assert f"def {test.partition('[')[0]}" in (ROOT / file).read_text()


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
    assert results(tmp_path / "out")[-1]["pieces"] == len(pieces)


def test_a_curve_is_kept_while_it_grows(tmp_path: Path) -> None:
    """Guards: a curve that is lost when training is killed."""
    here = Here(torch.device("cpu"), 60.0, Notes(tmp_path / "out"))
    with gpu_arms.following("arm", tmp_path, here, seconds=0.01), JsonlWriter(tmp_path / "metrics.jsonl") as curve:
        curve.write({"step": 10, "loss": 2.0, "tokens_per_second": 5.0})
        while not (tmp_path / "out/results.jsonl").exists():
            time.sleep(0.01)
        curve.write({"step": 20, "loss": 1.0, "tokens_per_second": 6.0})
    assert [(one["step"], one["loss"]) for one in results(tmp_path / "out")] == [(10, 2.0), (20, 1.0)]


def test_the_largest_micro_batch_that_fits() -> None:
    """Guards: a benchmark that ends with our trainer's own line about memory, where a smaller micro-batch fits."""
    tried: list[int] = []

    def measure(rows: int) -> Row:
        tried.append(rows)
        if rows > 4:
            try:
                raise torch.OutOfMemoryError("CUDA out of memory")
            except torch.OutOfMemoryError:
                raise InputError("run: out of memory on cuda after step 0") from None
        return Row("ours", 1.0, 1.0, rows, None, None)

    assert _fitting(16, measure).micro_batch == 4
    assert tried == [16, 8, 4]
    with pytest.raises(KeyError):
        _fitting(16, {}.__getitem__)
