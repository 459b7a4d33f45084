"""A clean stop when a scheduler asks for one."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

REQUEUE_EXIT_CODE = 75
"""EX_TEMPFAIL: the run was asked to stop, saved itself, and goes on when the same command is given again."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StopRequest:
    """While entered, SIGTERM and SIGUSR1 only set `requested`; the loop looks at it between steps."""

    def __init__(self) -> None:
        self.requested = False

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True

    def __enter__(self) -> StopRequest:
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._request) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def leaving_on_request() -> Iterator[None]:
    """While entered, SIGTERM and SIGUSR1 end the process with REQUEUE_EXIT_CODE: for work that is on disk at once."""

    def leave(number: int, frame: FrameType | None) -> None:
        print("asked to stop: what is finished is kept, the same command goes on", file=sys.stderr)
        raise SystemExit(REQUEUE_EXIT_CODE)

    before = {number: signal.signal(number, leave) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def children_spared() -> Iterator[None]:
    """Processes started inside do not get the signals to stop: schedulers and torchrun send them to whole process
    groups, and a run whose data workers are gone could not finish its step. (A blocked signal stays so in children.)
    """
    resource_tracker.ensure_running()  # multiprocessing's helper unblocks SIGTERM when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
