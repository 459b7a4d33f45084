"""Settings of the mistakes in a corpus."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from igsm.config import Config
from igsm.errors import InputError, suggest
from igsm.mistakes.draw import MistakeLaw, law_of
from igsm.mistakes.kinds import KINDS, WRONG_STEPS
from igsm.mistakes.mix import LIKE, UNIFORM, weights_of

MIX = "mix"
"""What `kind` is where several are drawn."""


def _writes_a_whole_step(kind: str) -> str:
    if kind not in WRONG_STEPS:
        raise ValueError(f"'{kind}' writes no whole step{suggest(kind, WRONG_STEPS)}")
    return kind


WholeStep = Annotated[str, AfterValidator(_writes_a_whole_step)]
Weights = Annotated[
    tuple[Annotated[tuple[WholeStep, Annotated[float, Field(gt=0.0)]], Field(strict=False)], ...],
    Field(strict=False, min_length=1),
]
"""(kind, how often it is drawn compared with the others), of kinds that write a whole step."""


class MistakeConfig(Config):
    """Which mistakes to put into the solutions.

    They are drawn from a stream of their own: the same seed and index give the same problem for every kind and rate.

    Attributes:
        kind: see `igsm.mistakes.kinds`; "mix" for several.
        rate: chance of a mistake before a step, and of a further one after each.
        include_current: whether `retry_weak` may name the very step that follows, as the authors' code does.
        error_free_share: share of the documents that have no mistakes.
        mix: which kinds, of those that write a whole step: "uniform", or "like:RUN", as often as the first errors in a
            run's evaluations. At a step that cannot have some of the kinds, the others are drawn more often.
        weights: what `mix` came to when it was resolved, (kind, weight) each. The data follow from these, whatever
            becomes of the run.
    """

    kind: str = "none"
    rate: float = 0.0
    include_current: bool = False
    error_free_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    mix: str | None = None
    weights: Weights | None = None

    @model_validator(mode="after")
    def _check(self) -> MistakeConfig:
        if self.kind not in (*KINDS, MIX):
            raise ValueError(f"unknown kind '{self.kind}'{suggest(self.kind, (*KINDS, MIX))}")
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"rate must be at least 0 and below 1, not {self.rate:g}")
        if (self.kind == "none") != (self.rate == 0.0):
            lacking = "a kind of mistakes, e.g. retry" if self.kind == "none" else "a rate above 0, e.g. 0.5"
            raise ValueError(f"kind and rate go together: kind '{self.kind}' with rate {self.rate:g} lacks {lacking}")
        if (self.kind == MIX) != (self.mix is not None):
            raise ValueError(f"kind '{MIX}' and mix go together: set both, mix={UNIFORM} or mix={LIKE}RUN, or neither")
        if self.include_current and self.kind != "retry_weak":
            raise ValueError(f"include_current is of the kind retry_weak, not '{self.kind}'; leave it out")
        if self.error_free_share and self.kind == "none":
            raise ValueError("error_free_share: without mistakes all documents are error-free; leave it out")
        if self.weights is not None and self.mix is None:
            raise ValueError("weights are what a mix comes to; leave them out")
        return self

    def resolved(self) -> MistakeConfig:
        """The config with the weights of its mix filled in. Raises InputError for a run without verdicts."""
        if self.mix is None or self.weights is not None:
            return self
        return self.model_copy(update={"weights": weights_of(self.mix)})

    @property
    def law(self) -> MistakeLaw:
        """The same for compiled code. Raises InputError for a mix that is not resolved."""
        if self.mix is None:
            weights = [] if self.kind == "none" else [(self.kind, 1.0)]
        elif self.weights is None:
            raise InputError(f"mistakes.mix: '{self.mix}' has no weights yet")
        else:
            weights = list(self.weights)
        return law_of(weights, self.rate, self.include_current, self.error_free_share)
