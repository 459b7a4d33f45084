"""A clean stop when a scheduler or a person asks for one."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any

from igsm.interruption import handled, lost_exceptions, send_again, sent_again

REQUEUE_EXIT_CODE = 75
"""EX_TEMPFAIL: the run was asked to stop, saved itself, and goes on when the same command is given again."""
INTERRUPT_EXIT_CODE = 130
"""The same after Ctrl-C: what shells say of a command that SIGINT ended."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


def this_command() -> str:
    """The command line of this process, as a person would type it to go on."""
    return shlex.join(["mistakes", *sys.argv[1:]])


class StopRequest:
    """While entered, SIGTERM, SIGUSR1 and the first Ctrl-C only set `requested`; the loop looks at it between steps.

    The second Ctrl-C ends the process at once. Below torchrun, which sends Ctrl-C on to processes that the terminal has
    told already, every one is a request.
    """

    def __init__(self) -> None:
        self.requested = self.interrupted = False

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if number == signal.SIGINT:
            self.interrupted = True
            if "TORCHELASTIC_RUN_ID" not in os.environ:
                signal.signal(signal.SIGINT, signal.SIG_DFL)

    def __enter__(self) -> StopRequest:
        self._before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._request) for number in (*SIGNALS, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            if not (number == signal.SIGINT and self.interrupted):  # the second one ends also what comes after this
                signal.signal(number, handler)


class _Asked(SystemExit):
    """Raised where the process was when a signal came."""

    number: int


@contextlib.contextmanager
def leaving_on_request(kept: str = "what is finished is kept") -> Iterator[None]:
    """While entered, SIGTERM, SIGUSR1 and Ctrl-C end the process: for work that is on disk at once.

    The exit code is REQUEUE_EXIT_CODE or, after Ctrl-C, INTERRUPT_EXIT_CODE. One line says what is kept and how to go
    on. A second Ctrl-C does not wait for anything.
    """

    numbers = (*SIGNALS, signal.SIGINT)
    codes: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        if sent_again(number, frame):
            return
        codes.append(INTERRUPT_EXIT_CODE if number == signal.SIGINT else REQUEUE_EXIT_CODE)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # schedulers repeat themselves; what is being closed is closed once
        asked = _Asked(codes[0])
        asked.number = number
        raise asked

    def heard(lost: BaseException | None) -> bool:
        if not isinstance(lost, _Asked):
            return False
        codes.clear()
        for number in numbers:
            signal.signal(number, leave)
        send_again(lost.number)
        return True

    with handled(numbers, leave):
        try:
            with lost_exceptions(heard):
                yield
        except BaseException:  # here the bars are closed and the line stands alone
            if not codes:
                raise
            print(f"asked to stop: {kept}, the same command goes on: {this_command()}", file=sys.stderr)
            raise _Asked(codes[0]) from None  # callbacks of compilers swallow the first one and stumble over it later


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
