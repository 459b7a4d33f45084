"""Learning rate by step."""

from __future__ import annotations

import math

from igsm.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Learning rate of step 0 .. steps - 1: linear warm-up, then the schedule.

    cosine and linear fall from the end of the warm-up to the last step; wsd (warm-up, stable, decay) stays at
    the top and falls linearly in the last `decay_share` of all steps.
    """
    last = config.steps - 1
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    start = config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "wsd":
        start = max(start, config.steps - max(1, round(config.decay_share * config.steps)))
    progress = min(1.0, max(0, step - start) / max(1, last - start))
    remaining = (1 + math.cos(math.pi * progress)) / 2 if config.schedule == "cosine" else 1 - progress
    return config.learning_rate * (config.final_ratio + (1 - config.final_ratio) * remaining)
