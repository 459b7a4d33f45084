"""Guards: Ctrl-C that crashes the process (exit by SIGSEGV) where compiled code was making a named tuple."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

from igsm.interruption import sent_again


def _numba_unpickle() -> FrameType:
    """A frame of the name that compiled code's callback has."""
    return sys._getframe()


def test_a_signal_within_a_callback_of_compiled_code_comes_again() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, frame: came.append(number))
    try:
        assert sent_again(signal.SIGUSR2, _numba_unpickle())
        end = time.monotonic() + 60
        while not came and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert came == [signal.SIGUSR2]


def test_any_other_signal_is_the_handlers() -> None:
    assert not sent_again(signal.SIGUSR2, sys._getframe())
    assert not sent_again(signal.SIGUSR2, None)


def test_numba_has_that_callback() -> None:
    from numba.core import serialize

    assert callable(serialize._numba_unpickle)
