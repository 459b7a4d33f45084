"""Correction: a wrong solution, where it goes wrong and how, and the right one from there on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import ANSWERED, STATED, WholeWrongSolutions, given, mark
from igsm.mistakes.layout import Layout, Mark, Part, Role, Row

if TYPE_CHECKING:
    from torch import Tensor

_SAID = Role.SOLUTION | Role.FEEDBACK


class Correct(WholeWrongSolutions):
    """Problems to solve, and problems with a wrong solution to correct.

    "[bad] wrong solution [judge] 5[wrong_arithmetic] right steps from the fifth on". Step and kind are what the grader
    says of the wrong solution. At test the problem is solved as ever: no correction is asked for.

    Attributes:
        share: of the documents that are corrections; LEMA has 28 % of them.
        say_step: whether the number of the wrong step is said. Without it a reader cannot know which steps stay.
        say_kind: whether the kind of its error is said.
        loss: in corrections on all from the judgement on, or as in other documents.
    """

    line: ClassVar[str] = "Whole wrong solutions, where and how they go wrong, and the right steps from there on."
    source: ClassVar[str] = "LEMA, arXiv 2310.20689, section 2"
    name: Literal["correct"] = "correct"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.28
    say_step: bool = True
    say_kind: bool = True
    loss: Literal["correction", "all"] = "correction"

    def layout(self) -> Layout:
        rows = (
            *given(STATED),
            mark(Mark.BAD, Role.GIVEN | Role.FEEDBACK),
            *given(self.wrong_solution()),
            mark(Mark.JUDGE, _SAID),
            *([Row(Part.WRONG_STEP, _SAID)] * self.say_step),
            *([Row(Part.FIRST_ERROR, _SAID)] * self.say_kind),
            Row(Part.REST, Role.SOLUTION),
            *ANSWERED,
        )
        return self.of_variants((self.share, rows))

    def carrying(self, windows: StepWindows) -> Tensor:
        carrying = super().carrying(windows)
        return carrying if self.loss == "all" else carrying & ((windows.roles & int(Role.GIVEN)) == 0)
