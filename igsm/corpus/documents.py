"""Documents as tokens: the one compiled loop that reads a layout's rows (`igsm.corpus.rows`)."""

from __future__ import annotations

import numpy as np

from igsm.compilation import compiled
from igsm.corpus.own import ANSWER, WRONG_STEP, Own
from igsm.corpus.own import FIRST_ERROR as OWN_FIRST_ERROR
from igsm.corpus.rows import ALL, PART, ROLE, STEPS, WORDS, WORDS_END, Rows, rows_of
from igsm.corpus.vocabulary import Ids, Vocabulary, encode
from igsm.corpus.written import (
    CONSEQUENCES,
    FIRST_ERROR,
    MISTAKES,
    OWN,
    Written,
    note_parts,
    note_wrong_solution,
    write_other_order,
    write_wrong_solution,
)
from igsm.mistakes.draw import draw_mistake
from igsm.mistakes.layout import ERROR_MARKS, Layout, Part, Role
from igsm.mistakes.rows import SPAN_END, SPAN_NAME_END, SPAN_NAME_START, SPAN_START
from igsm.mistakes.writing import write_document
from igsm.problems.law import Law
from igsm.problems.lexicon import Lexicon, Tables
from igsm.problems.record import N_SOLUTION, Record
from igsm.problems.record import row as record_at
from igsm.problems.wording import BACK, FIRST_NUMBER, MAX_NUMBERS, STOP
from igsm.seeds import below, uniform

_SOLUTION, _ATTEMPT, _BACK, _FIRST_ERROR = map(int, (Part.SOLUTION, Part.ATTEMPT, Part.BACK, Part.FIRST_ERROR))
_ERRORS = np.array(ERROR_MARKS, np.uint16)
_MISTAKE_STEP = int(Role.MISTAKE_STEP)
_MISTAKE_WORD = int(Role.MISTAKE_STEP | Role.MISTAKE_WORD)
_CONSEQUENCE = int(Role.CONSEQUENCE)


@compiled
def is_drawn(rows: Rows) -> bool:
    """Whether anything of a layout's documents is drawn (`choose_variant`)."""
    return len(rows.up_to) > 1 or bool(rows.other_order[0])


@compiled
def choose_variant(record: Record, law: Law, rows: Rows, tables: Tables, written: Written, state: np.ndarray) -> int:
    """Draw in which variant a written problem comes, and write what it needs of attempt and other order.

    Args:
        law: of the record's problem class.
        state: random stream, advanced.
    """
    drawn = uniform(state)
    variant = 0
    while variant < len(rows.up_to) - 1 and drawn >= rows.up_to[variant]:
        variant += 1
    if rows.has_attempt[variant] and len(rows.own.about) > 0:
        record = _take_own(rows.own, below(state, len(rows.own.about)), tables, written)
    elif rows.has_attempt[variant]:
        countable = not rows.says_numbers[variant] or record.head[N_SOLUTION] < MAX_NUMBERS
        if countable and draw_mistake(record, rows.law, state, written.mistake):
            write_wrong_solution(record, tables, written)
        else:
            variant = 0
            while rows.has_attempt[variant]:
                variant += 1
    if rows.other_order[variant]:
        write_other_order(record, law, tables, state, written)
    return variant


@compiled
def _take_own(own: Own, i: int, tables: Tables, written: Written) -> Record:
    """Put wrong solution i, with its problem, in the place of the problem just written; returns its record."""
    record = record_at(own.records, i)
    ends = write_document(record, written.mistakes[:0], tables, written.codes, written.spans)
    note_parts(written.parts, ends[0], ends[1], ends[2])
    written.counts[MISTAKES], written.counts[OWN] = 0, i + 1
    start = ends[2]
    n = own.start[i + 1] - own.start[i]
    written.codes[start : start + n] = own.codes[own.start[i] : own.start[i + 1]]
    written.span[:] = own.spans[i]
    for column in (SPAN_START, SPAN_END, SPAN_NAME_START, SPAN_NAME_END):
        written.span[column] += start
    written.counts[CONSEQUENCES] = 0  # what follows is the model's own; the first error is known, not what it led to
    written.counts[FIRST_ERROR] = own.about[i, OWN_FIRST_ERROR]
    note_wrong_solution(written, start, start + n, own.about[i, ANSWER], own.about[i, WRONG_STEP])
    return record


@compiled
def write_tokens(written: Written, rows: Rows, variant: int, ids: Ids, tokens: np.ndarray, roles: np.ndarray) -> int:
    """Fill ``tokens`` (uint16, GPT-2 ids) and ``roles`` (uint8) with a document.

    Returns:
        The document's length; where that is more than fits, nothing is written.
    """
    codes, parts, first = written.codes, written.parts, rows.first[variant]
    spans, n_mistakes = written.spans, written.counts[MISTAKES]
    length = 0
    for r in range(first, rows.first[variant + 1]):
        part = rows.rows[r, PART]
        length += rows.rows[r, WORDS_END] - rows.rows[r, WORDS]
        if part == _FIRST_ERROR:
            length += 1
        for code in _codes_of(written, part, rows.rows[r, STEPS]):
            length += ids.start[code + 1] - ids.start[code]
    if length > len(tokens):
        return length
    n = 0
    for r in range(first, rows.first[variant + 1]):
        part, role, start = rows.rows[r, PART], rows.rows[r, ROLE], n
        if part == _SOLUTION:
            n = _append_solution(codes, parts[part], spans[:n_mistakes], role, ids, tokens, roles, n)
        elif part == _ATTEMPT:
            end = _attempt_end(written, rows.rows[r, STEPS])
            n = _append_attempt(written, end, role, ids, tokens, roles, n)
        else:
            for i in range(rows.rows[r, WORDS], rows.rows[r, WORDS_END]):
                tokens[n] = rows.words[i]
                n += 1
            if part == _FIRST_ERROR:
                tokens[n] = _ERRORS[written.counts[FIRST_ERROR]]
                n += 1
            n = _append(_codes_of(written, part, rows.rows[r, STEPS]), ids, tokens, n)
            roles[start:n] = role
    return length


@compiled
def _codes_of(written: Written, part: int, steps: int) -> np.ndarray:
    """The fragments of a part. BACK says how many sentences it takes back where they are more than one."""
    codes, parts = written.codes, written.parts
    if part == _BACK:
        start = written.span[SPAN_END]
        n = 1 + (codes[start : _attempt_end(written, steps)] == STOP).sum()
        if n == 1:
            return np.array([BACK, STOP], np.int32)
        return np.array([BACK, FIRST_NUMBER + n, STOP], np.int32)
    end = _attempt_end(written, steps) if part == _ATTEMPT else parts[part, 1]
    return codes[parts[part, 0] : end]


@compiled
def _attempt_end(written: Written, steps: int) -> int:
    """Where the attempt ends: whole, or before the full stop of the n-th step after the wrong one."""
    codes, last = written.codes, written.parts[_ATTEMPT, 1]
    if steps == ALL:
        return last
    end = int(written.span[SPAN_END])
    while steps > 0 and end < last - 1:
        end += 1
        if codes[end] == STOP:
            steps -= 1
    return end


@compiled
def _append(codes: np.ndarray, ids: Ids, tokens: np.ndarray, n: int) -> int:
    """Write the ids of fragments to ``tokens[n:]``; returns where they end."""
    return n + encode(codes, ids.start, ids.ids, tokens[n:])


@compiled
def _append_solution(
    codes: np.ndarray,
    part: np.ndarray,
    spans: np.ndarray,
    role: int,
    ids: Ids,
    tokens: np.ndarray,
    roles: np.ndarray,
    n: int,
) -> int:
    """The solution, ``part`` of the fragments; its mistakes have roles of their own besides."""
    done, last = part[0], part[1]
    for span in spans:
        start = _append(codes[done : span[SPAN_START]], ids, tokens, n)
        word = _append(codes[span[SPAN_START] : span[SPAN_NAME_START]], ids, tokens, start)
        word_end = _append(codes[span[SPAN_NAME_START] : span[SPAN_NAME_END]], ids, tokens, word)
        end = _append(codes[span[SPAN_NAME_END] : span[SPAN_END]], ids, tokens, word_end)
        roles[n:start] = role
        roles[start:end] = role | _MISTAKE_STEP
        roles[word:word_end] = role | _MISTAKE_WORD
        n, done = end, span[SPAN_END]
    end = _append(codes[done:last], ids, tokens, n)
    roles[n:end] = role
    return end


@compiled
def _append_attempt(
    written: Written, end: int, role: int, ids: Ids, tokens: np.ndarray, roles: np.ndarray, n: int
) -> int:
    """The attempt up to fragment ``end``; its wrong step and what follows from it have roles of their own besides."""
    span, c = written.span, 0
    for i in range(written.parts[_ATTEMPT, 0], end):
        after = _append(written.codes[i : i + 1], ids, tokens, n)
        roles[n:after] = role
        if span[SPAN_NAME_START] <= i < span[SPAN_NAME_END]:
            roles[n:after] = role | _MISTAKE_WORD
        elif span[SPAN_START] <= i < span[SPAN_END]:
            roles[n:after] = role | _MISTAKE_STEP
        if c < written.counts[CONSEQUENCES] and written.consequences[c] == i:
            for place in range(n, after):
                roles[place] |= _CONSEQUENCE
            c += 1
        n = after
    return n


def draw_attempt(
    record: Record, lexicon: Lexicon, rows: Rows, written: Written, state: np.ndarray, law: Law | None = None
) -> bool:
    """Draw and write an attempt at a written problem; False where no mistake of the layout's kinds is possible, and
    where the wrong step's number has no word.

    Args:
        law: of the record's problem class; with it, the solution is written in another order, too.
    """
    countable = not rows.says_numbers.any() or record.head[N_SOLUTION] < MAX_NUMBERS
    attempted = countable and len(rows.law.kinds) > 0 and bool(draw_mistake(record, rows.law, state, written.mistake))
    if attempted:
        write_wrong_solution(record, lexicon.tables, written)
    if law is not None:
        write_other_order(record, law, lexicon.tables, state, written)
    return attempted


def lay_out(
    written: Written, layout: Layout, vocabulary: Vocabulary, variant: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A document as training sees it: its GPT-2 ids (uint16) and their roles (uint8)."""
    rows, nothing = rows_of(layout, vocabulary), np.zeros(0, np.uint16)
    length = write_tokens(written, rows, variant, vocabulary.fragments, nothing, nothing.astype(np.uint8))
    tokens, roles = np.empty(length, np.uint16), np.empty(length, np.uint8)
    write_tokens(written, rows, variant, vocabulary.fragments, tokens, roles)
    return tokens, roles
