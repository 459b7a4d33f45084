"""Mistake tuning: right and wrong solutions, each behind a tag that says which it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import (
    ANSWERED,
    SOLVED,
    STATED,
    Rows,
    WholeWrongSolutions,
    given,
    mark,
)
from igsm.mistakes.layout import Layout, Mark, Part, Role, Row

if TYPE_CHECKING:
    from torch import Tensor

_TAG = Role.FEEDBACK


class Tagged(WholeWrongSolutions):
    """ "[good] solution" or "[bad] wrong solution"; at test [good] stands in the prompt.

    Attributes:
        share: of the documents that have a wrong solution; the others have the right one, behind its tag.
        tags: good and bad; or, for wrong solutions, the kind of their first error; or none, as a control.
        place: of the tag: before the solution, where it steers, or after the answer, where it only judges.
        judged: share of the documents that are to be judged: a solution, right or wrong with the same chance,
            "[judge]", and "[good]" or "[bad]", which alone carries loss. The decoder `rethink` asks for it.
        loss: "all": as the recipe says, tags and wrong solutions included, as in the paper; "solution": not on problems
            and tags; "right": neither on wrong solutions.
    """

    line: ClassVar[str] = "Right and wrong solutions behind a tag that says which; at test the good tag is given."
    source: ClassVar[str] = "mistake tuning, arXiv 2403.20046, section 4"
    name: Literal["tagged"] = "tagged"
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.25
    tags: Literal["binary", "kinds", "none"] = "binary"
    place: Literal["before", "after"] = "before"
    judged: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    loss: Literal["all", "solution", "right"] = "all"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.share + self.judged > 1.0:
            raise ValueError(f"share ({self.share:g}) and judged ({self.judged:g}) must not exceed 1 together")
        if self.tags == "none" and self.place == "after":
            raise ValueError("tags=none: there is no tag to stand after a solution; leave place out")
        return self

    @property
    def prompt(self) -> tuple[Mark, ...]:
        return (Mark.GOOD,) if self.tags != "none" and self.place == "before" else ()

    def layout(self) -> Layout:
        right = (*SOLVED, *ANSWERED[:-1])
        wrong = (*self.wrong_solution(), *self.wrong_answer())
        asked = (*STATED, *(mark(one, _TAG) for one in self.prompt))
        verdicts = [(mark(Mark.GOOD, Role.SOLUTION | _TAG), right), (mark(Mark.BAD, Role.SOLUTION | _TAG), wrong)]
        judge = mark(Mark.JUDGE, _TAG)
        judged = [
            (*given((*asked, *solution, judge)), verdict, *given(ANSWERED[-1:])) for verdict, solution in verdicts
        ]
        documents = (
            (self.share, self._document(wrong, self._wrong_tag(), mark(Mark.END, Role.SOLUTION | Role.ATTEMPT))),
            *((self.judged / 2, rows) for rows in judged),
        )
        return self.of_variants(*documents, rest=self._document(right, mark(Mark.GOOD, _TAG), ANSWERED[-1]))

    def _wrong_tag(self) -> Row:
        return mark(Mark.BAD, _TAG) if self.tags == "binary" else Row(Part.FIRST_ERROR, _TAG)

    def _document(self, solution: Rows, tag: Row, end: Row) -> Rows:
        if self.tags == "none":
            return (*STATED, *solution, end)
        return (*STATED, tag, *solution, end) if self.place == "before" else (*STATED, *solution, tag, end)

    def carrying(self, windows: StepWindows) -> Tensor:
        roles = windows.roles
        carrying = super().carrying(windows) & ((roles & int(Role.GIVEN)) == 0)
        if self.loss != "all":
            carrying &= (roles & int(Role.SOLUTION)) != 0
        if self.loss == "right":
            carrying &= (roles & int(Role.ATTEMPT)) == 0
        return carrying
