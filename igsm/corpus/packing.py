"""Documents into windows: whole documents one after another, the last one cut off at the window's right end.

The rest of a cut document is not carried over, and a document longer than a window is dropped and counted
(arXiv 2408.16293, appendix D). Windows are therefore always full: there is no padding.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from igsm.compilation import compiled


class Block(NamedTuple):
    """Windows that are generated together.

    Attributes:
        tokens: uint16 [n_windows, context], GPT-2 ids.
        roles: uint8 [n_windows, context], bits of `igsm.mistakes.layout.Role`.
        documents: uint64 [n_documents], where each document begins, counted in tokens from the block's start.
        n_dropped: documents left out because they are longer than a window.
    """

    tokens: np.ndarray
    roles: np.ndarray
    documents: np.ndarray
    n_dropped: int


# places of `Windows.head`
WINDOW, FILL, DROPPED = range(3)


class Windows(NamedTuple):
    """Windows being filled.

    Attributes:
        tokens: uint16 [n_windows, context], GPT-2 ids.
        roles: uint8 [n_windows, context], bits of `igsm.mistakes.layout.Role`.
        head: int64 [3], the window being filled, tokens in it so far, documents dropped.
    """

    tokens: np.ndarray
    roles: np.ndarray
    head: np.ndarray


def new_windows(n_windows: int, context: int) -> Windows:
    """Empty windows."""
    return Windows(
        np.zeros((n_windows, context), np.uint16), np.zeros((n_windows, context), np.uint8), np.zeros(3, np.int64)
    )


@compiled
def place(windows: Windows, tokens: np.ndarray, roles: np.ndarray, length: int) -> bool:
    """Put the document ``tokens[:length]`` into the next free place; True once every window is full."""
    context = windows.tokens.shape[1]
    head = windows.head
    if length > context:
        head[DROPPED] += 1
        return False
    row = head[WINDOW]
    start = head[FILL]
    taken = min(length, context - start)
    for i in range(taken):
        windows.tokens[row, start + i] = tokens[i]
        windows.roles[row, start + i] = roles[i]
    head[FILL] = start + taken
    if head[FILL] == context:
        head[FILL] = 0
        head[WINDOW] = row + 1
    return head[WINDOW] == windows.tokens.shape[0]
