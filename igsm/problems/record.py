"""One problem as integers: the only data structure of the hot path.

A `Record` is a named tuple of numpy arrays, reused as a buffer. A batch of n records is the same tuple with one more
leading axis of length n; `row` gives one of them as views.

Numbering of parameters: the existing instance parameters (edges of the structure graph) come first, sorted by
(layer, parent, child); then all abstract parameters, sorted by (layer, item, category). "Layer" counts from 0 at the
top of the problem's window of categories.
"""

from typing import NamedTuple

import numpy as np

from igsm.seeds import compiled

MAX_PARAMETERS = 64
MAX_INPUTS = 8
MAX_LAYERS = 4
MAX_WIDTH = 4
LETTERS = 52

NUMBER = -1
"""The random number, where it stands among a parameter's inputs."""

# Positions in `Record.head`.
DEPTH = 0  # layers of the structure graph
CHAIN = 1  # chain of categories in the lexicon
FIRST_CATEGORY = 2  # position of layer 0's category in the chain
N_INSTANCES = 3  # existing instance parameters = edges = sentences
N_PARAMETERS = 4  # instances and all abstract parameters
QUESTION = 5  # number of the parameter asked for
N_SOLUTION = 6  # parameters in the solution
OP = 7  # operations of the solution
DRAWN_OP = 8  # the drawn number of operations s, an upper bound of OP
TARGET_OP = 9  # the requested number of operations
MODULUS = 10
QUESTION_FIRST = 11  # 0: "pq", 1: "qp"
BIN = 12  # template hash bin, -1 when not computed
N_EDGES = 13  # the drawn number of edges e
W0 = 14  # smaller drawn width
W1 = 15  # larger drawn width
N_SYMBOLS = 16  # letters the solution needs
N_ATTEMPTS = 17  # structure graphs drawn for the candidate until a backward walk got through
HEAD = 24

# Columns of `Record.parameter`.
ABSTRACT = 0
LAYER = 1
ITEM = 2
TARGET = 3


class Record(NamedTuple):
    """One problem (shapes as given) or n of them (with a leading axis n)."""

    head: np.ndarray
    """int32[24]: see the module's constants."""
    widths: np.ndarray
    """int8[4]: items per layer."""
    names: np.ndarray
    """int16[4, 4]: lexicon name number of item j of layer i."""
    parameter: np.ndarray
    """int8[64, 4]: abstract (0 or 1), layer, item, target. The target of an instance is a child's index in the next
    layer, of an abstract parameter the layer (> its own) of the counted category."""
    n_inputs: np.ndarray
    """int8[64]: number of inputs; the random number counts as one."""
    inputs: np.ndarray
    """int8[64, 8]: parameter numbers in the order they were added, NUMBER for the random number. Abstract parameters:
    the instances by child, or, counting deeper, instance and abstract parameter of each child in turn."""
    number: np.ndarray
    """int16[64]: the random number of an instance that uses one, else -1."""
    multiply: np.ndarray
    """int8[64]: 1 for "N times as much as", 0 for "N more than"."""
    subtract: np.ndarray
    """int8[64]: 1 for "the difference of X and Y"."""
    mentioned: np.ndarray
    """int8[64]: 1 for the parameters of the problem's dependency graph: every instance, the abstract parameters of
    the solution, and those used by an instance, with what these need."""
    solution: np.ndarray
    """int8[64]: parameter numbers in solution order; the last one is the question."""
    sentences: np.ndarray
    """int8[64]: instance numbers in the order of the problem's sentences."""
    value: np.ndarray
    """int16[64]: value of every parameter."""
    symbols: np.ndarray
    """int8[52]: letters (0..25 a-z, 26..51 A-Z), taken in order of appearance in the solution text."""


def new_records(n: int) -> Record:
    """A buffer of n empty records."""

    def array(dtype: type, *shape: int) -> np.ndarray:
        return np.zeros((n, *shape), dtype)

    return Record(
        head=array(np.int32, HEAD),
        widths=array(np.int8, MAX_LAYERS),
        names=array(np.int16, MAX_LAYERS, MAX_WIDTH),
        parameter=array(np.int8, MAX_PARAMETERS, 4),
        n_inputs=array(np.int8, MAX_PARAMETERS),
        inputs=array(np.int8, MAX_PARAMETERS, MAX_INPUTS),
        number=array(np.int16, MAX_PARAMETERS),
        multiply=array(np.int8, MAX_PARAMETERS),
        subtract=array(np.int8, MAX_PARAMETERS),
        mentioned=array(np.int8, MAX_PARAMETERS),
        solution=array(np.int8, MAX_PARAMETERS),
        sentences=array(np.int8, MAX_PARAMETERS),
        value=array(np.int16, MAX_PARAMETERS),
        symbols=array(np.int8, LETTERS),
    )


@compiled
def row(records: Record, i: int) -> Record:
    """Record i of a buffer, as views (usable in compiled code)."""
    return Record(
        records.head[i],
        records.widths[i],
        records.names[i],
        records.parameter[i],
        records.n_inputs[i],
        records.inputs[i],
        records.number[i],
        records.multiply[i],
        records.subtract[i],
        records.mentioned[i],
        records.solution[i],
        records.sentences[i],
        records.value[i],
        records.symbols[i],
    )


@compiled
def clear(record: Record) -> None:
    """Empty one record, so that nothing of the problem before is left in it."""
    record.head[:] = 0
    record.widths[:] = 0
    record.names[:] = 0
    record.parameter[:] = 0
    record.n_inputs[:] = 0
    record.inputs[:] = 0
    record.number[:] = -1
    record.multiply[:] = 0
    record.subtract[:] = 0
    record.mentioned[:] = 0
    record.solution[:] = 0
    record.sentences[:] = 0
    record.value[:] = 0
    record.symbols[:] = 0


def copy(record: Record) -> Record:
    """A record (or buffer of records) with arrays of its own."""
    return Record(*(array.copy() for array in record))
