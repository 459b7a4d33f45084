"""Settings of a probing run."""

from __future__ import annotations

from pydantic import Field

from igsm.config import Config
from igsm.model.config import ModelConfig
from igsm.model.lora import LoRAConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.training.config import TrackingConfig, TrainingConfig


class ProbeConfig(Config):
    """A probing run: `mistakes probe CONFIG from=runs/x`."""

    from_: str = Field(alias="from")
    """Run folder or checkpoint of the model to probe."""
    random_weights: bool = False
    """Probe a randomly initialised model of the same shape: the control."""
    seed: int = 1
    problem: ProblemConfig | None = None
    """The problems that are asked about, without mistakes; None: those of the model's training data."""
    row_length: int = Field(ge=64)
    """Tokens of a row: a problem, its solution and as many random questions as fit. Longer problems are left out."""
    lora: LoRAConfig
    training: TrainingConfig
    """`batch` counts rows."""
    tracking: TrackingConfig = TrackingConfig()
    vocabulary: str | None = None
    """The model's vocabulary, filled in from there."""
    model: ModelConfig | None = None
    """The model's shape, filled in from there."""
