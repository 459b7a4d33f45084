"""Ctrl-C, as a terminal sends it: to the command and to all of its processes. First it saves, then it ends at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from igsm.checkpoints import find_checkpoint
from igsm.corpus.blocks import prepare
from igsm.corpus.config import DataConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.rundir import RunFolder

ROOT = Path(__file__).resolve().parents[2]
NANO, FINETUNE = f"{ROOT}/configs/pretrain/nano.yaml", f"{ROOT}/configs/finetune/nano/continued.yaml"
PROBE = f"{ROOT}/configs/probe/nano/version1.yaml"
SMALL = ["training.batch=4", "training.log_every=1", "training.device=cpu", "tracking.mode=disabled"]
MODEL = ["model.layers=1", "model.heads=1", "training.held_out_windows=4", "training.evaluate_problems=0"]
LONG = ["training.steps=100000", "training.checkpoint_every=100000"]
SECONDS = 60


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """The generator is compiled here, not while a test waits for a command."""
    prepare(DataConfig(problem=ProblemConfig(difficulty="nano"), context=128))


class Command:
    """A command line in a process group of its own, as a shell starts it."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder, self.output = folder, folder / "output.txt"
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "cli.main", *words],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text().replace("\r", "\n")

    def wait_for(self, path: str) -> None:
        """Until a file of that name is there and not empty."""
        end = time.monotonic() + 3 * SECONDS
        while not any(found.stat().st_size for found in self.folder.glob(path)):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def wait_to_say(self, text: str) -> None:
        """Until that text is in its output."""
        end = time.monotonic() + 3 * SECONDS
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    def signal(self, number: signal.Signals = signal.SIGINT) -> None:
        """To all of the group, as the terminal does."""
        os.killpg(self.process.pid, number)

    def ends_with(self, code: int) -> str:
        """What it said, once it has ended with that code, without a traceback and without leaving processes behind."""
        assert self.process.wait(SECONDS) == code, self.said
        said = self.said
        assert "Traceback" not in said
        assert "Error" not in said
        return said

    def close(self) -> None:
        for number in (signal.SIGCONT, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


@pytest.fixture
def start(tmp_path: Path) -> Iterator[type[Command]]:
    begun: list[Command] = []

    class Started(Command):
        def __init__(self, *words: str) -> None:
            super().__init__(tmp_path, *words)
            begun.append(self)

    yield Started  # type: ignore[misc]
    for command in begun:
        command.close()


def stop_line(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith("asked to stop: ")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_pretraining_saves_and_the_same_command_goes_on(start: type[Command], tmp_path: Path, workers: int) -> None:
    """Guards: up to checkpoint_every steps lost, silence, and tracebacks of the loader's processes."""
    words = ["pretrain", NANO, *SMALL, *MODEL, *LONG, f"training.workers={workers}", "--out", "run"]
    command = start(*words)
    command.wait_for("run/metrics.jsonl")
    command.signal()
    line = stop_line(command.ends_with(130))
    (step,) = RunFolder(tmp_path / "run").checkpoint_steps()
    assert f"saved run/checkpoints/step_{step} (step {step} of 100000)" in line
    assert line.endswith(f"the same command goes on: mistakes {' '.join(words)}")
    assert json.loads((tmp_path / "run/metrics.jsonl").read_text().splitlines()[-1])["step"] == step
    again = start(*words)
    again.wait_for("run/metrics.jsonl")
    while f"resumed from run/checkpoints/step_{step}" not in again.said:
        assert again.process.poll() is None
        time.sleep(0.05)
    again.signal(signal.SIGTERM)
    stop_line(again.ends_with(75))


def test_a_second_ctrl_c_ends_at_once(start: type[Command], tmp_path: Path) -> None:
    """Guards: a person who cannot leave because a step, or the saving, takes minutes."""
    command = start("pretrain", NANO, *SMALL, *LONG, "training.batch=64", "training.workers=0", "--out", "run")
    command.wait_for("run/metrics.jsonl")
    os.kill(command.process.pid, signal.SIGSTOP)  # both come before a step can end
    command.signal()
    time.sleep(0.2)
    os.kill(command.process.pid, signal.SIGCONT)
    time.sleep(0.02)
    began = time.monotonic()
    while command.process.poll() is None and time.monotonic() < began + SECONDS:
        command.signal()
        time.sleep(0.02)
    assert command.process.returncode in (-signal.SIGINT, 130)
    assert time.monotonic() - began < 5
    assert "Traceback" not in command.said


def test_ctrl_c_reaches_several_processes_once(start: type[Command], tmp_path: Path) -> None:
    """Guards: torchrun's page of errors, and its copy of Ctrl-C taken for the second one."""
    words = ["pretrain", NANO, *SMALL, *MODEL, *LONG, "training.workers=0", "--gpus", "2", "--out", "run"]
    command = start(*words)
    command.wait_for("run/metrics.jsonl")
    command.signal()
    line = stop_line(command.ends_with(130))
    assert "--gpus 2" in line  # one process would take other passes
    assert len(RunFolder(tmp_path / "run").checkpoint_steps()) == 1


@pytest.fixture
def base(start: type[Command], tmp_path: Path) -> Path:
    steps = ["training.steps=2", "training.warmup_steps=1"]
    command = start("pretrain", NANO, *SMALL, *MODEL, *steps, "training.workers=0", "--out", "base")
    command.ends_with(0)
    return tmp_path / "base"


def test_finetuning_probing_and_evaluating(start: type[Command], base: Path, tmp_path: Path) -> None:
    """Guards the other commands: each of them loses what it has done, or hangs until its longest solution ends."""
    for name, words in (("tuned", ["finetune", FINETUNE, *LONG]), ("probe", ["probe", PROBE, *LONG])):
        command = start(*words, "from=base", *SMALL, "training.workers=0", "training.micro_batch=2", "--out", name)
        command.wait_for(f"{name}/metrics.jsonl")
        command.signal()
        stop_line(command.ends_with(130))
        assert find_checkpoint(tmp_path / name)
    for number, code, cell in ((signal.SIGINT, 130, "op=2"), (signal.SIGTERM, 75, "op=3")):
        words = ["eval", "base", "--cells", cell, "--n", "64", "--context", "65536", "--batch", "2"]
        command = start(*words)  # of an untrained model, whose solutions do not end: they would take hours
        command.wait_to_say("0 of 64 problems")
        began = time.monotonic()
        command.signal(number)
        line = stop_line(command.ends_with(code))
        assert "every finished solution is kept" in line
        assert time.monotonic() - began < 20
        assert not list((base / "eval").glob("*/.lock"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_generating_data(start: type[Command], tmp_path: Path, workers: str) -> None:
    """Guards: half a shard or half a file left under its name, and tracebacks of the processes that generate."""
    words = ["gen-data", "--difficulty", "nano", "--tokens", "1G", "--shard-tokens", "32k", "--workers", workers]
    command = start(*words, "--out", "corpus")
    command.wait_for("corpus/shard_000001.json")
    command.signal()
    assert "the finished shards in corpus are kept" in stop_line(command.ends_with(130))
    assert not list((tmp_path / "corpus").glob("*.partial"))
    command = start(*words[:5], "--out", "problems.jsonl")
    command.wait_for("problems.jsonl.*.partial")
    command.signal()
    assert "nothing is kept of problems.jsonl" in stop_line(command.ends_with(130))
    assert not list(tmp_path.glob("problems*"))
