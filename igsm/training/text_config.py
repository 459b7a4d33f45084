"""Settings of a run on other people's text: `mistakes text train CONFIG`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.model.config import ModelConfig
from igsm.training.config import TrackingConfig, TrainingConfig


class TextData(Config):
    """What is read.

    Attributes:
        source: file of `mistakes inject --to segments`, the rows to train on.
        vocabulary_of: files whose words the model knows; those of `source` if there is none. Runs that are compared
            need the same.
        context: tokens of a window.
        most_words: the most frequent words that have an id.
        held_out: file of rows in a format of `mistakes inject`, to be answered after training.
        problems: how many of them.
        answer_tokens: most tokens of an answer.
        marker: what takes a mistake back in `source`.
        seed: of the order of the rows.
    """

    source: str
    vocabulary_of: list[str] = []
    context: int = Field(default=256, ge=16, le=65536)
    most_words: int = Field(default=4000, ge=3)
    held_out: str
    problems: int = Field(default=1000, ge=1)
    answer_tokens: int = Field(default=512, ge=1)
    marker: str = Field(default="[BACK]", min_length=1)
    seed: int = 1


class TextConfig(Config):
    """A model from random weights, trained on text, and its answers to held-out problems."""

    stage: Literal["text"] = "text"
    seed: int = 1
    """Of the initial weights."""
    data: TextData
    model: ModelConfig
    training: TrainingConfig
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        for name in ("evaluate_every", "held_out_windows", "evaluate_problems", "label_masking", "loss_on", "workers"):
            if getattr(self.training, name) != TrainingConfig.model_fields[name].default:
                raise ValueError(f"training.{name}: has no effect on text; leave it out")
        return self
