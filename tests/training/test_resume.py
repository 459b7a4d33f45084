"""A run that was killed, stopped or damaged ends with the same weights, bit for bit, as one that was not."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from igsm.errors import InputError
from igsm.locks import locked
from igsm.rundir import read_json, write_json
from igsm.training.distributed import Ranks
from igsm.training.signals import REQUEUE_EXIT_CODE
from tests.training.toy_training import ToyWindows, metrics, on_two_ranks, run, start, toy_config, toy_train, weights

ALONE = Ranks(torch.device("cpu"))
MEASURED = ("tokens_per_second", "loader_wait_share")


def wait_for(condition: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def lines(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def without_times(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in MEASURED} for line in metrics(folder)]


def test_kill_9_at_random_steps(tmp_path: Path) -> None:
    """Guards: optimizer moments or a step lost between a crash and the resume; half-written files taken for whole."""
    config = toy_config(steps=40, label_masking="parameter", checkpoint_every=3)
    toy_train(config, tmp_path / "whole")
    folder = tmp_path / "killed"
    choice = random.Random(7)
    for _ in range(3):
        process = start(run, config, folder)
        goal = lines(folder) + choice.randint(3, 9)
        wait_for(lambda goal=goal: lines(folder) >= goal or (folder / "DONE").exists())
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert run(config, folder) == 0
    assert weights(folder, 40) == weights(tmp_path / "whole", 40)
    assert without_times(folder) == without_times(tmp_path / "whole")
    assert len(read_json(folder / "provenance.json")["resumed"]) == 3
    assert not [p for p in (folder / "checkpoints").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"optimizer": "muon"}, {"architecture": "llama"}),
        ({"skip_bad_steps": 1}, {"dropout": 0.3}),
        ({"optimizer": "muon", "precision": "bfloat16_products"}, {"qk_norm": True, "canon": "AC"}),
    ],
    ids=["muon-llama", "dropout", "bfloat16"],
)
def test_stopping_and_resuming_is_exact(tmp_path: Path, settings: dict[str, Any], model: dict[str, Any]) -> None:
    """Guards: Muon's momentum or dropout's random state lost at a resume."""
    config = toy_config(model, steps=24, **settings)
    toy_train(config, tmp_path / "whole")
    for place in (7, 16):
        batches = {"batches": lambda step, place=place: ToyWindows(config, ALONE, step, signal_at=place)}
        assert toy_train(config, tmp_path / "stopped", **batches).step == place + 1
    toy_train(config, tmp_path / "stopped")
    assert weights(tmp_path / "stopped", 24) == weights(tmp_path / "whole", 24)
    assert without_times(tmp_path / "stopped") == without_times(tmp_path / "whole")


def test_a_folder_is_trained_in_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Guards: two sweeps that share a run write each other's checkpoints; a killed run that keeps its folder locked."""
    config = toy_config(steps=300, checkpoint_every=1000)
    process = start(run, config, tmp_path)
    wait_for(lambda: lines(tmp_path) >= 3)
    os.kill(process.pid, signal.SIGSTOP)  # it must not end before the other one asks
    with pytest.raises(InputError, match=f"process {process.pid}\\) is training there"):
        toy_train(config, tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert run(config, tmp_path) == 0


def test_all_processes_of_a_run_hear_that_another_trains_there(tmp_path: Path) -> None:
    """Guards: the first process refused by the lock while the others wait for it for ever."""
    with locked(tmp_path, "training"):
        assert on_two_ranks(toy_config(), tmp_path) == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_asks_to_be_requeued(tmp_path: Path, number: signal.Signals) -> None:
    """Guards: work since the last checkpoint lost at preemption; an exit code that looks like a failure."""
    config = toy_config(steps=300, checkpoint_every=1000)
    process = start(run, config, tmp_path / "stopped")
    wait_for(lambda: lines(tmp_path / "stopped") >= 5)
    os.kill(process.pid, number)
    process.join(120)
    assert process.exitcode == REQUEUE_EXIT_CODE == 75
    assert not (tmp_path / "stopped/DONE").exists()
    assert len(list((tmp_path / "stopped/checkpoints").iterdir())) == 1
    assert run(config, tmp_path / "stopped") == 0
    toy_train(config, tmp_path / "whole")
    assert weights(tmp_path / "stopped", 300) == weights(tmp_path / "whole", 300)


def test_all_processes_of_a_run_hear_that_no_checkpoint_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: the first process refused by a damaged file while the others wait for it for ever."""
    toy_train(toy_config(steps=5), tmp_path)
    (tmp_path / "DONE").unlink()
    checkpoint = tmp_path / "checkpoints/step_5"
    (checkpoint / "vocabulary.json").write_text("{")
    manifest = read_json(checkpoint / "manifest.json")
    content = (checkpoint / "vocabulary.json").read_bytes()
    manifest["vocabulary.json"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_json(checkpoint / "manifest.json", manifest)
    told: list[str | None] = []
    monkeypatch.setattr(Ranks, "first_says", lambda ranks, message: (told.append(message), message)[1])
    with pytest.raises(InputError, match="not a readable JSON file"):
        toy_train(toy_config(steps=5), tmp_path)
    assert "not a readable JSON file" in (told[-1] or "")


def test_a_checkpoint_cut_short_falls_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Guards: a crash (or noise) on a truncated file, silence about it, a fallback that is not exact."""
    config = toy_config()
    toy_train(config, tmp_path)
    expected = weights(tmp_path, 20)
    (tmp_path / "DONE").unlink()
    file = tmp_path / "checkpoints/step_20/training_state.pt"
    file.write_bytes(file.read_bytes()[:1000])
    capfd.readouterr()
    assert run(config, tmp_path) == 0
    said = capfd.readouterr().err
    assert "step_20 is passed over: training_state.pt has 1000 of" in said
    assert "resumed from" in said
    assert weights(tmp_path, 20) == expected
    assert [line["step"] for line in metrics(tmp_path) if "loss" in line] == list(range(1, 21))


def test_a_broken_checkpoint_does_not_push_out_a_good_one(tmp_path: Path) -> None:
    """Guards: keep_last counting the broken one, so that the good one just written is deleted."""
    toy_train(toy_config(keep_last=3), tmp_path)
    (tmp_path / "DONE").unlink()
    toy_train(toy_config(keep_last=1), tmp_path / "other")
    for step in (15, 20):
        (tmp_path / f"checkpoints/step_{step}/manifest.json").unlink()
    assert run(toy_config(keep_last=1), tmp_path) == 0
    assert weights(tmp_path, 20) == weights(tmp_path / "other", 20)


def test_a_run_without_a_whole_checkpoint_is_left_alone(tmp_path: Path) -> None:
    """Guards: a run that begins anew, over its metrics, because the training state was not copied with it."""
    toy_train(toy_config(), tmp_path)
    (tmp_path / "DONE").unlink()
    for state in (tmp_path / "checkpoints").glob("*/training_state.pt"):
        state.unlink()
    before = metrics(tmp_path)
    with pytest.raises(InputError, match="none of its checkpoints can be trained on; delete them"):
        run(toy_config(), tmp_path)
    assert metrics(tmp_path) == before


def test_what_a_killed_process_was_saving_is_removed(tmp_path: Path) -> None:
    """Guards: gigabytes that nobody sees, for ever."""
    left = tmp_path / "run/checkpoints/.step_3.writing"
    toy_train(toy_config(steps=10), tmp_path / "run")
    left.mkdir()
    (tmp_path / "run/DONE").unlink()
    toy_train(toy_config(steps=10), tmp_path / "run")
    assert not left.exists()


def test_a_finished_run_is_not_touched(tmp_path: Path) -> None:
    toy_train(toy_config(), tmp_path)
    before = (tmp_path / "checkpoints/step_20").stat().st_mtime_ns
    assert run(toy_config(), tmp_path) == 0
    assert (tmp_path / "checkpoints/step_20").stat().st_mtime_ns == before


def test_a_failing_loader_after_a_signal_is_a_clean_stop(tmp_path: Path) -> None:
    """Guards: SIGTERM to the whole process group kills the data workers first; the run must still save."""
    config = toy_config(steps=400)

    class Dying:
        def __iter__(self) -> Any:
            import torch

            from igsm.training.distributed import Ranks
            from tests.training.toy_training import ToyWindows

            windows = iter(ToyWindows(config, Ranks(torch.device("cpu")), 0))
            for _ in range(7):
                yield next(windows)
            os.kill(os.getpid(), signal.SIGTERM)
            raise RuntimeError("data worker 0 ended with exit code -15")

        def close(self) -> None:
            pass

    outcome = toy_train(config, tmp_path, batches=lambda step: Dying())
    assert (outcome.status, outcome.step) == ("requeue", 7)
    assert (tmp_path / "checkpoints/step_7").is_dir()
