"""`mistakes config`: what a preset and its overrides come to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    config: Annotated[Path, typer.Argument(help="Preset, e.g. configs/pretrain/med.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Over the preset.")] = None,
) -> None:
    """Print the resolved config of a run without running it."""
    from igsm.config import dump_yaml, load_config
    from igsm.training.config import PretrainConfig
    from igsm.training.pretrain import resolve

    print(dump_yaml(resolve(load_config(PretrainConfig, config, overrides))), end="")
