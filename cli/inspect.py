"""`mistakes inspect`: what a run folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60


def command(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    full: Annotated[bool, typer.Option("--full", help="The whole config, too.")] = False,
) -> None:
    """Show a run: config, data seen, curves, checkpoints."""
    from igsm.config import load_stored
    from igsm.errors import InputError
    from igsm.rundir import RunFolder, read_jsonl

    folder = RunFolder(run)
    if not folder.config.exists():
        raise InputError(f"{run}: no run folder (config.yaml is missing)")
    config = load_stored(folder.config)
    lines = list(read_jsonl(folder.metrics)) if folder.metrics.exists() else []
    steps = (config.get("training") or {}).get("steps")
    done = lines[-1]["step"] if lines else 0
    state = "finished" if folder.done.exists() else "not finished"
    print(
        f"{run}: {config.get('stage', 'run')}, {state}, step {done:,}"
        + (f" of {steps:,}" if isinstance(steps, int) else "")
    )
    for section in ("data", "model", "lora", "training"):
        if config.get(section):
            print(f"  {section}: {_summary(config[section])}")
    _print_data(lines)
    for name in ("loss", "gradient_norm", "learning_rate", "tokens_per_second"):
        _print_curve(name, [line[name] for line in lines if name in line])
    for name in sorted({key for line in lines if "loss" not in line for key in line} - {"step"}):
        _print_curve(name, [line[name] for line in lines if name in line])
    _print_checkpoints(folder)
    if full:
        print(folder.config.read_text(), end="")


def _summary(section: dict[str, Any]) -> str:
    """Every setting that is not None, nested ones with dots."""
    flat = []
    for key, value in section.items():
        if isinstance(value, dict):
            flat += [f"{key}.{word}" for word in _summary(value).split(" ") if word]
        elif value is not None:
            flat.append(f"{key}={value}".replace(" ", ""))
    return " ".join(flat)


def _print_data(lines: list[dict[str, Any]]) -> None:
    measured = [line for line in lines if "tokens_seen" in line]
    if measured:
        last = measured[-1]
        masked = 1 - last["targets_seen"] / max(1, last["tokens_seen"])
        print(
            f"  seen: {last['tokens_seen']:,} tokens, {last['targets_seen']:,} of them with loss "
            f"({masked:.1%} without), {last['skipped_steps']} steps left out"
        )


def _print_curve(name: str, values: list[float]) -> None:
    if values:
        print(f"  {name:<17} {sparkline(values)}  {values[0]:.4g} -> {values[-1]:.4g} (least {min(values):.4g})")


def sparkline(values: list[float]) -> str:
    """The values as a line of bars; each is the mean of a stretch of them."""
    size = max(1, -(-len(values) // WIDTH))
    means = [sum(values[i : i + size]) / len(values[i : i + size]) for i in range(0, len(values), size)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def _print_checkpoints(folder: Any) -> None:
    from igsm.checkpoints import defect

    for step in folder.checkpoint_steps():
        path = folder.checkpoint(step)
        size = sum(file.stat().st_size for file in path.iterdir()) / 2**20
        print(f"  checkpoint {path}: {size:,.1f} MiB, {defect(path) or 'whole'}")
