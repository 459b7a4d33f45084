"""Chain of hindsight: a bad and a good solution in one document, told apart by feedback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import ANSWERED, SOLVED, STATED, Rows, WholeWrongSolutions, given, mark
from igsm.mistakes.layout import Layout, Mark, Part, Role, Row

if TYPE_CHECKING:
    from torch import Tensor, nn

    from igsm.training.objective import Batch, Objective

_GIVEN = Role.GIVEN | Role.FEEDBACK
Chain = Literal["p", "n", "np", "pn"]


class Hindsight(WholeWrongSolutions):
    """ "[bad] wrong solution [good] solution", the other order, and each alone; at test [good] stands in the prompt.

    Attributes:
        share: of the documents that have feedback; the others are plain, as the paper mixes pretraining text in.
        chains: which of them there are, each as often: p is good, n bad, np bad and then good, pn good and then bad.
        feedback: the tags alone, or after [bad] the grader's verdict: "[bad] 5[wrong_arithmetic]".
        bad: what is called bad: a wrong solution or, as a control, a second right one in another order.
        order: of the good solution: that of the bad one, or another, so that it cannot be copied.
        loss: in documents with feedback on the good solutions only, or on both; never on problem and feedback.
        dropping: at most this share of a window's tokens is hidden from attention in training; how much, is drawn for
            each window. The first token always stays. The paper takes 0.05.
    """

    line: ClassVar[str] = (
        "A bad and a good solution in one document, told apart by tags; at test a good one is asked for."
    )
    source: ClassVar[str] = "chain of hindsight, arXiv 2302.02676, section 2"
    name: Literal["hindsight"] = "hindsight"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    chains: Annotated[tuple[Chain, ...], Field(strict=False, min_length=1)] = ("p", "n", "np", "pn")
    feedback: Literal["binary", "verbal"] = "binary"
    bad: Literal["wrong", "right"] = "wrong"
    order: Literal["same", "other"] = "same"
    loss: Literal["good", "both"] = "good"
    dropping: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.bad == "right" and (self.feedback == "verbal" or self.order == "other"):
            raise ValueError("bad=right: is a second right solution in another order; feedback is binary, order same")
        return self

    @property
    def prompt(self) -> tuple[Mark, ...]:
        """Not where no document has [good]: a model would be asked with a mark that it never saw."""
        return (Mark.GOOD,) if self.share and any("p" in chain for chain in self.chains) else ()

    def layout(self) -> Layout:
        good_solution = SOLVED if self.order == "same" else (Row(Part.OTHER_ORDER, Role.SOLUTION),)
        parts = {
            "p": (mark(Mark.GOOD, _GIVEN), *good_solution, *ANSWERED[:-1]),
            "n": (mark(Mark.BAD, _GIVEN), *self._bad()),
        }
        ends = {"p": ANSWERED[-1], "n": mark(Mark.END, Role.SOLUTION | Role.ATTEMPT)}
        each = self.share / len(self.chains)
        documents = (
            (each, (*given(STATED), *(row for one in chain for row in parts[one]), ends[chain[-1]]))
            for chain in self.chains
        )
        return self.of_variants(*documents)

    def _bad(self) -> Rows:
        if self.bad == "right":
            role = Role.SOLUTION | Role.ATTEMPT
            answer = (mark(Mark.ANSWER, role), Row(Part.ANSWER, role))
            return (Row(Part.OTHER_ORDER, role), *answer)
        said = (Row(Part.WRONG_STEP, _GIVEN), Row(Part.FIRST_ERROR, _GIVEN)) if self.feedback == "verbal" else ()
        return (*said, *self.wrong_solution(), *self.wrong_answer())

    def carrying(self, windows: StepWindows) -> Tensor:
        without = Role.GIVEN if self.loss == "both" else Role.GIVEN | Role.ATTEMPT
        return super().carrying(windows) & ((windows.roles & int(without)) == 0)

    def batch(self, windows: StepWindows) -> Batch:
        """Which tokens are dropped is drawn for each window in training; held-out windows are seen whole."""
        import numpy as np
        import torch

        batch = super().batch(windows)
        if windows.progress is None or not self.dropping:
            return batch
        dropped = np.zeros(windows.tokens.shape, np.bool_)
        for row, stream in zip(dropped, windows.streams(self.name), strict=True):
            row[1:] = stream.random(row.size - 1) < stream.random() * self.dropping
        return replace(batch, inputs={"ids": windows.tokens, "dropped": torch.from_numpy(dropped)})

    def objective(self, model: nn.Module) -> Objective:
        from igsm.training.dropped_keys import CrossEntropyWithDroppedKeys

        return CrossEntropyWithDroppedKeys(model)
