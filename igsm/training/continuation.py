"""A longer schedule as a new run that begins at another run's checkpoint: same model, data and optimizer state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from igsm.checkpoints import TRAINING_STATE, defect, find_stored
from igsm.config import differences, load_settings
from igsm.errors import InputError
from igsm.rundir import RunFolder
from igsm.training.config import RunConfig
from igsm.training.folder import may_change

MAY_DIFFER = {
    f"training.{name}"
    for name in (
        "steps", "learning_rate", "schedule", "warmup_steps", "final_ratio", "decay_share",
    )
}  # fmt: skip
"""Settings of the schedule, which may be others than those of the run that is continued."""


def checkpoint_to_continue(config: RunConfig) -> Path | None:
    """The checkpoint at which a run of this config, with everything filled in, begins; None: it begins at step 0.

    Raises:
        InputError: there is none, it cannot be trained on, or its run had other data, another model or optimizer.
    """
    start = config.continued
    if start is None:
        return None
    checkpoint, stored = find_stored(start, "model")
    if reason := defect(checkpoint, (TRAINING_STATE,)):
        raise InputError(f"{checkpoint}: cannot be continued: {reason}")
    if stored.get("stage") != config.stage:
        raise InputError(f"{start}: is a run of `mistakes {stored.get('stage')}`; only pretraining can be continued")
    there: dict[str, Any] = load_settings(type(config), checkpoint / "config.yaml")
    lines = [
        f"{one.name} is {one.there} there and {one.here} here"
        for one in differences(there, config.model_dump(mode="json"))
        if one.name != "continue_from"
        and one.name not in MAY_DIFFER
        and not (one.newer_and_off or may_change(one.name))
    ]
    if lines:
        raise InputError(
            f"{start}: cannot be continued with another model, data or optimizer ({'; '.join(lines[:3])}); only the "
            "schedule may differ"
        )
    step = int(checkpoint.name.removeprefix("step_")) if checkpoint.name.startswith("step_") else 0
    if step >= config.training.steps:
        raise InputError(f"{start}: has {step:,} steps already; training.steps={config.training.steps} must be more")
    return checkpoint


def metrics_before(checkpoint: Path) -> Path:
    """The metrics of the run that a checkpoint belongs to, whether they are there or not."""
    return RunFolder(checkpoint.parent.parent).metrics
