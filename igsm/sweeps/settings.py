"""Resolved settings of a stage, and whether a finished run was made with the same ones."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from igsm.config import Difference, differences, load_config, load_settings
from igsm.presets import find_preset
from igsm.rundir import RunFolder

if TYPE_CHECKING:
    from igsm.training.config import RunConfig

Settings = dict[str, Any]

STAGES = {
    "pretrain": ("igsm.training.config", "PretrainConfig"),
    "finetune": ("igsm.training.config", "FinetuneConfig"),
    "probe": ("igsm.probing.config", "ProbeConfig"),
    "copilot": ("igsm.training.copilot_config", "CopilotRunConfig"),
}
"""Stage -> where its config class lives; imported only when a stage of that kind is asked for."""


@functools.cache
def resolve(stage: str, path: str, overrides: tuple[str, ...]) -> Settings:
    """All settings of a stage, defaults included. Bad ones raise :class:`~igsm.errors.InputError` at once."""
    return load_config(stage_class(stage), find_preset(path, stage), list(overrides)).model_dump(mode="json")


def stage_class(stage: str) -> type[RunConfig]:
    """The config class of a stage."""
    module, name = STAGES[stage]
    found: type[RunConfig] = getattr(importlib.import_module(module), name)
    return found


FILLED_IN: Settings = {"model.vocabulary_size": None, "model": None, "problem": None, "vocabulary": None}
FILLED_IN |= {"data.tuning_round": 0, "data.mistakes.weights": None, "data.method.weights": None}
FILLED_IN |= {"data.method.digest": None} | {
    f"training.{name}": "auto" for name in ("device", "precision", "compile", "attention")
}
"""Settings that a run finds out by itself when they have this value: from its start, or from its machine."""


def what_differs(wanted: Settings, found: Settings, run: Path | None = None) -> list[str]:
    """Wanted settings that differ, as "section.key: found there, wanted here".

    What the run itself fills in is not compared, nor what does not change what a step computes.

    Args:
        run: the folder of ``found``, from which the two starts of a fine-tuning are compared.
    """
    from igsm.training.folder import may_change, same_start

    def counts(one: Difference) -> bool:
        if not one.known_here or one.newer_and_off or may_change(one.name):
            return False
        if one.name in FILLED_IN and one.here == FILLED_IN[one.name]:
            return False
        return one.name != "from" or run is None or not same_start(one.there, one.here, run)

    return [f"{one.name}: {one.there!r} there, {one.here!r} here" for one in differences(found, wanted) if counts(one)]


def finished(run: Path) -> bool:
    """Whether the run has come to its end."""
    return RunFolder(run).done.is_file()


def conflict(run: Path, wanted: Settings) -> str | None:
    """Why ``run`` cannot serve: it was made with other settings. None when it can, or does not exist."""
    config = RunFolder(run).config
    if not config.is_file():
        return None
    lines = what_differs(wanted, load_settings(stage_class(wanted["stage"]), config), run)
    return f"{run} was made with other settings: {'; '.join(lines[:3])}" if lines else None
