"""Packing: guards against carried-over remainders, overlong documents and off-by-one cuts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from igsm.corpus.packing import DROPPED, new_windows, place


def pack(lengths: list[int], n_windows: int, context: int) -> tuple[list[list[tuple[int, int]]], int, bool]:
    """Windows as (document, position) pairs, documents dropped, whether all windows got full."""
    windows = new_windows(n_windows, context)
    full = False
    for number, length in enumerate(lengths, start=1):
        tokens = (number * 100 + np.arange(length)).astype(np.uint16)
        full = place(windows, tokens, (tokens % 5).astype(np.uint8), length)
        if full:
            break
    assert np.array_equal(windows.roles, windows.tokens % 5)
    rows = [[divmod(int(token), 100) for token in row if token] for row in windows.tokens]
    return rows, int(windows.head[DROPPED]), full


def test_last_document_is_cut_and_its_rest_is_not_carried_over() -> None:
    rows, dropped, full = pack([3, 4, 2, 5], 2, 5)
    assert rows[0] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    assert rows[1] == [(3, 0), (3, 1), (4, 0), (4, 1), (4, 2)]
    assert (dropped, full) == (0, True)


def test_document_that_just_fits_is_kept_and_one_token_more_is_dropped_without_trace() -> None:
    rows, dropped, full = pack([2, 6, 3, 5], 2, 5)
    assert rows == [[(1, 0), (1, 1), (3, 0), (3, 1), (3, 2)], [(4, i) for i in range(5)]]
    assert (dropped, full) == (1, True)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=40), st.integers(1, 5), st.integers(1, 10))
def test_windows_equal_a_plain_reference(lengths: list[int], n_windows: int, context: int) -> None:
    rows: list[list[tuple[int, int]]] = [[]]
    dropped = 0
    for number, length in enumerate(lengths, start=1):
        if len(rows) > n_windows:
            break
        if length > context:
            dropped += 1
            continue
        rows[-1].extend((number, i) for i in range(length))
        if len(rows[-1]) >= context:
            rows[-1] = rows[-1][:context]
            rows.append([])
    expected = (rows + [[]] * n_windows)[:n_windows]
    assert pack(lengths, n_windows, context) == (expected, dropped, len(rows) > n_windows)
