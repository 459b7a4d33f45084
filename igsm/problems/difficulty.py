"""Problem classes (difficulties) and the settings of a stream of problems.

Source: arXiv 2408.16293, section 2.2 and appendix A; arXiv 2407.20311, section 2 (med: op <= 15, hard: op <= 21).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from igsm.config import Config
from igsm.errors import suggest
from igsm.problems.record import LETTERS, MAX_LAYERS, MAX_WIDTH
from igsm.problems.slices import parse_slice

BINS = 23
"""Bins of the template hash."""
SPLITS = {"train": range(16), "test": range(16, BINS)}
"""Template hash bins of the two splits."""
MAX_MASK = 62
"""Parameters that fit the sampler's signed 64-bit masks."""

OpLaw = Literal["smaller_of_two", "uniform"]
Letters = Literal["drawn", "fixed"]
Summands = Literal["drawn", "by_name"]
SplitBy = Literal["solution", "dependencies"]
LATER_SETTINGS = ("min_op", "most_inputs", "most_parameters", "op_law", "letters", "summands", "split_by")

Sizes = Annotated[tuple[int, ...], Field(strict=False, min_length=1)]


class ProblemClass(Config):
    """The law of a class of problems.

    `depths` and `widths` are the candidates for the number of layers and of items in a layer, smallest first.
    `context` is the window length (tokens) that training on this class uses.

    What the paper's classes leave at its default:
        min_op: least number of operations.
        most_inputs: inputs of an instance, the random number included.
        most_parameters: parameters among them.
        op_law: how numbers of operations are drawn from min_op..max_op.
        letters: "fixed": a parameter has the same letter in all problems (`igsm.problems.letters`).
        summands: what an abstract parameter adds up is listed in the order of the items, which is "drawn", so that
            the text does not tell it, or "by_name": the order of the names in the lexicon.
        split_by: what decides between train and test: the template of the "solution", in the order in which it stands,
            or the "dependencies" in it (`igsm.problems.split`).

    `harder` are the operations of the cells out of distribution, the first of which is also re-asked. A class is
    `small` if problems of the test split are another task than those trained on: they get a cell of their own.
    """

    max_op: Annotated[int, Field(ge=1, le=60)]
    max_edge: Annotated[int, Field(ge=2, le=48)]
    modulus: Annotated[int, Field(ge=2, le=23)] = 23
    n_symbols: Annotated[int, Field(ge=1, le=LETTERS)] = LETTERS
    depths: Sizes = (2, 3, 4)
    widths: Sizes = (2, 3, 4)
    min_op: Annotated[int, Field(ge=1)] = 1
    most_inputs: Annotated[int, Field(ge=1, le=4)] = 4
    most_parameters: Annotated[int, Field(ge=1, le=4)] = 4
    op_law: OpLaw = "smaller_of_two"
    letters: Letters = "drawn"
    summands: Summands = "drawn"
    split_by: SplitBy = "solution"
    lexicon: str = "full"
    context: Annotated[int, Field(ge=16)] = 768
    harder: tuple[int, ...] = ()
    small: bool = False

    @model_validator(mode="after")
    def _check(self) -> ProblemClass:
        for name, sizes, low, high in (
            ("depths", self.depths, 2, MAX_LAYERS),
            ("widths", self.widths, 1, MAX_WIDTH),
        ):
            if sizes != tuple(sorted(set(sizes))) or sizes[0] < low or sizes[-1] > high:
                raise ValueError(f"{name} must be increasing numbers from {low} to {high}, not {sizes}")
        if self.min_op > self.max_op:
            raise ValueError(f"min_op={self.min_op} is more than max_op={self.max_op}")
        depth, width = self.depths[-1], self.widths[-1]
        edges = min(max(self.max_edge, (depth - 1) * width), (depth - 1) * width**2)
        n_parameters = edges + width * depth * (depth - 1) // 2
        if n_parameters > MAX_MASK:
            raise ValueError(
                f"max_edge={self.max_edge} with {depth} layers of {width} items makes up to {n_parameters} parameters, "
                f"more than the {MAX_MASK} supported"
            )
        return self


def _trio(**settings: Any) -> ProblemClass:
    """Classes of our own that keep what the paper's are about, planning, and take out what small models fail at first.

    A letter always means the same, a step has one operation or a short sum, and hard problems are as frequent as easy
    ones. trio has 3 items in a layer; quad has 4, so that a mistake has more parameters to name; wide has still more of
    them, and no problems so short that few solutions of their length differ.
    """
    law: dict[str, Any] = {"max_op": 5, "max_edge": 6, "modulus": 5, "n_symbols": 28, "depths": (2,), "widths": (3,)}
    law |= {"most_inputs": 2, "op_law": "uniform", "letters": "fixed", "summands": "by_name"}
    law |= {"split_by": "dependencies", "lexicon": "nano", "context": 256, "harder": (6, 7, 8), "small": True}
    return ProblemClass(**law | settings)


DIFFICULTIES = {
    "nano": ProblemClass(
        max_op=3,
        max_edge=2,
        modulus=5,
        n_symbols=6,
        depths=(2,),
        widths=(2,),
        lexicon="nano",
        context=128,
        harder=(4, 5),
        small=True,
    ),
    "mini": ProblemClass(
        max_op=5,
        max_edge=4,
        modulus=5,
        n_symbols=8,
        depths=(2,),
        widths=(2,),
        lexicon="nano",
        context=256,
        harder=(6, 7),
        small=True,
    ),
    "trio": _trio(),
    "quad": _trio(max_edge=9, widths=(4,)),
    "wide": _trio(min_op=3, max_op=6, max_edge=16, modulus=7, widths=(4,), context=384, harder=(7, 8, 9)),
    "easy": ProblemClass(max_op=7, max_edge=10, context=512, harder=(9, 10, 11)),
    "med": ProblemClass(max_op=15, max_edge=20, context=768, harder=(20, 21, 22, 23)),
    "hard": ProblemClass(max_op=21, max_edge=28, context=1024, harder=(28, 29, 30, 31, 32)),
}


class ProblemConfig(Config):
    """Which problems to draw.

    `op` asks for exactly that many operations. `where` leaves only those of a slice, as in "depth>=4 and times>=1"
    (`igsm.problems.slices`); the law of the class is the same otherwise. Settings of the problem class that are None
    are the difficulty's.
    """

    difficulty: str = "med"
    op: Annotated[int, Field(ge=1)] | None = None
    max_op: int | None = None
    max_edge: int | None = None
    modulus: int | None = None
    n_symbols: int | None = None
    depths: Sizes | None = None
    widths: Sizes | None = None
    min_op: int | None = None
    most_inputs: int | None = None
    most_parameters: int | None = None
    op_law: OpLaw | None = None
    letters: Letters | None = None
    summands: Summands | None = None
    split_by: SplitBy | None = None
    lexicon: str | None = None
    format: Literal["pq", "qp"] = "pq"
    split: Literal["train", "test"] = "train"
    reask: Literal["none", "loose", "strict"] = "none"
    where: str | None = None

    @field_validator("where")
    @classmethod
    def _same_wording(cls, where: str | None) -> str | None:
        return (str(parse_slice(where)) or None) if where is not None else None

    @model_validator(mode="after")
    def _check(self) -> ProblemConfig:
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"unknown difficulty '{self.difficulty}'{suggest(self.difficulty, DIFFICULTIES)}")
        problem_class = self.problem_class  # raises for settings that do not go together
        name, most = ("max_op", problem_class.max_op) if self.op is None else ("op", self.op)
        if most > (limit := max_possible_op(problem_class)):
            raise ValueError(f"{name}={most} is more than a problem of this class can have (at most {limit})")
        return self

    @property
    def problem_class(self) -> ProblemClass:
        """The difficulty with this config's overrides."""
        base = DIFFICULTIES[self.difficulty].model_dump()
        given = self.model_dump(include=set(base))
        return ProblemClass(**base | {key: value for key, value in given.items() if value is not None})

    @property
    def stream_name(self) -> str:
        """Everything that the problems of a seed depend on, as one line; names the random stream.

        The lexicon is left out: two lexicons of one shape give the same problems under other names.
        """
        law = self.problem_class.model_dump(exclude={"lexicon", "context", "harder", "small"})
        for name in LATER_SETTINGS:  # streams of before they were there keep their names
            if law[name] == ProblemClass.model_fields[name].default:
                del law[name]
        if self.op is not None:
            law["max_op"] = None
            law.pop("min_op", None)
        law |= self.model_dump(include={"op", "format", "split", "reask"})
        if self.where is not None:
            law["where"] = self.where
        return json.dumps(law, sort_keys=True, separators=(",", ":"))


def max_possible_op(problem_class: ProblemClass) -> int:
    """An upper bound of the operations of one problem: all instances with the most inputs, all abstract ones needed.

    Every operation's result takes a letter, so there are no more of them than letters.
    """
    most_inputs = min(problem_class.most_inputs, problem_class.most_parameters + 1)
    best = 0
    for depth in problem_class.depths:
        for width in problem_class.widths:
            edges = min(max(problem_class.max_edge, (depth - 1) * width), (depth - 1) * width**2)
            abstract = sum(max(width - 1, 1) + (depth - 2 - layer) * (2 * width - 1) for layer in range(depth - 1))
            best = max(best, max(most_inputs - 1, 1) * edges + width * abstract)
    return min(best, problem_class.n_symbols)
