"""Templates where the text of one parameter contains that of another, or a name holds a digit or a letter.

The authors replace by plain substring replacement; what a partly replaced name leaves counts in the hash. This
is the same, on bytes, for compiled code; `split.template_bin_of_text` is the definition it is compared with.
"""

from __future__ import annotations

import numpy as np

from igsm.problems.lexicon import APOSTROPHE, BEGINS_ALIKE, ENDS_ALIKE, Tables
from igsm.problems.record import CHAIN, DEPTH, FIRST_CATEGORY, MAX_LAYERS, MAX_WIDTH, MODULUS, Record
from igsm.problems.wording import FIRST_NAME, FIRST_NUMBER, FIRST_SYMBOL, SEMICOLON, SYMBOLS, WORDS
from igsm.seeds import compiled


def _byte_table(strings: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Start of each string (int64[n + 1]) in the bytes (uint8[...]) of all of them."""
    encoded = [string.encode() for string in strings]
    starts = np.cumsum([0] + [len(one) for one in encoded])
    return starts, np.frombuffer(b"".join(encoded), np.uint8).copy()


# The words of a template: ";" reads "." there.
WORD_START, WORD_BYTES = _byte_table([*WORDS[:SEMICOLON], ".", *WORDS[SEMICOLON + 1 :]])
LETTER_BYTES = np.frombuffer(SYMBOLS.encode(), np.uint8).copy()
KIND_START, KIND_BYTES = _byte_table(["Inst", "Inter"])
SPACE, ZERO, _STOP, _QUOTE, _S = (np.uint8(ord(sign)) for sign in " 0.'s")


@compiled
def append(text: np.ndarray, n: int, source: np.ndarray, start: int, end: int) -> int:
    for i in range(start, end):
        text[n] = source[i]
        n += 1
    return n


@compiled
def may_leave_residue(record: Record, tables: Tables) -> bool:
    """Whether the text of one parameter could contain another's.

    "A's B" lies inside "X's Y as ..." only if A and X end alike and B and Y begin alike, one of them
    properly; or if a name holds "'s" itself.
    """
    owners = np.empty(MAX_LAYERS * MAX_WIDTH, np.int64)
    owned = np.empty(MAX_LAYERS * MAX_WIDTH + MAX_LAYERS, np.int64)
    n_owners, n_owned = 0, 0
    depth = record.head[DEPTH]
    for layer in range(depth):
        for j in range(-1, record.widths[layer]):
            if j >= 0:
                name = record.names[layer, j]
            elif layer > 0:
                name = _category(record, layer, tables)
            else:
                continue
            bits = tables.tangled[name]
            if bits & APOSTROPHE:
                return True
            if bits & ENDS_ALIKE and j >= 0 and layer < depth - 1:
                for k in range(n_owners):
                    if _alike(owners[k], name, tables, True):
                        return True
                owners[n_owners] = name
                n_owners += 1
            if bits & BEGINS_ALIKE and layer > 0:
                for k in range(n_owned):
                    if _alike(owned[k], name, tables, False):
                        return True
                owned[n_owned] = name
                n_owned += 1
    return False


@compiled
def _category(record: Record, layer: int, tables: Tables) -> int:
    return tables.chain_category[record.head[CHAIN], record.head[FIRST_CATEGORY] + layer]


@compiled
def _alike(a: int, b: int, tables: Tables, at_end: bool) -> bool:
    """Whether one name begins (or ends) with the other."""
    start_a, end_a = tables.name_start[a], tables.name_start[a + 1]
    start_b, end_b = tables.name_start[b], tables.name_start[b + 1]
    for i in range(min(end_a - start_a, end_b - start_b)):
        if at_end:
            if tables.name_bytes[end_a - 1 - i] != tables.name_bytes[end_b - 1 - i]:
                return False
        elif tables.name_bytes[start_a + i] != tables.name_bytes[start_b + i]:
            return False
    return True


@compiled
def write_residue_template(record: Record, codes: np.ndarray, n_codes: int, tables: Tables) -> tuple[np.ndarray, int]:
    """The template of the solution ``codes[:n_codes]`` by search and replacement.

    Returns:
        Bytes uint8[...] with room for 72 more, and their number.
    """
    text = np.empty(_length(codes, n_codes, tables) + 72, np.uint8)
    n = _write_text(codes, n_codes, tables, text)
    n = _replace_names(record, tables, text, n)
    n = _replace_numbers(record.head[MODULUS], text, n)
    _rename_letters(text, n)
    return text, n


@compiled
def _length(codes: np.ndarray, n_codes: int, tables: Tables) -> int:
    """Bytes of the text, or a few more."""
    n = 8 * n_codes
    for i in range(n_codes):
        if codes[i] >= FIRST_NAME:
            n += tables.name_start[codes[i] - FIRST_NAME + 1] - tables.name_start[codes[i] - FIRST_NAME]
    return n


@compiled
def _write_text(codes: np.ndarray, n_codes: int, tables: Tables, text: np.ndarray) -> int:
    """The solution's text, with "." for ";" and "0" for every number."""
    n = 0
    for i in range(n_codes):
        code = codes[i]
        if code < FIRST_SYMBOL:
            n = append(text, n, WORD_BYTES, WORD_START[code], WORD_START[code + 1])
            continue
        text[n] = SPACE
        n += 1
        if code < FIRST_NUMBER:
            text[n] = LETTER_BYTES[code - FIRST_SYMBOL]
            n += 1
        elif code < FIRST_NAME:
            text[n] = ZERO
            n += 1
        else:
            name = code - FIRST_NAME
            n = append(text, n, tables.name_bytes, tables.name_start[name], tables.name_start[name + 1])
    return n


@compiled
def _replace_names(record: Record, tables: Tables, text: np.ndarray, n: int) -> int:
    depth = record.head[DEPTH]
    for layer in range(depth - 1):
        for item in range(record.widths[layer]):
            for child in range(record.widths[layer + 1]):
                n = _replace_name(record.names[layer, item], record.names[layer + 1, child], 0, tables, text, n)
    for layer in range(depth - 1):
        for item in range(record.widths[layer]):
            for k in range(layer + 1, depth):
                n = _replace_name(record.names[layer, item], _category(record, k, tables), 1, tables, text, n)
    return n


@compiled
def _replace_name(owner: int, owned: int, kind: int, tables: Tables, text: np.ndarray, n: int) -> int:
    """Replace "A's B" by "Inst" (kind 0) or "Inter" (1) from left to right; returns the new length."""
    owner_start, owner_end = tables.name_start[owner], tables.name_start[owner + 1]
    owned_start, owned_end = tables.name_start[owned], tables.name_start[owned + 1]
    before, after = owner_end - owner_start, owned_end - owned_start
    read, written = 0, 0  # text[:written] is done, text[read:] is still to come
    for place in range(before, n - 2 - after):
        # "'s " must stand between the names
        if text[place] != _QUOTE or text[place + 1] != _S or text[place + 2] != SPACE:
            continue
        if place - before < read:
            continue
        if not _same(text, place - before, tables.name_bytes, owner_start, before):
            continue
        if not _same(text, place + 3, tables.name_bytes, owned_start, after):
            continue
        written = append(text, written, text, read, place - before)
        written = append(text, written, KIND_BYTES, KIND_START[kind], KIND_START[kind + 1])
        read = place + 3 + after
    if read == 0:
        return n
    return append(text, written, text, read, n)


@compiled
def _same(text: np.ndarray, at: int, other: np.ndarray, start: int, length: int) -> bool:
    for i in range(length):  # noqa: SIM110 - numba has no all()
        if text[at + i] != other[start + i]:
            return False
    return True


@compiled
def _replace_numbers(modulus: int, text: np.ndarray, n: int) -> int:
    """Replace the numbers modulus - 1, ..., 1 by "0", wherever their digits stand."""
    left = False
    for i in range(n):
        if ZERO < text[i] <= ZERO + 9:
            left = True
    if not left:
        return n
    for number in range(modulus - 1, 0, -1):
        tens, ones = ZERO + number // 10, ZERO + number % 10
        read, written = 0, 0
        while read < n:
            if number >= 10 and read + 1 < n and text[read] == tens and text[read + 1] == ones:
                text[written] = ZERO
                read += 2
            elif number < 10 and text[read] == ones:
                text[written] = ZERO
                read += 1
            else:
                text[written] = text[read]
                read += 1
            written += 1
        n = written
    return n


@compiled
def _rename_letters(text: np.ndarray, n: int) -> None:
    """Rename letters that are a word, in order of first appearance; a full stop may follow."""
    letters = np.zeros(256, np.uint8)
    n_letters = 0
    for i in range(n):
        letter = text[i]
        is_letter = (65 <= letter <= 90) or (97 <= letter <= 122)
        if not is_letter or (i > 0 and text[i - 1] != SPACE):
            continue
        end = i + 1
        if end < n and text[end] == _STOP:
            end += 1
        if end < n and text[end] != SPACE:
            continue
        if letters[letter] == 0:
            letters[letter] = LETTER_BYTES[n_letters]
            n_letters += 1
        text[i] = letters[letter]
