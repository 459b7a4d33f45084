"""Guards: Ctrl-C that crashes the process (exit by SIGSEGV) where compiled code was making a named tuple, and requests
to stop that are lost where a compiler calls Python."""

from __future__ import annotations

import ctypes
import signal
import sys
import time
import weakref
from collections.abc import Callable
from types import FrameType

import pytest

from cli import main
from igsm.interruption import handled, lost_exceptions, sent_again
from igsm.training.signals import REQUEUE_EXIT_CODE, leaving_on_request


def _numba_unpickle() -> FrameType:
    """A frame of the name that compiled code's callback has."""
    return sys._getframe()


def test_what_a_signal_did_before_is_done_again() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    came: list[int] = []
    with handled([signal.SIGUSR2], lambda number, frame: came.append(number)):
        signal.raise_signal(signal.SIGUSR2)
    assert came == [signal.SIGUSR2]
    assert signal.getsignal(signal.SIGUSR2) is before


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


class _Dying:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)


class _Plain:
    pass


def _in_callback_of_c() -> None:
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGTERM))()


def _in_callback_of_weak_reference() -> None:
    one = _Plain()
    reference = weakref.ref(one, lambda _: signal.raise_signal(signal.SIGTERM))
    del one
    assert reference() is None


def _in_end_of_object() -> None:
    _Dying()


PLACES = (_in_callback_of_c, _in_callback_of_weak_reference, _in_end_of_object)


def asked_to_stop(place: Callable[[], None]) -> None:
    with leaving_on_request():
        place()
        time.sleep(20)


@pytest.mark.parametrize("place", PLACES)
def test_a_request_is_heard_where_exceptions_are_ignored(
    place: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against a SIGTERM during a compilation that changed nothing, and every one after it as well."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        asked_to_stop(place)
    assert end.value.code == REQUEUE_EXIT_CODE
    assert capsys.readouterr().err.count("\n") == 1
    assert signal.getsignal(signal.SIGTERM) is before


def interrupted() -> None:
    with lost_exceptions(main._heard):
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
        time.sleep(20)


def test_ctrl_c_is_heard_where_exceptions_are_ignored() -> None:
    before = signal.signal(signal.SIGINT, main._interrupt)
    try:
        with pytest.raises(main._Interrupted):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_lost_exceptions_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: reported.append(lost.exc_type))
    with leaving_on_request():
        ctypes.CFUNCTYPE(None)(lambda: 1 / 0)()
    assert reported == [ZeroDivisionError]
