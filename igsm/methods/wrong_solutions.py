"""What methods share whose documents hold wrong solutions, or the beginning of one, that are left standing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from pydantic import model_validator

from igsm.methods.method import Method
from igsm.mistakes.config import Weights
from igsm.mistakes.layout import PLAIN, TO_THE_END, Layout, Mark, OwnSolutions, Part, Role, Row, has_attempt
from igsm.mistakes.mix import UNIFORM, weights_of

if TYPE_CHECKING:
    from torch import Tensor

Rows: TypeAlias = tuple[Row, ...]
PLAIN_ROWS: Rows = PLAIN.variants[0][1]
STATED, SOLVED, ANSWERED = PLAIN_ROWS[:3], PLAIN_ROWS[3:4], PLAIN_ROWS[4:]
"""A plain document's problem, its solution, and its answer with the end."""

Delay: TypeAlias = int | Literal["end"]
"""How many steps follow a wrong one before it is noticed, "end": all."""


OWN = "own:"


class WrongSolutions(Method):
    """Documents with attempts. Their one wrong step is drawn as `mistakes.draw.draw_mistake` says.

    Attributes:
        wrong: where attempts come from. None: they are made. "own:PATH": a model wrote them and the grader found them
            wrong, and their problems come with them. PATH is a run, the folder of one of its evaluations, or a file of
            generations, all of problems of the training split (`igsm.corpus.own`).
        digest: of what lies at PATH, filled in when a run begins: it does not go on with anything else.
        mix: which kinds its wrong step is of: "uniform" over all that write a whole step, or "like:RUN", as often as
            the first errors in a run's evaluations.
        weights: what `mix` comes to, (kind, weight) each; given, they decide.
    """

    wrong: str | None = None
    digest: str | None = None
    mix: str = UNIFORM
    weights: Weights | None = None

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.wrong is None:
            if self.digest is not None:
                raise ValueError("digest is that of a model's own solutions; leave it out")
        elif not self.wrong.startswith(OWN) or self.wrong == OWN:
            raise ValueError(f"wrong: '{self.wrong}' must read {OWN}PATH")
        elif self.mix != UNIFORM or self.weights is not None:
            raise ValueError(f"wrong={self.wrong}: the kinds are those of the model; leave mix and weights out")
        return self

    def resolved(self) -> Self:
        if self.wrong is not None:
            from igsm.corpus.own import digest_of

            return self if self.digest else self.model_copy(update={"digest": digest_of(Path(self._path))})
        if self.weights is not None:
            return self
        return self.model_copy(update={"weights": weights_of(self.mix, "method.mix")})

    def held_out(self) -> Self:
        """A model's own solutions are of the training split: in the test split they are made."""
        return self if self.wrong is None else self.model_copy(update={"wrong": None, "digest": None})

    def of_variants(self, *variants: tuple[float, Rows], rest: Rows = PLAIN_ROWS) -> Layout:
        """The layout of these kinds of documents; the rest of them are plain, or as `rest` says."""
        left = 1.0 - sum(share for share, _ in variants)
        kept = (*((share, rows) for share, rows in variants if share), (max(left, 0.0), rest))
        if not any(has_attempt(rows) for _, rows in kept):
            return Layout(kept)
        if self.wrong is not None:
            return Layout(kept, own=OwnSolutions(self._path, self.digest or ""))
        return Layout(kept, self._kinds)

    @property
    def _path(self) -> str:
        return (self.wrong or "").removeprefix(OWN)

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

    def wrong_solution(self) -> Rows:
        """A wrong solution."""
        role = Role.SOLUTION | Role.ATTEMPT
        if self.ends == "run_on":
            return (Row(Part.ATTEMPT, role),)
        return Row(Part.ATTEMPT, role, steps=0), Row(Part.WORD, role, ".")

    def wrong_answer(self) -> Rows:
        """The answer that a wrong solution comes to; none where it stops."""
        if self.ends == "stopped":
            return ()
        role = Role.SOLUTION | Role.ATTEMPT
        return mark(Mark.ANSWER, role), Row(Part.WRONG_ANSWER, role)


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
