"""Settings of the training data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.methods.registry import AnyMethod
from igsm.methods.retry import Retry
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.layout import Part
from igsm.problems.difficulty import ProblemConfig


class DataConfig(Config):
    """Windows of tokens for pretraining; window number w is a pure function of everything here but `path`
    and `vocabulary`.

    Attributes:
        problem: what the problems and their solutions are like.
        mistakes: what the solutions get wrong and take back.
        method: what a document looks like, and what is learned from it.
        corpus: math problems, or the box-over-box toy of arXiv 2408.16293, figure 1.
        context: tokens of a window.
        windows_per_block: windows that are generated together; a divisor of (batch / GPUs) wastes nothing.
        seed: the random stream of the data.
        vocabulary: which ids models see: only those that can occur, or all of GPT-2's.
        tuning_round: 0 in pretraining, 1 in fine-tuning that starts from there, 2 in fine-tuning that starts from that;
            each has a stream of its own, so that no fine-tuning reads a problem that its start was trained on (Part
            2.2, footnote 27: the data is fresh). Filled in by `mistakes finetune`.
        path: folder written by `mistakes gen-data` to read from; None generates on the fly, the same windows.
    """

    problem: ProblemConfig = ProblemConfig()
    mistakes: MistakeConfig = MistakeConfig()
    method: AnyMethod = Retry()
    corpus: Literal["igsm", "boxes"] = "igsm"
    context: int = Field(default=768, ge=32, le=65536)
    windows_per_block: int = Field(default=128, ge=1, le=65536)
    seed: int = 1
    vocabulary: Literal["compact", "gpt2"] = "compact"
    tuning_round: int = Field(default=0, ge=0)
    path: str | None = None

    @model_validator(mode="after")
    def _check(self) -> DataConfig:
        if self.corpus == "boxes" and self.mistakes.kind != "none":
            raise ValueError(f"corpus 'boxes' has no mistakes; mistakes.kind must be none, not '{self.mistakes.kind}'")
        if self.corpus == "boxes":
            of_problems = self.problem.model_dump(exclude_defaults=True).keys() - {"difficulty", "lexicon", "split"}
            if of_problems:
                raise ValueError(f"corpus 'boxes': problem.{min(of_problems)} has no effect on it; leave it out")
        layout = self.method.layout()
        if (layout.kinds or layout.own) and (self.corpus == "boxes" or self.mistakes.kind != "none"):
            raise ValueError(
                f"method '{self.method.name}' makes mistakes of its own: corpus must be igsm, and mistakes.kind none"
            )
        if (layout.has(Part.OTHER_ORDER) or layout.moduli) and self.corpus == "boxes":
            raise ValueError(f"method '{self.method.name}' needs problems: corpus must be igsm")
        return self

    def resolved(self) -> DataConfig:
        """The config with what its mixes of mistakes come to, and the digest of a model's own wrong solutions.

        Raises:
            InputError: a run without verdicts, or without generations.
        """
        mistakes, method = self.mistakes.resolved(), self.method.resolved()
        if mistakes is self.mistakes and method is self.method:
            return self
        return self.model_copy(update={"mistakes": mistakes, "method": method})

    @property
    def resolved_already(self) -> bool:
        """Whether no mix waits for its weights."""
        parts = (self.mistakes, self.method)
        return not any(getattr(one, "mix", None) is not None and getattr(one, "weights", None) is None for one in parts)

    def with_weights_of(self, before: DataConfig) -> DataConfig:
        """The config with the weights that the same mixes had come to before."""
        changed: dict[str, Any] = {}
        for name in ("mistakes", "method"):
            now, then = getattr(self, name), getattr(before, name)
            mix = getattr(now, "mix", None)
            if mix is not None and now.weights is None and mix == getattr(then, "mix", None):
                changed[name] = now.model_copy(update={"weights": then.weights})
        return self.model_copy(update=changed) if changed else self

    def stream_of(self, what: str, number: int) -> tuple[int | str, ...]:
        """The name of the random stream of `what` in block `number`."""
        name = (self.seed, what, number, self.problem.stream_name)
        return (*name, "tuning round", self.tuning_round) if self.tuning_round else name
