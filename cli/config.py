"""`mistakes config`: what a preset and its overrides come to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_BASE = "RUN"  # stands for the run to start from where none is given


def command(
    config: Annotated[Path, typer.Argument(help="A preset's name, e.g. med, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Over the preset.")] = None,
) -> None:
    """Print the config of a run, defaults included, without running it.

    What fine-tuning and probes take from the run they start from stays null.
    """
    from igsm.config import apply_overrides, build_config, dump_yaml, load_preset
    from igsm.errors import InputError, suggest
    from igsm.presets import find_preset
    from igsm.sweeps.settings import STAGES, stage_class
    from igsm.training.settings import resolve

    content = apply_overrides(load_preset(find_preset(config, *STAGES)), overrides or [])
    stage = content.get("stage") or _stage_of_keys(content)
    if stage not in STAGES:
        raise InputError(f"{config}: stage: '{stage}' is none{suggest(str(stage), STAGES)}")
    if stage != "pretrain":
        content = {"from": _BASE} | content
    settings = build_config(stage_class(stage), content, str(config))
    print(dump_yaml(settings if settings.start else resolve(settings).config), end="")


def _stage_of_keys(content: dict[str, Any]) -> str:
    """The stage that a file without a `stage` is for: the first one that knows most of its keys."""
    from igsm.sweeps.settings import STAGES, stage_class

    def known(stage: str) -> int:
        fields = stage_class(stage).model_fields.items()
        return len(content.keys() & {field.alias or name for name, field in fields})

    return max(STAGES, key=known)
