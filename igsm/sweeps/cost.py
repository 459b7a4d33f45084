"""What a sweep will take: tokens, hours at a measured speed, disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from igsm.checkpoints import CONFIG
from igsm.config import load_stored
from igsm.sweeps.jobs import Job
from igsm.sweeps.settings import Settings

COMPACT_VOCABULARY = 2112
GPT2_VOCABULARY = 50304
BYTES_A_WEIGHT, BYTES_A_FROZEN_WEIGHT = 12, 4
"""Of a checkpoint: float32 weights and the optimizer's two moments; of low-rank updates the frozen weights dominate."""
BYTES_A_GENERATED_TOKEN = 1.5
"""Compressed texts and verdicts."""


@dataclass(frozen=True)
class Cost:
    """Of one job. ``hours`` is None where the speed has not been measured."""

    tokens: float
    hours: float | None
    bytes: float


def start_settings(job: Job, jobs: Sequence[Job]) -> Settings:
    """Settings of the run that a fine-tuning or a probe starts from, filled in with those of its own start; of one that
    no job makes, as stored there."""
    origin = job.settings.get("from")
    start = next((one for one in jobs if one.settings and str(one.run) == origin), None)
    if start is None:
        stored = Path(str(origin)) / CONFIG
        return load_stored(stored) if stored.is_file() else {}
    own = {key: value for key, value in start.settings.items() if value is not None}
    return start_settings(start, jobs) | own


def cost(job: Job, base: Settings, rate: float | None) -> Cost:
    """Tokens, hours and disk of a job that starts from nothing.

    Args:
        job: the job.
        base: `start_settings`, for what a later stage does not say itself.
        rate: tokens a second, `Speeds.rate`; None when it has not been measured.
    """
    if job.stage == "eval":
        size = job.generated_tokens * BYTES_A_GENERATED_TOKEN
        return Cost(job.generated_tokens, _hours(job.generated_tokens, rate), size)
    tokens = training_tokens(job.settings, base)
    model = job.settings.get("model") or base.get("model") or {}
    vocabulary = (job.settings.get("data") or base.get("data") or {}).get("vocabulary", "compact")
    kept = (job.settings.get("training") or {}).get("keep_last", 1)
    each = BYTES_A_FROZEN_WEIGHT if job.settings.get("lora") else BYTES_A_WEIGHT
    size = float(kept * (each * n_weights(model, vocabulary) + _log_bytes(job.settings, model, vocabulary)))
    return Cost(tokens, _hours(tokens, rate), size)


def training_tokens(settings: Settings, base: Settings) -> float:
    """Tokens of all windows (of a detector's training: rows) of a training run."""
    training = settings.get("training") or {}
    data = settings.get("data") or base.get("data") or {}
    context = settings.get("row_length") or data.get("context", 0)
    return float(training.get("steps", 0)) * training.get("batch", 0) * context


def n_weights(model: Settings, vocabulary: str) -> float:
    """Weights of a GPT-2 of that shape, biases and norms left out."""
    width = model.get("heads", 0) * model.get("head_size", 64)
    ids = GPT2_VOCABULARY if vocabulary == "gpt2" else COMPACT_VOCABULARY
    return 12.0 * model.get("layers", 0) * width**2 + ids * width


def _log_bytes(settings: Settings, model: Settings, vocabulary: str) -> int:
    """Of the Mistake Log in a checkpoint."""
    if settings["stage"] != "copilot":
        return 0
    from igsm.training.copilot_config import CopilotRunConfig

    shape = {**model, "vocabulary_size": GPT2_VOCABULARY if vocabulary == "gpt2" else COMPACT_VOCABULARY}
    config = CopilotRunConfig.model_validate({**settings, "model": shape})
    return config.log_bytes(config.training.batch)


def _hours(tokens: float, rate: float | None) -> float | None:
    return tokens / rate / 3600 if rate else None
