"""Recursive introspection: attempts at one problem, of which the last is learned, weighted by its right steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import ANSWERED, SOLVED, STATED, WholeWrongSolutions, given, mark
from igsm.mistakes.layout import Layout, Mark, Role

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from igsm.training.objective import Batch

_END = ANSWERED[-1:]


class Turns(WholeWrongSolutions):
    """ "wrong solution [again] right solution", and the same after a right one; the decoder `turnsN` says [again].

    Where a second turn follows, problem and first turn are only read: loss is on the last turn and its end. Documents
    of one turn have it where `training.loss_on` says. Its weight is exp((r - 1) / tau), r the share of the turn's steps
    up to the first wrong one. A right turn has r = 1, and the second turn is always right: only `failed` documents are
    weighted down.

    Attributes:
        share: of the documents with two turns.
        right_first: of these, the share whose first turn is right, and stands: without them a model learns that first
            turns are to be changed.
        failed: share of the documents with a single wrong turn: they are learned as little as their steps are right.
        tau: temperature of the weights.
    """

    line: ClassVar[str] = "An attempt, [again], and a right one: the last turn is what is learned."
    source: ClassVar[str] = "RISE, arXiv 2407.18219, section 4"
    name: Literal["turns"] = "turns"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    right_first: Annotated[float, Field(ge=0.0, le=1.0)] = 0.3
    failed: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    tau: Annotated[float, Field(gt=0.0)] = 0.4

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.share + self.failed > 1.0:
            raise ValueError(f"share ({self.share:g}) and failed ({self.failed:g}) must not exceed 1 together")
        return self

    @property
    def marks(self) -> frozenset[Mark]:
        return super().marks | {Mark.AGAIN}

    def layout(self) -> Layout:
        right = (*SOLVED, *ANSWERED[:-1])
        wrong = (*self.wrong_solution(), *self.wrong_answer())
        again = mark(Mark.AGAIN, Role.FEEDBACK)
        failed = (*STATED, *wrong, mark(Mark.END, Role.SOLUTION | Role.ATTEMPT))
        return self.of_variants(
            (self.share * (1.0 - self.right_first), (*given((*STATED, *wrong, again)), *right, *_END)),
            (self.share * self.right_first, (*given((*STATED, *right, again)), *right, *_END)),
            (self.failed, failed),
        )

    def carrying(self, windows: StepWindows) -> Tensor:
        return super().carrying(windows) & ((windows.roles & int(Role.GIVEN)) == 0)

    def batch(self, windows: StepWindows) -> Batch:
        """The mean over the weights, as everywhere: a wrong turn counts less, not the step as a whole."""
        import torch

        from igsm.training.objective import next_token_batch

        carrying = self.carrying(windows)
        if not self.failed:
            return next_token_batch(windows.tokens, carrying)
        stop = int(windows.vocabulary.from_gpt2[windows.vocabulary.encode_text(".")[0]])
        weights = torch.from_numpy(self._weights(windows.tokens.numpy(), windows.roles.numpy(), stop))
        return next_token_batch(windows.tokens, carrying, weights)

    def _weights(self, tokens: np.ndarray, roles: np.ndarray, stop: int) -> np.ndarray:
        """Of each token, float32 [B, T]: that of its turn in wrong turns that are learned, else 1."""
        import numpy as np

        weights = np.ones(tokens.shape, np.float32)
        learned = ((roles & int(Role.ATTEMPT)) != 0) & ((roles & int(Role.GIVEN)) == 0)
        for row in np.flatnonzero(learned.any(1)):
            inside = np.flatnonzero(learned[row])
            for turn in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1):
                stops = tokens[row, turn] == stop
                wrong = np.flatnonzero(roles[row, turn] & int(Role.MISTAKE_STEP))
                right = stops[: wrong[0]].sum() if len(wrong) else stops.sum()
                weights[row, turn] = math.exp((right / max(stops.sum(), 1) - 1.0) / self.tau)
        return weights
