"""What the benchmarks that need torch measure, and which options they refuse; torch itself is not needed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.config import build_config
from igsm.decoding.decoders import parse_decoder
from igsm.errors import InputError, suggest
from igsm.problems.difficulty import ProblemConfig


@dataclass(frozen=True)
class Size:
    """What is trained, and for how many steps before and during the measurement."""

    difficulty: str
    layers: int
    heads: int
    head_size: int
    context: int
    batch: int
    steps: int
    warmup: int


PAPER = {
    "med": Size("med", 12, 12, 64, 768, 512, steps=20, warmup=10),
    "hard": Size("hard", 12, 12, 64, 1024, 256, steps=30, warmup=10),
}
REDUCED = Size("nano", 2, 2, 32, 128, 16, steps=8, warmup=4)
"""For a CPU: shows that everything runs, and little about a GPU."""

VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ours, compact": ({}, {}),
    "ours, compact, flash attention": ({}, {"attention": "flash"}),
    "ours, compact, bf16 residual": ({}, {"precision": "bfloat16_residual"}),
    "ours, compact, max-autotune": ({}, {"compile": "max-autotune-no-cudagraphs"}),
    "ours, compact, Muon": ({}, {"optimizer": "muon"}),
    "ours, 50,257 ids": ({"vocabulary": "gpt2"}, {}),
}
PRESET = "ours, compact"
"""The variant that configs/pretrain/med.yaml and hard.yaml train, with the largest micro-batch that fits."""
ON_CPU = ("ours, compact", "ours, compact, Muon", "ours, 50,257 ids")


def check_train(difficulties: Sequence[str], names: Sequence[str] | None, speed: Path | None) -> None:
    """Raise InputError for a size or a variant that there is not, and for speeds of no preset."""
    for word in difficulties:
        if word not in PAPER:
            raise InputError(f"--difficulty: '{word}' is not measured{suggest(word, PAPER)}")
    for word in names or ():
        if word not in VARIANTS:
            raise InputError(f"--only: '{word}' is not measured; known: {'; '.join(VARIANTS)}")
    if speed is not None and names and PRESET not in names:
        raise InputError(f"--speed: the presets train as '{PRESET}', which --only leaves out")


def check_decode(
    run: Path | None, decoders: Sequence[str], shape: tuple[int, int], difficulty: str | None, op: int | None,
    speed: Path | None,
) -> None:  # fmt: skip
    """Raise InputError for decoders, runs and problems that cannot be measured.

    Args:
        shape: layers and heads of the random model, which is measured without a run.
    """
    if speed is not None and run is None and not ((difficulty or "med") in PAPER and shape == (12, 12)):
        raise InputError("--speed: random weights must have a preset's size: give --layers 12 --heads 12, or --run")
    wanted = [parse_decoder(name) for name in decoders]
    for decoder in wanted:
        if decoder.samples > 1:
            raise InputError(f"decoder '{decoder.name}': a vote is as fast as its samples; give sample")
    if run is not None and difficulty is not None:
        raise InputError("--difficulty: a run's problems are of its own class; leave it out beside --run")
    if run is None and (name := next((one.name for one in wanted if one.detector and one.beams > 1), None)):
        raise InputError(f"decoder '{name}': beams of random weights regret nothing; give --run")
    if run is None:
        prompts_of({"difficulty": difficulty or "med"}, op)
    else:
        from igsm.training.settings import stored_model

        prompts_of(stored_model(str(run)).data.problem.model_dump(), op)


def prompts_of(settings: dict[str, Any], op: int | None) -> ProblemConfig:
    """Whose prompts are continued: test problems, of so many operations."""
    return build_config(ProblemConfig, settings | {"split": "test", "op": op}, "the prompts' problems")
