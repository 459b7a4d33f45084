"""Which checkpoints a run has, and whether they are whole: seen without torch, from their manifests."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Literal

from igsm.config import load_stored
from igsm.errors import InputError
from igsm.rundir import MANIFEST, VOCABULARY, WEIGHTS, RunFolder

TRAINING_STATE = "training_state.pt"
CONFIG = "config.yaml"
MODEL_FILES = (WEIGHTS, CONFIG, VOCABULARY)
"""What it takes to use a checkpoint's model; to train on takes the training state too."""


def remove_checkpoint(folder: Path) -> None:
    """Delete a checkpoint; if that is interrupted, what is left does not look like one."""
    if folder.exists():
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)


def defect(checkpoint: Path, names: tuple[str, ...] = (*MODEL_FILES, TRAINING_STATE)) -> str | None:
    """Why the checkpoint cannot be used, or None if the files `names` are as they were written."""
    try:
        manifest = json.loads((checkpoint / MANIFEST).read_text())
        for name in names:
            size = (checkpoint / name).stat().st_size
            if size != manifest[name]["bytes"]:
                return f"{name} has {size} of {manifest[name]['bytes']} bytes"
            with open(checkpoint / name, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != manifest[name]["sha256"]:
                    return f"{name} does not match its checksum"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"it cannot be read ({error})"
    return None


def latest_checkpoint(
    run: str | Path, names: tuple[str, ...] = (*MODEL_FILES, TRAINING_STATE)
) -> tuple[Path | None, list[str]]:
    """The newest checkpoint of a run whose files `names` are whole (None if there is none), and a line for every newer
    broken one."""
    folder = RunFolder(run)
    broken: list[str] = []
    for step in reversed(folder.checkpoint_steps()):
        reason = defect(folder.checkpoint(step), names)
        if reason is None:
            return folder.checkpoint(step), broken
        broken.append(f"checkpoint {folder.checkpoint(step)} is passed over: {reason}")
    return None, broken


def find_checkpoint(path: str | Path) -> Path:
    """The checkpoint that `path` (a run folder or a checkpoint folder) names; its training state is not asked for.

    Raises:
        InputError: there is none, or its weights are damaged.
    """
    path = Path(path)
    if (path / WEIGHTS).exists():
        reason = defect(path, MODEL_FILES)
        if reason:
            raise InputError(f"checkpoint {path}: {reason}")
        return path
    if not path.is_dir():
        raise InputError(f"{path}: no such run folder or checkpoint")
    found, broken = latest_checkpoint(path, MODEL_FILES)
    if found is None:
        raise InputError("; ".join([f"{path}: a run folder with a checkpoint is expected"] + broken))
    return found


def find_stored(path: str | Path, wanted: Literal["model", "probe", "copilot"]) -> tuple[Path, dict[str, Any]]:
    """The checkpoint that `path` names (`find_checkpoint`), and its run's config with today's keys.

    Raises:
        InputError: there is none, or it holds another of a language model, a probe, and a model with its Copilot.
    """
    checkpoint = find_checkpoint(path)
    config = load_stored(checkpoint / CONFIG)
    stage = config.get("stage")
    held = ("probe",) if stage == "probe" else ("model", "copilot") if stage == "copilot" else ("model",)
    if wanted not in held:
        hint = "" if wanted == "model" else f"; train one for the model to watch: `mistakes {wanted} CONFIG from=RUN`"
        raise InputError(f"{path}: holds a {held[0]}, not a {wanted}{hint}")
    return checkpoint, config
