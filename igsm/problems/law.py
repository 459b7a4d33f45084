"""The law of a problem class in the form that compiled code reads."""

from typing import NamedTuple

import numpy as np

from igsm.problems.difficulty import SPLITS, ProblemConfig
from igsm.problems.letters import first_letters
from igsm.problems.slices import Slice, parse_slice


class Law(NamedTuple):
    """A problem class as the compiled code reads it; see `ProblemClass`."""

    min_op: int
    max_op: int
    """Greatest number of operations, or the exact one."""
    exact: bool
    max_edge: int
    modulus: int
    n_symbols: int
    depths: np.ndarray
    """int64[n]: numbers of layers."""
    widths: np.ndarray
    """int64[n]."""
    depth_shares: np.ndarray
    """float64[max_op + 1, n]: cumulative weights of the depths for every drawn number of operations."""
    width_shares: np.ndarray
    most_inputs: int
    """Inputs of an instance, the random number included."""
    most_parameters: int
    """Parameters among them."""
    uniform_op: bool
    items_by_name: bool
    first_letter: np.ndarray
    """int8[names, names], or [0, 0] where letters are drawn; see `igsm.problems.letters`."""
    question_first: int
    by_dependencies: bool
    first_bin: int
    last_bin: int
    reask: int
    """0: none, 1: loose, 2: strict."""
    where: np.ndarray
    """int64[bounds, 3]: the slice that problems are drawn from, `Slice.table`; empty: all of the class."""


def law_of(config: ProblemConfig) -> Law:
    """The law that a config asks for."""
    problem_class = config.problem_class
    max_op = config.op or problem_class.max_op
    bins = SPLITS[config.split]
    return Law(
        min_op=problem_class.min_op,
        max_op=max_op,
        exact=config.op is not None,
        max_edge=problem_class.max_edge,
        modulus=problem_class.modulus,
        n_symbols=problem_class.n_symbols,
        depths=np.array(problem_class.depths, np.int64),
        widths=np.array(problem_class.widths, np.int64),
        depth_shares=_shares(max_op, problem_class.max_edge, len(problem_class.depths)),
        width_shares=_shares(max_op, problem_class.max_edge, len(problem_class.widths)),
        most_inputs=min(problem_class.most_inputs, problem_class.most_parameters + 1),
        most_parameters=problem_class.most_parameters,
        uniform_op=problem_class.op_law == "uniform",
        items_by_name=problem_class.summands == "by_name",
        first_letter=first_letters(problem_class),
        question_first=int(config.format == "qp"),
        by_dependencies=problem_class.split_by == "dependencies",
        first_bin=bins[0],
        last_bin=bins[-1],
        reask=("none", "loose", "strict").index(config.reask),
        where=parse_slice(config.where).table() if config.where else Slice().table(),
    )


def _shares(max_op: int, max_edge: int, n: int) -> np.ndarray:
    """Cumulative softmax of -(r - c)^2 with r = (s - 1) / (max_edge - 1), for s = 0..max_op; c = 0.2 .. 0.8."""
    ratio = (np.arange(max_op + 1) - 1) / (max_edge - 1)
    centres = np.linspace(0.2, 0.8, n) if n > 1 else np.array([0.5])
    weights = np.exp(-((ratio[:, None] - centres) ** 2))
    return np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
