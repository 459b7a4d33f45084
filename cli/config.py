"""`mistakes config`: what a preset and its overrides come to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_BASE = "RUN"  # stands for the run to start from where none is given


def command(
    config: Annotated[Path, typer.Argument(help="Preset, e.g. configs/pretrain/med.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Over the preset.")] = None,
) -> None:
    """Print the config of a run, defaults included, without running it.

    What fine-tuning and probes take from the run they start from stays null.
    """
    from igsm.config import Config, apply_overrides, build_config, dump_yaml, load_yaml

    content = apply_overrides(load_yaml(config), overrides or [])
    settings: Config
    if "row_length" in content:
        from igsm.probing.config import ProbeConfig

        settings = build_config(ProbeConfig, {"from": _BASE} | content, str(config))
    elif "lora" in content or "from" in content:
        from igsm.training.settings import FinetuneConfig

        settings = build_config(FinetuneConfig, {"from": _BASE} | content, str(config))
    else:
        from igsm.training.config import PretrainConfig
        from igsm.training.settings import resolve_pretraining

        settings = resolve_pretraining(build_config(PretrainConfig, content, str(config)))
    print(dump_yaml(settings), end="")
