"""Blocks of windows: one compiled loop from the random stream to tokens.

Block b is a pure function of (data config, b): sample a problem, draw its mistakes, write it in fragments, put the
document together as the layout says, pack. Problems, mistakes and layouts have streams of their own, so the problems
are the same for every kind and rate of mistake and for every method.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from igsm.compilation import announce_compilation, compiled
from igsm.corpus.config import DataConfig
from igsm.corpus.documents import choose_variant, is_drawn, write_tokens
from igsm.corpus.own import NOTHING, load_own
from igsm.corpus.packing import DROPPED, FILL, WINDOW, Block, Windows, new_windows, place
from igsm.corpus.rows import Rows, rows_of
from igsm.corpus.vocabulary import PROBLEM_START, Ids, load_vocabulary
from igsm.corpus.written import MISTAKES, OWN, Written, ends_of, new_written, note_parts
from igsm.errors import InputError
from igsm.mistakes.document import Document
from igsm.mistakes.draw import MistakeLaw, draw_for_document
from igsm.mistakes.other_modulus import put_modulus
from igsm.mistakes.writing import write_document
from igsm.problems.boxes import write_boxes
from igsm.problems.candidate import Workspace, new_workspace
from igsm.problems.law import Law, law_of
from igsm.problems.lexicon import Tables, load_lexicon
from igsm.problems.record import row
from igsm.problems.sampler import SERVED, Chunk, new_chunk, next_chunk, serve, start_chunk
from igsm.problems.source import no_such_problem
from igsm.seeds import below, derive_key

CHUNK = 64  # problems requested together; more waste less within a chunk, but more at the end of a block
MOST_DROPPED = 100_000  # documents too long for a window, with not one that fits, before giving up

FULL, IMPOSSIBLE, NOTHING_FITS = range(3)


class Settings(NamedTuple):
    """What is written and how mistakes are drawn, for compiled code."""

    boxes: bool
    mistakes: MistakeLaw


class Stream(NamedTuple):
    """A stream of written documents: its random states, its scratch space and the document just written.

    `position` is int64 [1], the next problem of the chunk; `modulus` int64 [1], that of the window, where a layout has
    several.
    """

    chunk: Chunk
    work: Workspace
    mistake_state: np.ndarray
    layout_state: np.ndarray
    position: np.ndarray
    modulus: np.ndarray
    written: Written


@compiled
def _next_document(law: Law, settings: Settings, tables: Tables, rows: Rows, stream: Stream, opens: bool) -> bool:
    """Write the next problem and its solution into the stream's buffers; False when the law cannot be met.

    Args:
        opens: whether it opens a window.
    """
    written = stream.written
    written.counts[OWN] = 0
    if settings.boxes:
        ends = write_boxes(stream.chunk.state, 0, written.codes)
        note_parts(written.parts, ends[0], ends[1], ends[2])
        written.counts[MISTAKES] = 0
        return True
    if stream.position[0] == len(stream.chunk.target):
        next_chunk(law, stream.chunk)
        stream.position[0] = 0
    i = stream.position[0]
    if serve(i, law, tables, stream.work, stream.chunk) != SERVED:
        return False
    record = row(stream.chunk.records, i)
    stream.position[0] = i + 1
    if len(rows.moduli) > 0:
        if opens:
            stream.modulus[0] = rows.moduli[below(stream.layout_state, len(rows.moduli))]
        put_modulus(record, stream.modulus[0])
    n_mistakes = draw_for_document(record, settings.mistakes, stream.mistake_state, written.mistakes)
    ends = write_document(record, written.mistakes[:n_mistakes], tables, written.codes, written.spans)
    note_parts(written.parts, ends[0], ends[1], ends[2])
    written.counts[MISTAKES] = n_mistakes
    return True


@compiled
def _choose_variant(law: Law, tables: Tables, rows: Rows, stream: Stream) -> int:
    """In which variant the document just written comes, with what is drawn for it written, too."""
    record = row(stream.chunk.records, max(stream.position[0] - 1, 0))
    return choose_variant(record, law, rows, tables, stream.written, stream.layout_state)


@compiled
def _nothing_fits(windows: Windows) -> bool:
    return windows.head[DROPPED] > MOST_DROPPED and windows.head[WINDOW] == 0 and windows.head[FILL] == 0


@compiled
def _fill(
    law: Law,
    settings: Settings,
    tables: Tables,
    rows: Rows,
    ids: Ids,
    stream: Stream,
    tokens: np.ndarray,
    roles: np.ndarray,
    windows: Windows,
) -> int:
    """Write documents until the windows are full."""
    while True:
        if not _next_document(law, settings, tables, rows, stream, windows.head[FILL] == 0):
            return IMPOSSIBLE
        variant = _choose_variant(law, tables, rows, stream) if is_drawn(rows) else 0
        length = write_tokens(stream.written, rows, variant, ids, tokens, roles)
        if place(windows, tokens, roles, length):
            return FULL
        if _nothing_fits(windows):
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
        vocabulary = load_vocabulary(problem)
        layout = config.method.layout()
        self._own = load_own(layout.own, problem) if layout.own else NOTHING
        self._ids, self._rows = vocabulary.fragments, rows_of(layout, vocabulary, self._own)
        self._stream = Stream(
            chunk=new_chunk(self._law, CHUNK),
            work=new_workspace(),
            mistake_state=np.zeros(4, np.uint64),
            layout_state=np.zeros(4, np.uint64),
            position=np.zeros(1, np.int64),
            modulus=np.zeros(1, np.int64),
            written=new_written(),
        )
        self._tokens = np.zeros(config.context, np.uint16)
        self._roles = np.zeros(config.context, np.uint8)
        announce_compilation()

    def _start(self, number: int) -> None:
        config, stream = self._config, self._stream
        start_chunk(derive_key(*config.stream_of("block", number)), self._law, stream.chunk)
        stream.position[0] = 0
        stream.mistake_state[:] = derive_key(*config.stream_of("block mistakes", number))
        stream.layout_state[:] = derive_key(*config.stream_of("block layout", number))

    def block(self, number: int) -> Block:
        """Block ``number``. Raises InputError for problems that do not exist or fit no window."""
        self._start(number)
        windows = new_windows(self._config.windows_per_block, self._config.context)
        fixed = (self._law, self._settings, self._lexicon.tables, self._rows, self._ids, self._stream)
        outcome = _fill(*fixed, self._tokens, self._roles, windows)
        if outcome != FULL:
            raise self._error(outcome)
        starts = np.flatnonzero(windows.tokens == PROBLEM_START).astype(np.uint64)
        return Block(windows.tokens, windows.roles, starts, int(windows.head[DROPPED]))

    def documents(self, number: int, n_windows: int) -> Iterator[Document]:
        """The documents that begin in the first windows of a block, whole, in order."""
        self._start(number)
        windows = new_windows(n_windows, self._config.context)
        full = False
        while not full:
            tables, rows, stream, opens = self._lexicon.tables, self._rows, self._stream, windows.head[FILL] == 0
            if not _next_document(self._law, self._settings, tables, rows, stream, opens):
                raise self._error(IMPOSSIBLE)
            variant = _choose_variant(self._law, tables, rows, stream) if is_drawn(rows) else 0
            length = write_tokens(self._stream.written, self._rows, variant, self._ids, self._tokens, self._roles)
            full = place(windows, self._tokens, self._roles, length)
            if _nothing_fits(windows):
                raise self._error(NOTHING_FITS)
            if length <= self._config.context:
                yield self._document()

    def _document(self) -> Document:
        stream, written = self._stream, self._stream.written
        if self._settings.boxes:
            return Document.of_boxes(self._lexicon, written.codes, ends_of(written))
        own = written.counts[OWN]
        record = row(self._own.records, own - 1) if own else row(stream.chunk.records, stream.position[0] - 1)
        spans = written.spans[: written.counts[MISTAKES]]
        return Document.of_fragments(record, self._lexicon, written.codes, ends_of(written), spans)

    def _error(self, outcome: int) -> InputError:
        if outcome == NOTHING_FITS:
            return InputError(
                f"{MOST_DROPPED:,} problems in a row are longer than a window of {self._config.context} tokens; "
                "raise context"
            )
        stream = self._stream
        return no_such_problem(self._config.problem, int(stream.chunk.target[stream.position[0]]))


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
