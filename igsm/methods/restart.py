"""Fresh and restart: a solution that goes wrong is given up, and the problem is solved anew in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import (
    ANSWERED,
    SOLVED,
    STATED,
    WrongSolutions,
    begun,
    fixed,
    from_the_wrong_step_on,
    mark,
)
from igsm.mistakes.layout import Layout, Mark, Part, Role, Row

if TYPE_CHECKING:
    from torch import Tensor


class Restart(WrongSolutions):
    """One whole wrong step in a document, RESTART, and the whole right solution.

    Attributes:
        share: of the documents that are started anew.
        share_fix: of those whose wrong step is taken back instead; the rest are plain. LEMMA has both alike.
        delay: how many further steps there are before a wrong one is noticed; "end": all.
        order: of the second solution: another than the first one's, with letters drawn anew, or the same.
        first: what is given up: an attempt that goes wrong, or, as a control, a whole right solution.
        loss: on all that the recipe names, or without the attempt from its wrong step on.
    """

    line: ClassVar[str] = "A solution that goes wrong is given up for a fresh one in another order."
    source: ClassVar[str] = "LEMMA, arXiv 2503.17439, section 3: fresh and restart"
    name: Literal["restart"] = "restart"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    share_fix: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    delay: Annotated[int, Field(ge=0)] | Literal["end"] = 0
    order: Literal["other", "same"] = "other"
    first: Literal["wrong", "right"] = "wrong"
    loss: Literal["all", "right"] = "all"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.share + self.share_fix > 1.0:
            raise ValueError(f"share ({self.share:g}) and share_fix ({self.share_fix:g}) must not exceed 1 together")
        if self.first == "right" and self.delay and not self.share_fix:
            raise ValueError("first=right: no wrong step is noticed after a delay; leave delay at 0")
        return self

    def layout(self) -> Layout:
        first = (begun(self.delay),) if self.first == "wrong" else SOLVED
        second = (Row(Part.OTHER_ORDER, Role.SOLUTION),) if self.order == "other" else SOLVED
        restarted = (*STATED, *first, mark(Mark.RESTART), *second, *ANSWERED)
        return self.of_variants((self.share, restarted), (self.share_fix, fixed(self.delay)))

    def carrying(self, windows: StepWindows) -> Tensor:
        carrying = super().carrying(windows)
        return carrying if self.loss == "all" else carrying & ~from_the_wrong_step_on(windows.roles)
