"""Fix and continue: a wrong step is taken back, at once or later, and the solution goes on with the right one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import WrongSolutions, fixed, from_the_wrong_step_on
from igsm.mistakes.layout import Layout

if TYPE_CHECKING:
    from torch import Tensor


class Fix(WrongSolutions):
    """One whole wrong step in a document, BACK, and the right one.

    With delay 0 the document is that of a mistake that is taken back at once. Later, "BACK 3." says that three
    sentences are taken back; those between follow from the wrong number. Where less than `delay` steps follow, it is
    noticed at the end.

    Attributes:
        share: of the documents that have a wrong step; the others are plain.
        delay: how many further steps there are before it is noticed; "end": all.
        loss: on all that the recipe names, or without what is taken back.
    """

    line: ClassVar[str] = "A wrong step that is taken back, at once or some steps later, and the right one."
    source: ClassVar[str] = "LEMMA, arXiv 2503.17439, section 3: fix and continue"
    name: Literal["fix"] = "fix"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    delay: Annotated[int, Field(ge=0)] | Literal["end"] = 0
    loss: Literal["all", "right"] = "all"

    def layout(self) -> Layout:
        return self.of_variants((self.share, fixed(self.delay)))

    def carrying(self, windows: StepWindows) -> Tensor:
        carrying = super().carrying(windows)
        return carrying if self.loss == "all" else carrying & ~from_the_wrong_step_on(windows.roles)
