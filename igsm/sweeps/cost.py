"""What a sweep will take: tokens, hours at a measured speed, disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from igsm.checkpoints import CONFIG
from igsm.config import build_config, load_stored
from igsm.preflight.estimates import checkpoint_bytes, n_checkpoints
from igsm.sweeps.jobs import Job
from igsm.sweeps.settings import Settings, stage_class
from igsm.training.budget import with_vocabulary
from igsm.training.config import RunConfig

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
    config = config_of(job, base)
    size = checkpoint_bytes(config.shape, config.updates, config.training)
    if config.companion is not None:
        size += checkpoint_bytes(config.companion, None, config.training)
    size += config.log_bytes(config.training.batch)
    return Cost(tokens, _hours(tokens, rate), float(n_checkpoints(config.training, writing=False) * size))


def config_of(job: Job, base: Settings) -> RunConfig:
    """A training job's config with the shape of its model, of a fine-tuning or a probe that of its start."""
    content = {**job.settings, "model": job.settings.get("model") or base.get("model")}
    if job.stage == "probe" and content.get("problem") is None:
        content["problem"] = (base.get("data") or {}).get("problem")
    return with_vocabulary(build_config(stage_class(job.stage), content, job.name))


def training_tokens(settings: Settings, base: Settings) -> float:
    """Tokens of all windows (of a detector's training: rows) of a training run."""
    training = settings.get("training") or {}
    data = settings.get("data") or base.get("data") or {}
    context = settings.get("row_length") or data.get("context", 0)
    return float(training.get("steps", 0)) * training.get("batch", 0) * context


def _hours(tokens: float, rate: float | None) -> float | None:
    if not tokens:
        return 0.0  # a probe that is measured generates nothing
    return tokens / rate / 3600 if rate else None
