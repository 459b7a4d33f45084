"""Signals that came where Python must not raise, or where what is raised is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

_CALLBACKS = ("_numba_unpickle",)
"""Functions that compiled code calls to make its results (named tuples), and which it takes to have succeeded."""
_SECONDS = 0.01


@contextlib.contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """While entered, these signals are the handler's; then they do again what they did before."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def sent_again(number: int, frame: FrameType | None) -> bool:
    """Whether the signal came within such a call: raised there, an exception crashes the process.

    It is then sent again a hundredth of a second later, and the handler has nothing to do.
    """
    while frame is not None:
        if frame.f_code.co_name in _CALLBACKS:
            send_again(number)
            return True
        frame = frame.f_back
    return False


def send_again(number: int) -> None:
    """The signal once more to this process, a hundredth of a second later."""
    threading.Timer(_SECONDS, os.kill, (os.getpid(), number)).start()


@contextlib.contextmanager
def lost_exceptions(heard: Callable[[BaseException | None], bool]) -> Iterator[None]:
    """While entered, `heard` is told of each exception that Python only reports: one in a callback of C code or of a
    weak reference, or in `__del__`. A compiler spends much of its time in such places. True: it need not be reported.
    """
    before = sys.unraisablehook

    def hook(lost: Any) -> None:
        if not heard(lost.exc_value):
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
