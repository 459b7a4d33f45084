"""Resolved settings of a stage, and whether a finished run was made with the same ones."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

from igsm.config import Config, load_config, load_stored
from igsm.rundir import RunFolder

Settings = dict[str, Any]

# stage -> where its config class lives; imported only when a stage of that kind is planned
_CLASSES = {
    "pretrain": ("igsm.training.config", "PretrainConfig"),
    "finetune": ("igsm.training.settings", "FinetuneConfig"),
    "probe": ("igsm.probing.config", "ProbeConfig"),
}


@functools.cache
def resolve(stage: str, path: str, overrides: tuple[str, ...]) -> Settings:
    """All settings of a stage, defaults included. Bad ones raise :class:`~igsm.errors.InputError` at once."""
    module, name = _CLASSES[stage]
    config: Config = load_config(getattr(importlib.import_module(module), name), path, list(overrides))
    return config.model_dump(mode="json", by_alias=True)


FILLED_IN: Settings = {"model.vocabulary_size": None, "model": None, "problem": None, "vocabulary": None}
FILLED_IN |= {"data.tuning_round": 0} | {
    f"training.{name}": "auto" for name in ("device", "precision", "compile", "attention")
}
"""Settings that a run finds out by itself when they have this value: from its start, or from its machine."""


def differences(wanted: Settings, found: Settings, run: Path | None = None, prefix: str = "") -> list[str]:
    """Settings that differ, as "section.key: found there, wanted here".

    What the run itself fills in is not compared, nor what does not change what a step computes.

    Args:
        run: the folder of ``found``, from which the two starts of a fine-tuning are compared.
    """
    from igsm.training.folder import MAY_CHANGE, same_start

    lines = []
    for key, value in wanted.items():
        name = f"{prefix}{key}"
        if name in MAY_CHANGE or (name in FILLED_IN and value == FILLED_IN[name]):
            continue
        if key not in found and not value:
            continue  # an option that is newer than the run, and off
        if name == "from" and run is not None and same_start(str(found.get(key)), value, run):
            continue
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            lines += differences(value, found[key], run, f"{name}.")
        elif found.get(key) != value:
            lines.append(f"{name}: {found.get(key)!r} there, {value!r} here")
    return lines


def finished(run: Path) -> bool:
    """Whether the run has come to its end."""
    return RunFolder(run).done.is_file()


def conflict(run: Path, wanted: Settings) -> str | None:
    """Why ``run`` cannot serve: it was made with other settings. None when it can, or does not exist."""
    config = RunFolder(run).config
    if not config.is_file():
        return None
    lines = differences(wanted, load_stored(config), run)
    return f"{run} was made with other settings: {'; '.join(lines[:3])}" if lines else None
