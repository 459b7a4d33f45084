"""A longer schedule as a new run that begins at another run's checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.checkpoints import TRAINING_STATE
from igsm.errors import InputError
from igsm.rundir import RunFolder, read_json
from igsm.training.config import PretrainConfig
from igsm.training.settings import resolve
from igsm.training.task import Outcome
from tests.training.test_pretrain import ALONE, NANO, SMALL, small_config
from tests.training.toy_training import metrics, train_config, weights


def longer(steps: int, start: Path | None = None, **data: Any) -> PretrainConfig:
    config = small_config()
    training = config.training.model_copy(update={"steps": steps, "schedule": "constant", "checkpoint_every": 3})
    changes: dict[str, Any] = {"training": training, "data": config.data.model_copy(update=data)}
    return config.model_copy(update=changes | {"continue_from": None if start is None else str(start)})


def test_it_is_the_run_that_was_longer_from_the_start(tmp_path: Path) -> None:
    """Guards: weights, optimizer state, order of data or dropout that begin anew; curves without their beginning."""
    short, new, straight = tmp_path / "short", tmp_path / "new", tmp_path / "straight"
    train_config(longer(6), short, ALONE)
    assert train_config(longer(12, short), new, ALONE) == Outcome("done", 12, began_at=6)
    train_config(longer(12), straight, ALONE)
    assert weights(new, 12) == weights(straight, 12)
    losses = [
        [(line["step"], line.get("loss"), line.get("held_out_loss")) for line in metrics(run)]
        for run in (new, straight)
    ]
    assert losses[0] == losses[1]
    assert read_json(new / "provenance.json")["continues"]["checkpoint"] == str(short / "checkpoints" / "step_6")
    shutil.rmtree(short)  # its own checkpoints are enough from now on
    assert resolve(longer(12, short), new).config.continue_from == str(short)


def test_only_the_schedule_may_differ(tmp_path: Path) -> None:
    """Guards: a run that looks like one of its config and has seen other data, or has no step left to train."""
    short = tmp_path / "short"
    train_config(longer(6), short, ALONE)
    for config, message in (
        (longer(12, short, seed=5), "data.seed is 1 there and 5 here"),
        (longer(6, short), "has 6 steps already; training.steps=6 must be more"),
        (longer(12, tmp_path / "nowhere"), "no such run folder"),
    ):
        with pytest.raises(InputError, match=message):
            resolve(config, tmp_path / "new")
    (RunFolder(short).checkpoint(6) / TRAINING_STATE).unlink()
    with pytest.raises(InputError, match="cannot be continued: training_state.pt is missing"):
        resolve(longer(12, RunFolder(short).checkpoint(6)), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_more_steps_in_the_same_folder_say_how(mistakes: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Guards: a refusal without a way on."""
    run, new = tmp_path / "run", tmp_path / "new"
    command = ("pretrain", NANO, *SMALL, "--tracker", "none")
    assert mistakes(*command, "--out", run)[0] == 0
    code, _, error = mistakes(*command, "training.steps=8", "--out", run)
    assert (code, f"to train it longer: --from {run} --out NEW" in error) == (2, True)
    code, out, _ = mistakes(*command, "training.steps=8", "--from", run, "--out", new)
    assert (code, "finished, 8 steps" in out) == (0, True)
