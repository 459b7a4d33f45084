"""Cells by name: a column of the paper's tables, such as "med_pq:op<=15" or "op=20 reask"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from igsm.config import build_config
from igsm.errors import InputError, suggest
from igsm.problems.difficulty import DIFFICULTIES, ProblemConfig
from igsm.problems.slices import parse_slice

_NAME = re.compile(
    r"(?:(?P<difficulty>[a-z]+)_(?P<format>pq|qp):)?"
    r"op(?P<sign><=|=)(?P<op>\d+)(?P<reask> reask(?: strict)?)?(?P<seen> seen)?"
    r"(?: where (?P<where>.+))?"
)


@dataclass(frozen=True)
class Cell:
    """One test distribution.

    Attributes:
        difficulty, format: which class of problems, and whether the question stands first ("qp").
        op: operations of the problems: exactly so many, or at most.
        exact: whether exactly.
        reask: "none", "loose" (the paper's) or "strict" (the re-asked problem's template is of the test split too).
        seen: whether the problems are of the training split.
        where: the slice that they are drawn from, as in "depth>=4 and times>=1" (`igsm.problems.slices`).
    """

    difficulty: str
    format: str
    op: int
    exact: bool
    reask: str = "none"
    seen: bool = False
    where: str | None = None

    @property
    def short(self) -> str:
        """The name without difficulty and format: "op<=15"."""
        ending = {"none": "", "loose": " reask", "strict": " reask strict"}[self.reask]
        ending += f"{' seen' if self.seen else ''}{f' where {self.where}' if self.where else ''}"
        return f"op{'=' if self.exact else '<='}{self.op}{ending}"

    @property
    def name(self) -> str:
        """The full name: "med_pq:op<=15"."""
        return f"{self.difficulty}_{self.format}:{self.short}"

    def problems(self, trained_on: ProblemConfig) -> ProblemConfig:
        """The cell's error-free test problems. Overrides (modulus, names, ...) are those of the training data."""
        base = (
            trained_on
            if trained_on.difficulty == self.difficulty
            else ProblemConfig(difficulty=self.difficulty, lexicon=trained_on.lexicon)
        )
        settings = base.model_dump() | {
            "op": self.op if self.exact else None,
            "format": self.format,
            "split": "train" if self.seen else "test",
            "reask": self.reask,
            "where": self.where,
        }
        if not self.exact and self.op != base.problem_class.max_op:
            settings["max_op"] = self.op
        return build_config(ProblemConfig, settings, f"cell '{self.name}'")


def figure_cells(difficulty: str, format: str, max_op: int | None = None) -> list[Cell]:
    """The cells that the paper shows for a model: in distribution, its hardest op, harder ones, and a re-asked one.

    The first one is the distribution trained on. Harder are the class's own beyond it, or else the next two operations.
    """
    top = max_op or DIFFICULTIES[difficulty].max_op
    first, *_ = harder = [op for op in DIFFICULTIES[difficulty].harder if op > top] or [top + 1, top + 2]
    return [
        *([Cell(difficulty, format, top, False, seen=True)] if DIFFICULTIES[difficulty].small else []),
        Cell(difficulty, format, top, False),
        Cell(difficulty, format, top, True),
        *(Cell(difficulty, format, op, True) for op in harder),
        Cell(difficulty, format, first, True, "loose"),
    ]


def parse_cells(text: str, trained_on: ProblemConfig) -> list[Cell]:
    """Cells of a comma-separated list; "figure" stands for `figure_cells` of the training data's class.

    Names without a prefix take difficulty and format of the training data.

    Raises:
        InputError: an unknown cell, with a suggestion.
    """
    cells: dict[Cell, None] = {}
    for part in text.split(","):
        name = part.strip()
        if name == "figure":
            top = trained_on.problem_class.max_op
            cells |= dict.fromkeys(figure_cells(trained_on.difficulty, trained_on.format, top))
        else:
            cells[_parse_cell(name, trained_on)] = None
    return list(cells)


def _parse_cell(name: str, trained_on: ProblemConfig) -> Cell:
    found = _NAME.fullmatch(name)
    difficulty = (found and found["difficulty"]) or trained_on.difficulty
    if found is None or difficulty not in DIFFICULTIES or int(found["op"]) < 1:
        prefix = re.match(r"([a-z]+)_(pq|qp):", name)
        named = (prefix[1], prefix[2]) if prefix and prefix[1] in DIFFICULTIES else None
        examples = figure_cells(*(named or (trained_on.difficulty, trained_on.format)))
        known = ["figure", *(c.name for c in examples), *(c.short for c in examples)]
        if (number := re.search(r"\d+", name)) and int(number[0]):  # a slip of the pen is not in the number
            plain = {re.sub(r"(?<==)\d+", number[0], one) for one in known if one[-1].isdigit()}
            known += [f"{one}{seen}" for one in plain for seen in ("", " seen")]
        raise InputError(f"unknown cell '{name}'{suggest(name, known)}")
    reask = {None: "none", " reask": "loose", " reask strict": "strict"}[found["reask"]]
    format = found["format"] or trained_on.format
    try:
        where = str(parse_slice(found["where"])) or None if found["where"] else None
    except ValueError as error:
        raise InputError(f"cell '{name}': {error}") from None
    return Cell(difficulty, format, int(found["op"]), found["sign"] == "=", reask, found["seen"] is not None, where)
