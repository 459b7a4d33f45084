"""Options of every command that lets a model solve the problems of cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Runs = Annotated[list[Path], typer.Argument(help="Run folders or checkpoints.", metavar="RUN")]
Cells = Annotated[str, typer.Option(help="Comma-separated, e.g. 'op<=15,op=20 reask'; figure: those of the paper.")]
Problems = Annotated[int, typer.Option(help="Problems a cell.", min=1)]
Batch = Annotated[int | None, typer.Option(help="Rows on each device, beams included.", min=1)]
Context = Annotated[
    int | None,
    typer.Option(
        help="Most tokens of prompt and solution; default: twice the context trained on, 2048 for med and hard.",
        min=16,
        max=65536,
    ),
]
Precision = Annotated[str, typer.Option(help="auto (bf16 on a GPU, fp32 elsewhere), bf16 or fp32.")]
Devices = Annotated[
    str | None, typer.Option(help="Comma-separated, e.g. cuda:0,cuda:1; default: all GPUs, or all cores.")
]


def of_decoding(batch: int | None, context: int | None, precision: str, devices: str | None) -> dict[str, Any]:
    """These options as `LoadedRun.decoding` takes them."""
    places = [device.strip() for device in devices.split(",")] if devices else None
    return {"batch": batch, "context": context, "precision": precision, "devices": places}
