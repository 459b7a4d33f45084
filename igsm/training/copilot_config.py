"""Settings of a run that trains a Copilot beside its Pilot."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary
from igsm.errors import InputError
from igsm.methods.method import Method
from igsm.model.config import LARGEST_LAMBDA, CopilotConfig, ModelConfig
from igsm.training.config import RunConfig, Start, gone_on

FLOAT = ID = 4
"""Bytes."""


class LogConfig(Config):
    """The Mistake Log: what the newest steps have noted of question, rationale and mistakes."""

    rounds: int = Field(default=1, ge=1)
    """Steps that are kept; the Copilot reads each row of windows at one of them, drawn uniformly. 1: the step's own."""
    top_k: int | None = Field(default=None, ge=1)
    """Keep an error as the right id and so many most probable ones; None: the whole vocabulary."""


class ValidationConfig(Config):
    """What the weight lambda of decoding is chosen on, when `+copilot@RUN:auto` first asks for it."""

    cell: str | None = None
    """Problems with solution templates of the training split, e.g. "op=6 seen"; None: up to as many operations as in
    training."""
    problems: int = Field(default=256, ge=1)
    weights: list[float] = Field(default=[0.1, 0.3, 0.5, 0.8, 1.0], min_length=1)
    """Those of the paper."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        wrong = next((weight for weight in self.weights if not 0 < weight <= LARGEST_LAMBDA), None)
        if wrong is not None:
            raise ValueError(f"weights: {wrong:g} is not above 0 and at most {LARGEST_LAMBDA:g}")
        return self


class CopilotRunConfig(RunConfig):
    """A run of a Copilot, and of its Pilot: `mistakes copilot CONFIG from=runs/x`."""

    stage: Literal["copilot"] = "copilot"
    from_: str = Field(alias="from")
    """Run folder or checkpoint of the Pilot."""
    data: DataConfig
    model: ModelConfig | None = None
    """The Pilot's shape, filled in from there."""
    pilot: Literal["trained", "fixed"] = "trained"
    """trained: the Pilot learns on, the Copilot from its errors on the way. fixed: it stays as it is."""
    copilot: CopilotConfig = CopilotConfig()
    rate: float = Field(default=1.0, gt=0)
    """The Copilot's learning rate, relative to `training.learning_rate`."""
    loss: Literal["sequence", "token", "squared", "cross_entropy"] = "sequence"
    """sequence: root of the squared error summed over an answer (eq. 7). token: root for each token. squared: without
    a root. cross_entropy: no errors are predicted; the output is added to the Pilot's logits (a control)."""
    log: LogConfig = LogConfig()
    validation: ValidationConfig = ValidationConfig()

    @model_validator(mode="before")
    @classmethod
    def _no_lora(cls, content: Any) -> Any:
        if isinstance(content, dict) and content.get("lora"):
            raise ValueError(
                "lora: Pilot and Copilot learn with all weights; leave it out (from=RUN may be a LoRA run)"
            )
        return content

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pilot == "trained" and self.training.gradient_clip is not None:
            raise ValueError("training.gradient_clip would clip Pilot and Copilot together; leave it out")
        if self.log.rounds > 1 and self.training.skip_bad_steps:
            raise ValueError("training.skip_bad_steps would leave bad steps in the log; set it to 0, or log.rounds=1")
        if self.loss == "cross_entropy" and self.copilot.errors != "zero":
            raise ValueError("loss=cross_entropy predicts no errors, so none can be fed; set copilot.errors=zero")
        if self.loss == "cross_entropy" and self.log.top_k is not None:
            raise ValueError("loss=cross_entropy needs all probabilities; leave log.top_k out")
        return self

    @property
    def rows(self) -> DataConfig:
        return self.data

    @property
    def companion(self) -> ModelConfig | None:
        return self.copilot.shape(self.shape)

    def log_bytes(self, rows: int) -> int:
        if self.log.rounds == 1:
            return 0
        assert self.shape.vocabulary_size is not None
        error = FLOAT * self.shape.vocabulary_size if self.log.top_k is None else (FLOAT + ID) * self.log.top_k
        position = FLOAT * self.shape.width + error + 2 * ID + 1  # source, error, input and target ids, loss or none
        return self.log.rounds * rows * self.data.context * position

    def filled_in(self, start: Start | None, vocabulary: Vocabulary) -> Self:
        assert start is not None
        filled = self.model_copy(update=gone_on(self.data, self.model, start))
        filled.copilot.shape(start.model)  # what cannot be is refused now
        size = start.model.vocabulary_size or 0
        if self.log.top_k is not None and self.log.top_k >= size:
            raise InputError(f"log.top_k is {self.log.top_k}, the vocabulary has {size} ids; leave it out")
        method = type(self.data.method)
        if (method.batch, method.objective, method.decode) != (Method.batch, Method.objective, Method.decode):
            raise InputError(
                f"data.method: a Copilot learns beside next-token prediction, '{self.data.method.name}' computes "
                "something else; choose retry"
            )
        return filled
