"""What methods share whose documents hold wrong solutions, or the beginning of one, that are left standing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from igsm.methods.method import Method
from igsm.mistakes.config import Weights
from igsm.mistakes.layout import PLAIN, TO_THE_END, Layout, Mark, Part, Role, Row, has_attempt
from igsm.mistakes.mix import UNIFORM, weights_of

if TYPE_CHECKING:
    from torch import Tensor

Rows: TypeAlias = tuple[Row, ...]
PLAIN_ROWS: Rows = PLAIN.variants[0][1]
STATED, SOLVED, ANSWERED = PLAIN_ROWS[:3], PLAIN_ROWS[3:4], PLAIN_ROWS[4:]
"""A plain document's problem, its solution, and its answer with the end."""

Delay: TypeAlias = int | Literal["end"]
"""How many steps follow a wrong one before it is noticed, "end": all."""


class WrongSolutions(Method):
    """Documents with attempts. Their one wrong step is drawn as `mistakes.draw.draw_mistake` says.

    Attributes:
        mix: which kinds its wrong step is of: "uniform" over all that write a whole step, or "like:RUN", as often as
            the first errors in a run's evaluations.
        weights: what `mix` comes to, (kind, weight) each; given, they decide.
    """

    mix: str = UNIFORM
    weights: Weights | None = None

    def resolved(self) -> Self:
        if self.weights is not None:
            return self
        return self.model_copy(update={"weights": weights_of(self.mix, "method.mix")})

    def of_variants(self, *variants: tuple[float, Rows], rest: Rows = PLAIN_ROWS) -> Layout:
        """The layout of these kinds of documents; the rest of them are plain, or as `rest` says."""
        left = 1.0 - sum(share for share, _ in variants)
        kept = (*((share, rows) for share, rows in variants if share), (max(left, 0.0), rest))
        kinds = self._kinds if any(has_attempt(rows) for _, rows in kept) else ()
        return Layout(kept, kinds)

    @property
    def _kinds(self) -> Weights:
        if self.weights is not None:
            return self.weights
        # a mix that waits for its weights is no kind: nothing can be written with it
        return weights_of(UNIFORM) if self.mix == UNIFORM else ((self.mix, 1.0),)


class WholeWrongSolutions(WrongSolutions):
    """Documents with wrong solutions that are left as they are.

    Attributes:
        ends: what follows the wrong step: "run_on" all later steps, right given the wrong number, down to the answer;
            "stopped" nothing.
    """

    ends: Literal["run_on", "stopped"] = "run_on"

    def wrong_solution(self, role: Role = Role.SOLUTION) -> Rows:
        """A wrong solution."""
        if self.ends == "run_on":
            return (Row(Part.ATTEMPT, role | Role.ATTEMPT),)
        return Row(Part.ATTEMPT, role | Role.ATTEMPT, steps=0), Row(Part.WORD, role | Role.ATTEMPT, ".")

    def wrong_answer(self, role: Role = Role.SOLUTION) -> Rows:
        """The answer that a wrong solution comes to; none where it stops."""
        if self.ends == "stopped":
            return ()
        return mark(Mark.ANSWER, role | Role.ATTEMPT), Row(Part.WRONG_ANSWER, role | Role.ATTEMPT)


def given(rows: Rows) -> Rows:
    """The same rows as what a document only gives: what is to be learned from it follows them."""
    return tuple(row._replace(role=row.role | Role.GIVEN) for row in rows)


def begun(delay: Delay) -> Row:
    """A solution that goes wrong, up to so many steps after the wrong one, without its last full stop."""
    return Row(Part.ATTEMPT, Role.SOLUTION | Role.ATTEMPT, steps=TO_THE_END if delay == "end" else delay)


def fixed(delay: Delay) -> Rows:
    """A document with one wrong step that is taken back `delay` steps later."""
    return (*STATED, begun(delay), Row(Part.BACK, Role.SOLUTION), Row(Part.REST, Role.SOLUTION), *ANSWERED)


def mark(words: Mark, role: Role = Role.SOLUTION) -> Row:
    """A row of one mark."""
    return Row(Part.WORD, role, words)


def from_the_wrong_step_on(roles: Tensor) -> Tensor:
    """The tokens of attempts from their wrong step to their end, bool [B, T].

    Args:
        roles: bits of `Role`, uint8 [B, T]; documents begin whole.
    """
    import torch

    attempt, wrong = (roles & int(Role.ATTEMPT)) != 0, (roles & int(Role.MISTAKE_STEP)) != 0
    places = torch.arange(roles.shape[1], device=roles.device).expand(roles.shape)
    last_wrong = torch.where(wrong, places, -1).cummax(1).values
    last_outside = torch.where(attempt, -1, places).cummax(1).values
    return attempt & (last_wrong > last_outside)
