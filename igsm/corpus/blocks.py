"""Blocks of windows: one compiled loop from the random stream to tokens.

Block b is a pure function of (data config, b): sample a problem, draw its mistakes, write it in fragments, look up the
fragments' ids, pack. Problems and mistakes have streams of their own, so the problems are the same for every kind
and rate of mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from igsm.compilation import announce_compilation, compiled
from igsm.corpus.config import DataConfig
from igsm.corpus.packing import (
    DROPPED,
    FILL,
    MISTAKE_NAME,
    MISTAKE_STEP,
    SOLUTION,
    WINDOW,
    Block,
    Windows,
    new_windows,
    place,
)
from igsm.corpus.vocabulary import (
    ANSWER_START,
    END,
    PROBLEM_START,
    SOLUTION_START,
    Ids,
    encode,
    load_vocabulary,
)
from igsm.errors import InputError
from igsm.mistakes.document import Document
from igsm.mistakes.draw import MistakeLaw, draw_for_document
from igsm.mistakes.rows import (
    MAX_MISTAKES,
    MISTAKE_COLUMNS,
    SPAN_COLUMNS,
    SPAN_END,
    SPAN_NAME_END,
    SPAN_NAME_START,
    SPAN_START,
)
from igsm.mistakes.writing import write_document
from igsm.problems.boxes import write_boxes
from igsm.problems.candidate import Law, Workspace, law_of, new_workspace
from igsm.problems.lexicon import Tables, load_lexicon
from igsm.problems.record import row
from igsm.problems.sampler import SERVED, Chunk, new_chunk, next_chunk, serve, start_chunk
from igsm.problems.wording import MAX_FRAGMENTS
from igsm.seeds import derive_key

CHUNK = 64  # problems requested together; more waste less within a chunk, but more at the end of a block
MOST_DROPPED = 100_000  # documents too long for a window, with not one that fits, before giving up

FULL, IMPOSSIBLE, NOTHING_FITS = range(3)


class Settings(NamedTuple):
    """What is written and how mistakes are drawn, for compiled code."""

    boxes: bool
    mistakes: MistakeLaw


class Stream(NamedTuple):
    """A stream of written documents: its random state, its scratch space and the document just written.

    `codes`, `mistakes` and `spans` are as in `writing.write_document`. `ends` is int64 [4]: the ends of the problem,
    the solution and the answer, and the number of mistakes. `position` is int64 [1], the next problem of the chunk.
    """

    chunk: Chunk
    work: Workspace
    mistake_state: np.ndarray
    position: np.ndarray
    codes: np.ndarray
    mistakes: np.ndarray
    spans: np.ndarray
    ends: np.ndarray


@compiled
def _next_document(law: Law, settings: Settings, tables: Tables, stream: Stream) -> bool:
    """Write the next problem and its solution into the stream's buffers; False when the law cannot be met."""
    if settings.boxes:
        ends = write_boxes(stream.chunk.state, 0, stream.codes)
        stream.ends[0], stream.ends[1], stream.ends[2], stream.ends[3] = ends[0], ends[1], ends[2], 0
        return True
    if stream.position[0] == len(stream.chunk.target):
        next_chunk(law, stream.chunk)
        stream.position[0] = 0
    i = stream.position[0]
    if serve(i, law, tables, stream.work, stream.chunk) != SERVED:
        return False
    record = row(stream.chunk.records, i)
    stream.position[0] = i + 1
    n_mistakes = draw_for_document(record, settings.mistakes, stream.mistake_state, stream.mistakes)
    ends = write_document(record, stream.mistakes[:n_mistakes], tables, stream.codes, stream.spans)
    stream.ends[0], stream.ends[1], stream.ends[2], stream.ends[3] = ends[0], ends[1], ends[2], n_mistakes
    return True


@compiled
def _append(stream: Stream, first: int, end: int, ids: Ids, tokens: np.ndarray, n: int) -> int:
    """Write the ids of the stream's fragments [first, end) to ``tokens[n:]``; returns where they end."""
    return n + encode(stream.codes[first:end], end - first, ids.start, ids.ids, tokens[n:])


@compiled
def encode_document(stream: Stream, ids: Ids, tokens: np.ndarray, planes: np.ndarray) -> int:
    """Fill tokens (uint16) and planes (uint8) with the stream's document.

    Returns:
        The document's length; where that is more than fits, nothing is written.
    """
    problem_end, solution_end, end = stream.ends[0], stream.ends[1], stream.ends[2]
    length = 4
    for code in stream.codes[:end]:
        length += ids.start[code + 1] - ids.start[code]
    if length > len(tokens):
        return length
    tokens[0] = PROBLEM_START
    n = _append(stream, 0, problem_end, ids, tokens, 1)
    tokens[n] = SOLUTION_START
    n += 1
    planes[:n] = 0
    planes[n:length] = SOLUTION
    done = problem_end
    for span in stream.spans[: stream.ends[3]]:
        start = _append(stream, done, span[SPAN_START], ids, tokens, n)
        name = _append(stream, span[SPAN_START], span[SPAN_NAME_START], ids, tokens, start)
        name_end = _append(stream, span[SPAN_NAME_START], span[SPAN_NAME_END], ids, tokens, name)
        n = _append(stream, span[SPAN_NAME_END], span[SPAN_END], ids, tokens, name_end)
        planes[start:n] = SOLUTION | MISTAKE_STEP
        planes[name:name_end] = SOLUTION | MISTAKE_STEP | MISTAKE_NAME
        done = span[SPAN_END]
    n = _append(stream, done, solution_end, ids, tokens, n)
    tokens[n] = ANSWER_START
    n = _append(stream, solution_end, end, ids, tokens, n + 1)
    tokens[n] = END
    return length


@compiled
def _fill(
    law: Law,
    settings: Settings,
    tables: Tables,
    ids: Ids,
    stream: Stream,
    tokens: np.ndarray,
    planes: np.ndarray,
    windows: Windows,
) -> int:
    """Write documents until the windows are full."""
    while True:
        if not _next_document(law, settings, tables, stream):
            return IMPOSSIBLE
        length = encode_document(stream, ids, tokens, planes)
        if place(windows, tokens, planes, length):
            return FULL
        if windows.head[DROPPED] > MOST_DROPPED and windows.head[WINDOW] == 0 and windows.head[FILL] == 0:
            return NOTHING_FITS


class Generator:
    """Makes the blocks of one data config; its buffers are used again from block to block."""

    def __init__(self, config: DataConfig) -> None:
        problem, problem_class = config.problem, config.problem.problem_class
        self._config = config
        self._lexicon = load_lexicon(problem_class.lexicon)
        self._lexicon.check_size(problem_class.depths[-1], problem_class.widths[-1])
        self._law = law_of(problem)
        self._settings = Settings(config.corpus == "boxes", config.mistakes.law)
        self._ids = load_vocabulary(problem).fragments
        self._stream = Stream(
            chunk=new_chunk(self._law, CHUNK),
            work=new_workspace(),
            mistake_state=np.zeros(4, np.uint64),
            position=np.zeros(1, np.int64),
            codes=np.zeros(MAX_FRAGMENTS, np.int32),
            mistakes=np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32),
            spans=np.zeros((MAX_MISTAKES, SPAN_COLUMNS), np.int32),
            ends=np.zeros(4, np.int64),
        )
        self._tokens = np.zeros(config.context, np.uint16)
        self._planes = np.zeros(config.context, np.uint8)
        announce_compilation()

    def _start(self, number: int) -> None:
        config, stream = self._config, self._stream
        start_chunk(derive_key(*config.stream_of("block", number)), self._law, stream.chunk)
        stream.position[0] = 0
        stream.mistake_state[:] = derive_key(*config.stream_of("block mistakes", number))

    def block(self, number: int) -> Block:
        """Block ``number``. Raises InputError for problems that do not exist or fit no window."""
        self._start(number)
        windows = new_windows(self._config.windows_per_block, self._config.context)
        fixed = (self._law, self._settings, self._lexicon.tables, self._ids, self._stream)
        outcome = _fill(*fixed, self._tokens, self._planes, windows)
        if outcome != FULL:
            raise self._error(outcome)
        starts = np.flatnonzero(windows.tokens == PROBLEM_START).astype(np.uint64)
        return Block(windows.tokens, windows.planes, starts, int(windows.head[DROPPED]))

    def documents(self, number: int, n_windows: int) -> Iterator[Document]:
        """The documents that begin in the first windows of a block, whole, in order."""
        self._start(number)
        windows = new_windows(n_windows, self._config.context)
        full = False
        while not full:
            if not _next_document(self._law, self._settings, self._lexicon.tables, self._stream):
                raise self._error(IMPOSSIBLE)
            length = encode_document(self._stream, self._ids, self._tokens, self._planes)
            full = place(windows, self._tokens, self._planes, length)
            if length <= self._config.context:
                yield self._document()

    def _document(self) -> Document:
        stream = self._stream
        if self._settings.boxes:
            return Document.of_boxes(self._lexicon, stream.codes, stream.ends)
        record = row(stream.chunk.records, stream.position[0] - 1)
        spans = stream.spans[: stream.ends[3]]
        return Document.of_fragments(record, self._lexicon, stream.codes, stream.ends, spans)

    def _error(self, outcome: int) -> InputError:
        if outcome == NOTHING_FITS:
            return InputError(
                f"{MOST_DROPPED:,} problems in a row are longer than a window of {self._config.context} tokens; "
                "raise context"
            )
        problem, stream = self._config.problem, self._stream
        op = stream.chunk.target[stream.position[0]]
        return InputError(
            f"difficulty '{problem.difficulty}', split '{problem.split}': no problem with op={op} was found among a "
            "million candidates; ask for another op or split"
        )


@lru_cache(maxsize=4)
def _generator(config: DataConfig) -> Generator:
    return Generator(config)


def block(config: DataConfig, number: int) -> Block:
    """Block ``number`` of the data: `windows_per_block` windows, a pure function of (config, number)."""
    return _generator(config).block(number)


def prepare(config: DataConfig) -> None:
    """Make one block before workers start: settings that cannot be met are an error here, and code is compiled once."""
    block(config, 0)


def documents(config: DataConfig, number: int, n_windows: int) -> Iterator[Document]:
    """The documents that begin in the first ``n_windows`` windows of a block, those too long for a window left out."""
    return Generator(config).documents(number, n_windows)
