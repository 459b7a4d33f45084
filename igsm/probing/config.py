"""Settings of a probing run."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from igsm.config import Config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.errors import InputError, suggest
from igsm.mistakes.kinds import WRONG_STEPS
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.training.config import RunConfig, Start, TrainingConfig

VERIFIERS = ("outcome", "process")
"""Questions about solutions that a model has sampled."""


class SampleConfig(Config):
    """The solutions that a verifier learns from: samples of a model, each graded."""

    of: str | None = None
    """Run folder or checkpoint of the model that is sampled; None: the one that is probed."""
    problems: int = Field(default=2000, ge=1, le=10**7)
    """Problems with templates of the training split."""
    held_out: int = Field(default=250, ge=1, le=10**7)
    """Problems with templates of the test split, to measure on; no evaluation has them."""
    each: int = Field(default=4, ge=1, le=4096)
    """Samples of a problem."""
    temperature: float = Field(default=1.0, ge=0.01, le=100)


class ProbeConfig(RunConfig):
    """A probing run: `mistakes probe CONFIG from=runs/x`. `training.batch` counts rows."""

    stage: Literal["probe"] = "probe"
    from_: str = Field(alias="from")
    """Run folder or checkpoint of the model to probe."""
    random_weights: bool = False
    """Probe a randomly initialised model of the same shape: the control."""
    problem: ProblemConfig | None = None
    """The problems that are asked about, without mistakes; None: those of the model's training data."""
    question: Literal["can_next", "step", "outcome", "process"] = "can_next"
    """can_next: can this parameter be computed next? Asked after "Define A's B as". step: is this step right? Asked at
    the end of a whole step. outcome: is this sampled solution right? Asked at its end. process: is it right so far?
    Asked at the end of each of its sentences, up to the first wrong one."""
    samples: SampleConfig | None = None
    """Questions `outcome` and `process`: the solutions."""
    wrong_kinds: tuple[str, ...] = Field(default=("wrong_result", "wrong_operand"), strict=False, min_length=1)
    """Question `step`: the kinds of mistakes in wrong steps."""
    row_length: int = Field(ge=64)
    """Tokens of a row: a problem, its solution and as many random questions as fit. Longer problems are left out.

    Multiples of 128 suit the attention kernels of a GPU.
    """
    lora: LoRAConfig
    vocabulary: str | None = None
    """The model's vocabulary, filled in from there."""
    model: ModelConfig | None = None
    """The model's shape, filled in from there."""

    length_setting: ClassVar[str] = "row_length"
    predicts_tokens: ClassVar[bool] = False

    @field_validator("training")
    @classmethod
    def _check_training(cls, training: TrainingConfig) -> TrainingConfig:
        if training.evaluate_problems:
            raise ValueError("a probe generates no solutions; leave training.evaluate_problems at 0")
        if training.precision == "bfloat16_residual":
            raise ValueError("training.precision of a probe: any but bfloat16_residual")
        for name in ("label_masking", "loss_on"):
            if getattr(training, name) != TrainingConfig.model_fields[name].default:
                raise ValueError(f"training.{name}: has no effect on a probe, which predicts no tokens; leave it out")
        return training

    @field_validator("lora")
    @classmethod
    def _check_lora(cls, lora: LoRAConfig) -> LoRAConfig:
        if lora.output_rank:
            raise ValueError("a probe reads states, not logits; leave lora.output_rank at 0")
        return lora

    @field_validator("wrong_kinds")
    @classmethod
    def _check_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            if kind not in WRONG_STEPS:
                raise ValueError(f"'{kind}' is no kind of mistake that writes a whole step{suggest(kind, WRONG_STEPS)}")
        return kinds

    @model_validator(mode="after")
    def _check_samples(self) -> Self:
        if self.samples is not None and self.question not in VERIFIERS:
            raise ValueError(f"samples: only the questions outcome and process are about samples, not {self.question}")
        if self.samples is None and self.question in VERIFIERS:
            raise ValueError(f"samples: the question {self.question} needs them, e.g. samples.problems=2000")
        return self

    @property
    def sampled(self) -> str:
        """Run folder or checkpoint of the model whose solutions a verifier learns from."""
        return (self.samples and self.samples.of) or self.from_

    @property
    def rows(self) -> DataConfig:
        return DataConfig(problem=self.problem or ProblemConfig(), context=min(self.row_length, 65536))

    def filled_in(self, start: Start | None, vocabulary: Vocabulary) -> Self:
        assert start is not None
        problem = self.problem or start.data.problem
        if load_vocabulary(problem).names_fingerprint != start.vocabulary.names_fingerprint:
            raise InputError(f"problem.lexicon: {start.name} was trained on other names; choose the same lexicon")
        if self.model not in (None, start.model) or self.vocabulary not in (None, start.data.vocabulary):
            raise InputError(f"model and vocabulary are those of {start.name}; leave them out")
        found = {"problem": problem, "model": start.model, "vocabulary": start.data.vocabulary}
        return self.model_copy(update=found)


def check_question(config: ProbeConfig) -> None:
    """Raise :class:`InputError` for a probe that cannot be measured over cells."""
    if config.question != "can_next":
        raise InputError(f"--cells: measures probes for the question 'can_next', not '{config.question}'")
