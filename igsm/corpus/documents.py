"""Documents as tokens: the one compiled loop that reads a layout's rows (`igsm.mistakes.layout`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.compilation import compiled
from igsm.corpus.vocabulary import Ids, Vocabulary, encode
from igsm.mistakes.document import Document
from igsm.mistakes.layout import Layout, Mark, Part, Role
from igsm.mistakes.rows import SPAN_COLUMNS, SPAN_END, SPAN_NAME_END, SPAN_NAME_START, SPAN_START
from igsm.seeds import uniform

_STATEMENT, _SOLUTION, _ANSWER = int(Part.STATEMENT), int(Part.SOLUTION), int(Part.ANSWER)
_MISTAKE_STEP = int(Role.MISTAKE_STEP)
_MISTAKE_WORD = int(Role.MISTAKE_STEP | Role.MISTAKE_WORD)
# columns of `Rows.rows`
_PART, _ROLE, _WORDS, _WORDS_END = range(4)


class Rows(NamedTuple):
    """A layout for compiled code.

    Attributes:
        rows: int32 [n, 4], the part and the role of each row, and where its words are in `words`.
        words: uint16 [...], GPT-2 ids.
        first: int64 [variants + 1], the first row of each variant.
        up_to: float64 [variants], the sum of the shares up to and with each.
    """

    rows: np.ndarray
    words: np.ndarray
    first: np.ndarray
    up_to: np.ndarray


def rows_of(layout: Layout, vocabulary: Vocabulary) -> Rows:
    """A layout with its words as GPT-2 ids. InputError for a word that texts of the lexicon do not hold."""
    rows: list[tuple[int, int, int, int]] = []
    words: list[int] = []
    first = [0]
    for _, variant in layout.variants:
        for row in variant:
            start = len(words)
            words += [row.words] if isinstance(row.words, Mark) else vocabulary.encode_text(row.words).tolist()
            rows.append((row.part, row.role, start, len(words)))
        first.append(len(rows))
    return Rows(
        np.array(rows, np.int32),
        np.array(words, np.uint16),
        np.array(first, np.int64),
        np.cumsum([share for share, _ in layout.variants]),
    )


class Written(NamedTuple):
    """A written problem and solution, from which documents are put together.

    Attributes:
        codes, spans: as `writing.write_document` fills them.
        ends: int64 [4], the ends of the statement, the solution and the answer in `codes`, and the number of mistakes.
    """

    codes: np.ndarray
    spans: np.ndarray
    ends: np.ndarray


@compiled
def draw_variant(rows: Rows, state: np.ndarray) -> int:
    """Which kind of document comes next; the random stream (uint64 [4]) is not touched where there is one only."""
    if len(rows.up_to) == 1:
        return 0
    drawn = uniform(state)
    variant = 0
    while variant < len(rows.up_to) - 1 and drawn >= rows.up_to[variant]:
        variant += 1
    return variant


@compiled
def write_tokens(written: Written, rows: Rows, variant: int, ids: Ids, tokens: np.ndarray, roles: np.ndarray) -> int:
    """Fill ``tokens`` (uint16, GPT-2 ids) and ``roles`` (uint8) with a document.

    Returns:
        The document's length; where that is more than fits, nothing is written.
    """
    codes, ends = written.codes, written.ends
    length = 0
    for r in range(rows.first[variant], rows.first[variant + 1]):
        part = rows.rows[r, _PART]
        length += rows.rows[r, _WORDS_END] - rows.rows[r, _WORDS]
        if part == _STATEMENT:
            length += _length(codes[: ends[0]], ids)
        elif part == _SOLUTION:
            length += _length(codes[ends[0] : ends[1]], ids)
        elif part == _ANSWER:
            length += _length(codes[ends[1] : ends[2]], ids)
    if length > len(tokens):
        return length
    n = 0
    for r in range(rows.first[variant], rows.first[variant + 1]):
        part, role, start = rows.rows[r, _PART], rows.rows[r, _ROLE], n
        for i in range(rows.rows[r, _WORDS], rows.rows[r, _WORDS_END]):
            tokens[n] = rows.words[i]
            n += 1
        if part == _STATEMENT:
            n = _append(codes[: ends[0]], ids, tokens, n)
        elif part == _ANSWER:
            n = _append(codes[ends[1] : ends[2]], ids, tokens, n)
        elif part == _SOLUTION:
            n = _append_solution(written, role, ids, tokens, roles, n)
            continue
        roles[start:n] = role
    return length


@compiled
def _length(codes: np.ndarray, ids: Ids) -> int:
    length = 0
    for code in codes:
        length += ids.start[code + 1] - ids.start[code]
    return length


@compiled
def _append(codes: np.ndarray, ids: Ids, tokens: np.ndarray, n: int) -> int:
    """Write the ids of fragments to ``tokens[n:]``; returns where they end."""
    return n + encode(codes, len(codes), ids.start, ids.ids, tokens[n:])


@compiled
def _append_solution(written: Written, role: int, ids: Ids, tokens: np.ndarray, roles: np.ndarray, n: int) -> int:
    """The solution; its mistakes have roles of their own besides."""
    codes, done = written.codes, written.ends[0]
    for m in range(written.ends[3]):
        span = written.spans[m]
        start = _append(codes[done : span[SPAN_START]], ids, tokens, n)
        word = _append(codes[span[SPAN_START] : span[SPAN_NAME_START]], ids, tokens, start)
        word_end = _append(codes[span[SPAN_NAME_START] : span[SPAN_NAME_END]], ids, tokens, word)
        end = _append(codes[span[SPAN_NAME_END] : span[SPAN_END]], ids, tokens, word_end)
        roles[n:start] = role
        roles[start:end] = role | _MISTAKE_STEP
        roles[word:word_end] = role | _MISTAKE_WORD
        n, done = end, span[SPAN_END]
    end = _append(codes[done : written.ends[1]], ids, tokens, n)
    roles[n:end] = role
    return end


def lay_out(
    document: Document, layout: Layout, vocabulary: Vocabulary, variant: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A document as training sees it: its GPT-2 ids (uint16) and their roles (uint8)."""
    spans = np.zeros((len(document.spans), SPAN_COLUMNS), np.int32)
    for row, span in zip(spans, document.spans, strict=True):
        row[SPAN_START], row[SPAN_END] = span.start, span.end
        row[SPAN_NAME_START], row[SPAN_NAME_END] = span.name_start, span.name_end
    ends = (document.problem_end, document.solution_end, len(document.codes), len(spans))
    written = Written(document.codes, spans, np.array(ends, np.int64))
    rows, nothing = rows_of(layout, vocabulary), np.zeros(0, np.uint16)
    length = write_tokens(written, rows, variant, vocabulary.fragments, nothing, nothing.astype(np.uint8))
    tokens, roles = np.empty(length, np.uint16), np.empty(length, np.uint8)
    write_tokens(written, rows, variant, vocabulary.fragments, tokens, roles)
    return tokens, roles
