"""`mistakes inspect`: what a run folder holds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.terminal import Json, print_json
from igsm.training.readable import text, title

if TYPE_CHECKING:
    from igsm.rundir import RunFolder

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 80
CURVE = 28
"""Characters of a curve."""


def command(
    run: Annotated[Path, typer.Argument(help="Run folder, or a folder of them, which are listed.")],
    full: Annotated[bool, typer.Option("--full", help="The whole config, too.")] = False,
    as_json: Json = False,
) -> None:
    """Show a run: its model, the settings that are not the default, data seen, curves, checkpoints."""
    from igsm.config import load_stored
    from igsm.errors import InputError
    from igsm.rundir import RunFolder

    folder = RunFolder(run)
    if not folder.config.exists():
        inside = [RunFolder(path.parent) for path in sorted(run.glob("*/config.yaml"))]
        if not inside:
            raise InputError(f"{run}: no run folder (config.yaml is missing), and none below it")
        if as_json:
            print_json([_content(one) for one in inside])
        else:
            _print_runs(inside)
        return
    if as_json:
        print_json(_content(folder))
        return
    config, lines = load_stored(folder.config), _metrics(folder)
    print(f"{run}: {_state(folder, config, lines)}")
    for name, value in _facts(config, lines):
        print(f"  {name:<11} {value}")
    print("settings that are not the default (all: --full)")
    settings = dict(_flat(_changed(config)))
    width = max(map(len, settings), default=0)
    for name, value in settings.items():
        print(f"  {name:<{width}}  {value}")
    print("curves")
    _print_curves(lines)
    _print_checkpoints(folder)
    if full:
        print(folder.config.read_text(), end="")


def _content(folder: RunFolder) -> dict[str, Any]:
    """What is known of a run: the last value of each of its metrics, all settings."""
    from igsm.config import load_stored

    config, lines = load_stored(folder.config), _metrics(folder)
    last: dict[str, Any] = {}
    for line in lines:
        last |= line
    return {
        "run": str(folder),
        "stage": config.get("stage"),
        "finished": folder.done.exists(),
        "step": last.pop("step", 0),
        "metrics": last,
        "config": config,
        "checkpoints": [str(folder.checkpoint(step)) for step in folder.checkpoint_steps()],
    }


def _metrics(folder: RunFolder) -> list[dict[str, Any]]:
    from igsm.rundir import read_jsonl

    return list(read_jsonl(folder.metrics)) if folder.metrics.exists() else []


def _state(folder: RunFolder, config: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    steps, done = (config.get("training") or {}).get("steps"), lines[-1]["step"] if lines else 0
    of = f" of {steps:,}" if isinstance(steps, int) else ""
    return f"{config.get('stage', 'run')}, {'' if folder.done.exists() else 'not '}finished, step {done:,}{of}"


def _print_runs(folders: list[RunFolder]) -> None:
    """A line for each run of a folder."""
    from igsm.config import load_stored

    rows = [("run", "stage", "steps", "loss", "accuracy")]
    for folder in folders:
        config, lines = load_stored(folder.config), _metrics(folder)
        steps, done = (config.get("training") or {}).get("steps"), lines[-1]["step"] if lines else 0
        progress = f"{done:,}" if folder.done.exists() or not isinstance(steps, int) else f"{done:,} of {steps:,}"
        last = {name: [line[name] for line in lines if name in line] for name in ("loss", "generation_accuracy")}
        numbers = [text(name, values[-1]) if values else "-" for name, values in last.items()]
        rows.append((folder.path.name, str(config.get("stage", "?")), progress, numbers[0], numbers[1]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{text:>{width}}" for text, width in zip(row[2:], widths[2:], strict=True)]
        print(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {'  '.join(cells)}".rstrip())


def _facts(config: dict[str, Any], lines: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    if weights := _weights(config):
        yield "parameters", weights
    measured = [line for line in lines if "tokens_seen" in line]
    if measured:
        last = measured[-1]
        seen, targets = last["tokens_seen"], last["targets_seen"]
        yield "seen", f"{seen:,} tokens, {targets:,} ({targets / max(1, seen):.1%}) of them with loss"
        if last["skipped_steps"]:
            yield "left out", f"{last['skipped_steps']:,} steps"


def _weights(config: dict[str, Any]) -> str:
    """How many weights the model has and how many are trained; "" where the config does not say."""
    from igsm.config import build_config
    from igsm.errors import InputError
    from igsm.model.config import LoRAConfig, ModelConfig
    from igsm.preflight.estimates import n_trained, n_weights

    try:
        shape = build_config(ModelConfig, config.get("model") or {}, "model")
        updates = build_config(LoRAConfig, config["lora"], "lora") if config.get("lora") else None
    except InputError:
        return ""
    trained = f", {n_trained(shape, updates):,} of updates are trained" if updates else ""
    return f"{n_weights(shape):,} (without norms and biases), {shape.layers} layers of width {shape.width}{trained}"


def _changed(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not the default; all of them where this version does not know the config."""
    from igsm.config import build_config
    from igsm.errors import InputError
    from igsm.sweeps.settings import STAGES, stage_class

    if config.get("stage") not in STAGES:
        return config
    try:
        run = build_config(stage_class(config["stage"]), config, "config.yaml")
    except InputError:
        return config
    return run.model_dump(mode="json", exclude_defaults=True)


def _flat(section: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting that is not None with its sections: "training.steps"."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", value


def _print_curves(lines: list[dict[str, Any]]) -> None:
    names = ["loss", "gradient_norm", "learning_rate", "tokens_per_second"]
    names += sorted({key for line in lines if "tokens_seen" not in line for key in line} - {"step"})
    curves = {name: [(line["step"], line[name]) for line in lines if name in line] for name in names}
    width = max((len(title(name)) for name, points in curves.items() if points), default=0)
    for name, points in curves.items():
        if points:
            values = [value for _, value in points]
            numbers = f"{text(name, values[0])} -> {text(name, values[-1])}{_best(name, points)}"
            size = max(4, min(CURVE, WIDTH - width - len(numbers) - 6))
            print(f"  {title(name):<{width}}  {sparkline(values, size):<{size}}  {numbers}")


def _best(name: str, points: list[tuple[int, float]]) -> str:
    """The best value and its step, if a best one is meant and the last one is not it."""
    if not name.endswith(("loss", "accuracy")):
        return ""
    best = (max if name.endswith("accuracy") else min)(points, key=lambda point: point[1])
    return "" if best[1] == points[-1][1] else f" (best {text(name, best[1])} at {best[0]:,})"


def sparkline(values: list[float], width: int = CURVE) -> str:
    """The values as a line of bars; each is the mean of a stretch of them."""
    size = max(1, -(-len(values) // width))
    means = [sum(values[i : i + size]) / len(values[i : i + size]) for i in range(0, len(values), size)]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] if math.isfinite(mean) else "?" for mean in means)


def _print_checkpoints(folder: RunFolder) -> None:
    from igsm.checkpoints import defect

    print(f"checkpoints in {folder.checkpoints}")
    for step in folder.checkpoint_steps():
        path = folder.checkpoint(step)
        size = sum(file.stat().st_size for file in path.iterdir()) / 2**20
        print(f"  {path.name}: {size:,.1f} MiB, {defect(path) or 'whole'}")
