"""Settings of the mistakes in a corpus."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.errors import suggest
from igsm.mistakes.draw import MistakeLaw, law_of_kind
from igsm.mistakes.kinds import KINDS


class MistakeConfig(Config):
    """Which mistakes to put into the solutions.

    They are drawn from a stream of their own: the same seed and index give the same problem for every kind and rate.

    Attributes:
        kind: see `igsm.mistakes.kinds`.
        rate: chance of a mistake before a step, and of a further one after each.
        include_current: whether `retry_weak` may name the very step that follows, as the authors' code does.
        error_free_share: share of the documents that have no mistakes.
    """

    kind: str = "none"
    rate: float = 0.0
    include_current: bool = False
    error_free_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> MistakeConfig:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind '{self.kind}'{suggest(self.kind, KINDS)}")
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate must be in [0, 1), not {self.rate}: at 1 a solution would never get on")
        if (self.kind == "none") != (self.rate == 0.0):
            lacking = "a kind of mistakes, e.g. retry" if self.kind == "none" else "a rate above 0, e.g. 0.5"
            raise ValueError(f"kind and rate go together: kind '{self.kind}' with rate {self.rate:g} lacks {lacking}")
        return self

    @property
    def law(self) -> MistakeLaw:
        """The same for compiled code."""
        return law_of_kind(self.kind, self.rate, self.include_current, self.error_free_share)
