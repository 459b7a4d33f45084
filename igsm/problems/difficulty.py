"""Problem classes (difficulties) and the settings of a stream of problems.

Source: arXiv 2408.16293, section 2.2 and appendix A; arXiv 2407.20311, section 2 (med: op <= 15, hard: op <= 21).
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.errors import suggest
from igsm.problems.record import LETTERS, MAX_LAYERS, MAX_WIDTH

BINS = 23
"""Bins of the template hash."""
SPLITS = {"train": range(16), "test": range(16, BINS)}
"""Template hash bins of the two splits."""
KINDS = ("none", "retry", "retry_weak", "retry_miss", "unnecessary", "wrong_result", "wrong_operand")
"""Kinds of mistakes, described in `igsm.problems.mistakes`."""
MAX_MASK = 62
"""Parameters that fit the sampler's signed 64-bit masks."""

Sizes = Annotated[tuple[int, ...], Field(strict=False, min_length=1)]


class ProblemClass(Config):
    """The law of a class of problems.

    `depths` and `widths` are the candidates for the number of layers and of items in a layer, smallest first.
    `context` is the window length (tokens) that training on this class uses.
    """

    max_op: Annotated[int, Field(ge=1, le=60)]
    max_edge: Annotated[int, Field(ge=2, le=48)]
    modulus: Annotated[int, Field(ge=2, le=23)] = 23
    n_symbols: Annotated[int, Field(ge=1, le=LETTERS)] = LETTERS
    depths: Sizes = (2, 3, 4)
    widths: Sizes = (2, 3, 4)
    lexicon: str = "full"
    context: Annotated[int, Field(ge=16)] = 768

    @model_validator(mode="after")
    def _check(self) -> ProblemClass:
        for name, sizes, low, high in (
            ("depths", self.depths, 2, MAX_LAYERS),
            ("widths", self.widths, 1, MAX_WIDTH),
        ):
            if sizes != tuple(sorted(set(sizes))) or sizes[0] < low or sizes[-1] > high:
                raise ValueError(f"{name} must be increasing numbers from {low} to {high}, not {sizes}")
        depth, width = self.depths[-1], self.widths[-1]
        edges = min(max(self.max_edge, (depth - 1) * width), (depth - 1) * width**2)
        n_parameters = edges + width * depth * (depth - 1) // 2
        if n_parameters > MAX_MASK:
            raise ValueError(
                f"max_edge={self.max_edge} with {depth} layers of {width} items makes up to {n_parameters} parameters, "
                f"more than the {MAX_MASK} supported"
            )
        return self


DIFFICULTIES = {
    "nano": ProblemClass(
        max_op=3, max_edge=2, modulus=5, n_symbols=6, depths=(2,), widths=(2,), lexicon="nano", context=128
    ),
    "mini": ProblemClass(
        max_op=5, max_edge=4, modulus=5, n_symbols=8, depths=(2,), widths=(2,), lexicon="nano", context=256
    ),
    "easy": ProblemClass(max_op=7, max_edge=10, context=512),
    "med": ProblemClass(max_op=15, max_edge=20, context=768),
    "hard": ProblemClass(max_op=21, max_edge=28, context=1024),
}


class ProblemConfig(Config):
    """Which problems to draw, and which mistakes to put into their solutions.

    `op` asks for exactly that many operations. Settings of the problem class that are None are the difficulty's.
    The mistakes (`kind` and below) are drawn from a stream of their own: the same seed and index give the same problem
    for every kind and rate.
    """

    difficulty: str = "med"
    op: Annotated[int, Field(ge=1)] | None = None
    max_op: int | None = None
    max_edge: int | None = None
    modulus: int | None = None
    n_symbols: int | None = None
    depths: Sizes | None = None
    widths: Sizes | None = None
    lexicon: str | None = None
    format: Literal["pq", "qp"] = "pq"
    split: Literal["train", "test"] = "train"
    reask: Literal["none", "loose", "strict"] = "none"
    kind: str = "none"
    retry_rate: float = 0.0
    include_current: bool = False
    error_free_share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    @model_validator(mode="after")
    def _check(self) -> ProblemConfig:
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"unknown difficulty '{self.difficulty}'{suggest(self.difficulty, DIFFICULTIES)}")
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind '{self.kind}'{suggest(self.kind, KINDS)}")
        if not 0.0 <= self.retry_rate < 1.0:
            raise ValueError(f"retry_rate must be in [0, 1), not {self.retry_rate}: at 1 a solution would never get on")
        if (self.kind == "none") != (self.retry_rate == 0.0):
            lacking = "a kind of mistakes, e.g. retry" if self.kind == "none" else "a retry_rate above 0, e.g. 0.5"
            raise ValueError(
                f"kind and retry_rate go together: kind '{self.kind}' with rate {self.retry_rate:g} lacks {lacking}"
            )
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
        law = self.problem_class.model_dump(exclude={"lexicon", "context"})
        if self.op is not None:
            law["max_op"] = None
        law |= self.model_dump(include={"op", "format", "split", "reask"})
        return json.dumps(law, sort_keys=True, separators=(",", ":"))


def max_possible_op(problem_class: ProblemClass) -> int:
    """An upper bound of the operations of one problem: all instances with 4 inputs, all abstract parameters needed.

    Every operation's result takes a letter, so there are no more of them than letters.
    """
    best = 0
    for depth in problem_class.depths:
        for width in problem_class.widths:
            edges = min(max(problem_class.max_edge, (depth - 1) * width), (depth - 1) * width**2)
            abstract = sum(max(width - 1, 1) + (depth - 2 - layer) * (2 * width - 1) for layer in range(depth - 1))
            best = max(best, 3 * edges + width * abstract)
    return min(best, problem_class.n_symbols)
