"""Signals that came where Python must not raise."""

from __future__ import annotations

import os
import threading
from types import FrameType

_CALLBACKS = ("_numba_unpickle",)
"""Functions that compiled code calls to make its results (named tuples), and which it takes to have succeeded."""
_SECONDS = 0.01


def sent_again(number: int, frame: FrameType | None) -> bool:
    """Whether the signal came within such a call: raised there, an exception crashes the process.

    It is then sent again a hundredth of a second later, and the handler has nothing to do.
    """
    while frame is not None:
        if frame.f_code.co_name in _CALLBACKS:
            threading.Timer(_SECONDS, os.kill, (os.getpid(), number)).start()
            return True
        frame = frame.f_back
    return False
