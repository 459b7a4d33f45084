"""What a training document looks like, as data: rows of (part, words, role).

One compiled loop reads the rows (`igsm.corpus.documents`). A way of training that needs other documents lists other
rows (`igsm.methods`); it never writes a token itself. Today's document is `PLAIN`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

from igsm.errors import InputError


class Mark(enum.IntEnum):
    """GPT-2 ids that stand for no text: single bytes from 0x80 on, which texts in ASCII never hold, and GPT-2's end."""

    PROBLEM = 222
    SOLUTION = 223
    ANSWER = 224
    GOOD = 225
    BAD = 226
    RESTART = 227
    AGAIN = 228
    JUDGE = 229
    MASK = 230
    NOT_COMPUTABLE_YET = 231
    WRONG_INPUTS = 232
    WRONG_OPERATOR_OR_CONSTANT = 233
    WRONG_REFERENCE = 234
    WRONG_ARITHMETIC = 235
    END = 50256

    @property
    def text(self) -> str:
        """What stands for it in texts: "<|answer|>"."""
        return f"<|{self.name.lower()}|>"


ERROR_MARKS = (
    *(Mark.NOT_COMPUTABLE_YET, Mark.WRONG_INPUTS, Mark.WRONG_OPERATOR_OR_CONSTANT),
    *(Mark.WRONG_REFERENCE, Mark.WRONG_ARITHMETIC),
)
"""The first errors that wrong steps stand for, named as in verdicts (docs/grading.md)."""
TAGS = (Mark.GOOD, Mark.BAD, *ERROR_MARKS)
"""What is said of a solution."""
NEW_ATTEMPT = (Mark.RESTART, Mark.AGAIN)
"""What an attempt is given up with for another one."""


class Part(enum.IntEnum):
    """What a row of a layout writes."""

    WORD = 0
    """The row's own words."""
    STATEMENT = 1
    """The problem with its question."""
    SOLUTION = 2
    """The right solution, with the mistakes that are taken back in it."""
    ANSWER = 3
    """The number that is asked for."""
    ATTEMPT = 4
    """The solution with one wrong step that is left standing: later steps are right given its numbers."""
    REST = 5
    """The right solution from the step on before which the attempt goes wrong."""
    WRONG_ANSWER = 6
    """The number that the attempt comes to."""
    BACK = 7
    """BACK and the full stop of the attempt before it, with the number of sentences taken back if they are several."""
    OTHER_ORDER = 8
    """The right solution in another order, with letters of its own."""
    WRONG_STEP = 9
    """The number of the attempt's wrong step, from 1."""
    FIRST_ERROR = 10
    """The mark of what verdicts call the attempt's wrong step."""


OF_AN_ATTEMPT = (
    *(Part.ATTEMPT, Part.REST, Part.WRONG_ANSWER, Part.BACK),
    *(Part.WRONG_STEP, Part.FIRST_ERROR),
)


class Role(enum.IntFlag):
    """What a token is, for whoever decides about its loss or its noise. One bit each; a further one goes to the end."""

    STATEMENT = 0
    MISTAKE_WORD = 1
    """The wrong words of a mistake: a name, or one number or symbol."""
    MISTAKE_STEP = 2
    """A mistake up to, not including, "BACK"."""
    SOLUTION = 4
    """What is to be learned: in `PLAIN` all that follows the solution mark, the end mark included."""
    ATTEMPT = 8
    """A solution, or the beginning of one, that is left wrong."""
    CONSEQUENCE = 16
    """Numbers that are wrong because of a number before them."""
    FEEDBACK = 32
    """What is said about a solution: tags, verdicts."""
    GIVEN = 64
    """What a document only gives, to learn from it what follows."""


def role_name(role: Role) -> str:
    """As manifests write it: "mistake_word"."""
    return (role.name or "").lower()


EVERYWHERE = Role.MISTAKE_WORD | Role.MISTAKE_STEP | Role.SOLUTION
"""Roles that every corpus keeps, whether its documents have them or not."""


TO_THE_END = 1 << 10
"""`Row.steps` beyond what any solution has."""


class Row(NamedTuple):
    """One row of a document.

    Attributes:
        part: what is written.
        role: of each of its tokens. Mistakes in a solution add theirs.
        words: of `Part.WORD`: a mark, or words that occur in texts, as " BACK.".
        steps: of `Part.ATTEMPT`: how many steps follow the wrong one, less where there are not so many; it then ends
            without its full stop, before the words that take it back. None: all, and the full stop.
    """

    part: Part
    role: Role = Role.STATEMENT
    words: Mark | str = ""
    steps: int | None = None

    def description(self) -> list[Any]:
        """The row as plain values, for manifests."""
        words = self.words.name if isinstance(self.words, Mark) else self.words
        return [self.part.name, int(self.role), words, self.steps]


def has_attempt(rows: tuple[Row, ...]) -> bool:
    """Whether a document of these rows holds an attempt, or a part of one."""
    return any(row.part in OF_AN_ATTEMPT for row in rows)


def says_numbers(rows: tuple[Row, ...]) -> bool:
    """Whether a document of these rows counts steps, which texts have numbers for up to 22."""
    late = any(row.part == Part.ATTEMPT and row.steps != 0 for row in rows)
    return any(row.part == Part.WRONG_STEP or (row.part == Part.BACK and late) for row in rows)


class OwnSolutions(NamedTuple):
    """Wrong solutions that a model wrote (`igsm.corpus.own`).

    Attributes:
        path: a run, the folder of one of its evaluations, or a file of graded generations.
        digest: of what lay there when the run or the corpus began.
    """

    path: str
    digest: str


@dataclass(frozen=True)
class Layout:
    """The kinds of documents of a corpus.

    Attributes:
        variants: (share, rows) of each kind; the shares add up to 1.
        kinds: (kind, weight) of the wrong step of attempts, of kinds that write a whole step. A document has one
            attempt. Where none of the kinds is possible, and where steps are counted beyond what there are numbers for,
            the first variant without an attempt is written.
        moduli: one of them is drawn for each window, and its solutions compute modulo that; no text says so. Empty: the
            modulus of the problem class.
        own: where attempts come from, and their problems with them, instead of from `kinds`.

    Raises:
        InputError: shares that do not add up to 1; a document that does not begin with the problem mark and end with
            the end mark, each once: windows tell their documents apart by these; attempts without kinds, or without a
            variant that has none; BACK after a whole attempt.
    """

    variants: tuple[tuple[float, tuple[Row, ...]], ...]
    kinds: tuple[tuple[str, float], ...] = ()
    moduli: tuple[int, ...] = ()
    own: OwnSolutions | None = None

    def __post_init__(self) -> None:
        shares = [share for share, _ in self.variants]
        if min(shares, default=0.0) < 0.0 or abs(sum(shares) - 1.0) > 1e-9:
            raise InputError(f"the shares of a layout's documents must be 0 or more and add up to 1, not {shares}")
        attempts = {has_attempt(rows) for _, rows in self.variants}
        if (True in attempts) != (bool(self.kinds) != bool(self.own)) or attempts == {True}:
            raise InputError("a layout with attempts needs their kinds or solutions, and a document without an attempt")
        for _, rows in self.variants:
            for mark, place in ((Mark.PROBLEM, 0), (Mark.END, len(rows) - 1)):
                if [i for i, row in enumerate(rows) if row.words == mark] != [place]:
                    raise InputError(f"a document begins with {Mark.PROBLEM!r}, ends with {Mark.END!r}, each once")
            whole = [row.part for row in rows if row.part != Part.ATTEMPT or row.steps is None]
            if Part.BACK in whole and Part.ATTEMPT in whole:
                raise InputError("BACK stands in the last sentence of an attempt: the attempt needs its steps")

    def has(self, part: Part) -> bool:
        """Whether the part is in any of its documents."""
        return any(row.part == part for _, rows in self.variants for row in rows)

    @property
    def marks(self) -> frozenset[Mark]:
        """The marks that occur in its documents."""
        rows = [row for _, rows in self.variants for row in rows]
        errors = ERROR_MARKS if self.has(Part.FIRST_ERROR) else ()
        return frozenset(row.words for row in rows if isinstance(row.words, Mark)) | frozenset(errors)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that a corpus of it keeps, lowest bit first."""
        used = EVERYWHERE
        for _, rows in self.variants:
            for row in rows:
                used |= row.role | (Role.CONSEQUENCE if row.part == Part.ATTEMPT else Role.STATEMENT)
        return tuple(role for role in Role if role & used)

    def description(self) -> dict[str, Any]:
        """The layout as plain values, for manifests."""
        variants = [{"share": share, "rows": [row.description() for row in rows]} for share, rows in self.variants]
        moduli = {"moduli": list(self.moduli)} if self.moduli else {}
        own = {"own": self.own.digest} if self.own else {}
        return {"variants": variants, "kinds": [list(one) for one in self.kinds]} | moduli | own


PLAIN = Layout(
    (
        (
            1.0,
            (
                Row(Part.WORD, words=Mark.PROBLEM),
                Row(Part.STATEMENT),
                Row(Part.WORD, words=Mark.SOLUTION),
                Row(Part.SOLUTION, Role.SOLUTION),
                Row(Part.WORD, Role.SOLUTION, Mark.ANSWER),
                Row(Part.ANSWER, Role.SOLUTION),
                Row(Part.WORD, Role.SOLUTION, Mark.END),
            ),
        ),
    )
)
"""A problem, its solution with the mistakes that are taken back, its answer (arXiv 2408.16293, appendix A)."""
