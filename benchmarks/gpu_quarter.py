"""What a GPU lent for a quarter of an hour can show: `make gpu-quarter` (docs/benchmarks.md).

Needs no network. Missing packages come from `WHEELS` (`make gpu-wheels` fills it beforehand); this file itself needs
only the standard library. Every part (`benchmarks.gpu_parts`) is a process of its own, which is ended when its time is
up: one that hangs, or that spoils the device, takes nothing from the next. What a part prints is written to
`log.txt` line by line, and what it measures to `results.jsonl`, both on the disk before the next line.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.metadata
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / ".gpu-wheels"
PACKAGES = {
    "pydantic": "pydantic",
    "pydantic-core": "pydantic_core",
    "annotated-types": "annotated_types",
    "typing-inspection": "typing_inspection",
    "typing-extensions": "typing_extensions",
    "pytest-timeout": "pytest_timeout",
}
"""What such a machine lacks, or has too old: the distribution and its module."""
MOST_BYTES = 48 * 2**20
"""Of all wheels: with the tree they must stay below 64 MiB."""
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
SIGNAL_AT_PARENTS_END = 1
"""PR_SET_PDEATHSIG of Linux."""
GRACE = 20.0
"""Seconds between asking a part to end and ending it: training saves a checkpoint."""


@dataclass(frozen=True)
class Part:
    """One process.

    Attributes:
        seconds: it may take; None: a share of what is left, equal to that of the other parts without a number.
    """

    name: str
    seconds: float | None = None


PARTS = (
    Part("correct", 60.0),
    Part("training", 90.0),
    Part("decoding", 90.0),
    Part("original"),
    Part("retry"),
)


@dataclass
class Notes:
    """Prints lines, and writes them where they survive this process.

    Attributes:
        folder: of `log.txt` and `results.jsonl`.
        clock: seconds.
    """

    folder: Path
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.began = self.clock()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self.clock() - self.began

    def say(self, text: str) -> None:
        """Print a line with the time, and keep it."""
        line = f"[{self.seconds:5.0f} s] {text}"
        print(line, flush=True)
        self._append("log.txt", line)

    def keep(self, **values: Any) -> None:
        """Keep a result."""
        self._append("results.jsonl", json.dumps(values))

    def _append(self, name: str, line: str) -> None:
        with self._lock, open(self.folder / name, "a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def unpacked(wheels: Path, folder: Path) -> list[str]:
    """Unpack the wheels of what is missing here; returns the folders to be put before Python's path."""
    files = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    if all(importlib.util.find_spec(module) for module in PACKAGES.values()):
        return []
    for file in files:
        with zipfile.ZipFile(file) as wheel:
            wheel.extractall(folder)
    return [str(folder)] if files else []


def fetch(wheels: Path) -> None:
    """Download the wheels for a machine with Python 3.12, in place of any from before: the versions installed here."""
    wheels.mkdir(exist_ok=True)
    names = [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", *(f"--platform={one}" for one in PLATFORMS)]
    with tempfile.TemporaryDirectory(dir=wheels) as folder:
        subprocess.run([*command, "-d", folder, *names], check=True)
        for old in wheels.glob("*.whl"):
            old.unlink()
        for new in Path(folder).glob("*.whl"):
            new.rename(wheels / new.name)
    size = sum(file.stat().st_size for file in wheels.glob("*.whl"))
    if size > MOST_BYTES:
        sys.exit(f"{wheels}: {size:,} bytes of wheels; at most {MOST_BYTES:,} can travel")
    print(f"{wheels}: {len(names)} wheels, {size:,} bytes")


def end_with_parent() -> None:
    """Be killed with the process that started this one, or a part would keep the device."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SIGNAL_AT_PARENTS_END, signal.SIGKILL)


def end_group(process: subprocess.Popen[Any]) -> None:
    """End a process and what it has started; one that has ended may have left some of that."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run_part(name: str, command: list[str], seconds: float, notes: Notes, environment: dict[str, str]) -> str:
    """Run a part for at most so many seconds (and `GRACE`); returns how it ended in a few words."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None

    def follow(lines: Any) -> None:
        for line in filter(str.strip, lines):
            notes.say(f"{name}: {line.rstrip()}")

    reader = threading.Thread(target=follow, args=(process.stdout,), daemon=True)
    reader.start()
    asked = False
    end = notes.clock() + seconds
    try:
        while process.poll() is None:
            if notes.clock() >= end:
                if asked:
                    break
                asked, end = True, notes.clock() + GRACE
                process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
    finally:  # also where this process itself is asked to end
        end_group(process)
    code = process.wait()
    reader.join(5)
    if not asked:
        return "done" if code == 0 else f"failed with exit code {code}"
    return "stopped: its time is up" if code != -signal.SIGKILL else "ended: its time is up, and it did not stop"


def quarter(
    seconds: float,
    notes: Notes,
    parts: tuple[Part, ...],
    run: Callable[[str, float], str],
) -> dict[str, str]:
    """Run the parts one after the other, all within `seconds`; one that fails does not stop the next.

    Args:
        run: (name, seconds) -> how it ended.

    Returns:
        How each ended.
    """
    ends: dict[str, str] = {}
    for number, part in enumerate(parts):
        left = seconds - notes.seconds - GRACE
        open_ended = sum(one.seconds is None for one in parts[number:])
        given = left / open_ended if part.seconds is None else min(part.seconds, left)
        if given < 1:
            ends[part.name] = "left out: no time is left"
        else:
            notes.say(f"{part.name}: at most {given:.0f} s")
            try:
                ends[part.name] = run(part.name, given)
            except Exception:
                notes.say(traceback.format_exc())
                ends[part.name] = "failed"
        notes.say(f"{part.name}: {ends[part.name]}")
        notes.keep(part=part.name, end=ends[part.name], seconds=round(notes.seconds, 1))
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=570.0, help="stop by itself after so many")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or "runs/gpu_quarter"))
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: tiny sizes, to rehearse")
    parser.add_argument("--parts", default=",".join(part.name for part in PARTS), help="only these, comma-separated")
    parser.add_argument("--fetch", action="store_true", help=f"only download the wheels into {WHEELS.name}")
    given = parser.parse_args()
    if given.fetch:
        fetch(WHEELS)
        return
    wanted = given.parts.split(",")
    if unknown := set(wanted) - {part.name for part in PARTS}:
        sys.exit(f"--parts: '{sorted(unknown)[0]}' is none; known: {', '.join(part.name for part in PARTS)}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("asked to stop"))
    notes = Notes(given.out.absolute())
    notes.keep(began=time.strftime("%F %T"), device=given.device, seconds=given.seconds, parts=given.parts)
    with tempfile.TemporaryDirectory() as folder:
        before = [*unpacked(WHEELS, Path(folder)), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(before),
            "PYTHONUNBUFFERED": "1",
            "WANDB_MODE": "disabled",
        }
        notes.say(f"Python {platform.python_version()}, {os.cpu_count()} processors, packages before: {before[:-1]}")
        options = ["--out", str(notes.folder), "--device", given.device]

        def command(name: str, seconds: float) -> list[str]:
            return [sys.executable, "-m", "benchmarks.gpu_parts", name, "--seconds", f"{seconds:.0f}", *options]

        def run(name: str, seconds: float) -> str:
            return run_part(name, command(name, seconds), seconds, notes, environment)

        chosen = tuple(part for part in PARTS if part.name in wanted)
        # The generator of problems is compiled meanwhile; nothing that is timed on the device needs the host much.
        compiling = subprocess.Popen(
            command("compile", given.seconds),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            ends = quarter(given.seconds, notes, chosen, run)
        finally:
            end_group(compiling)
            compiling.wait()
    sys.exit(0 if set(ends.values()) <= {"done", "stopped: its time is up"} else 1)


if __name__ == "__main__":
    main()
