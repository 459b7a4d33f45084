"""Progress on stderr: a bar on a terminal; in a pipe, in a log and with NO_COLOR whole lines, and not many."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

LOG_SECONDS = 30.0
"""Between two lines of a log; what is done sooner leaves none."""


def is_plain(stream: TextIO) -> bool:
    """Whether what is written there has to do without colours, carriage returns and escape codes.

    So it is where nobody looks at a terminal, and where one asks for it (https://no-color.org).
    """
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not stream.isatty()


class Progress(tqdm):
    """A progress bar on stderr with tqdm's arguments; where it is plain, a line every `LOG_SECONDS`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.plain = is_plain(sys.stderr)
        if self.plain:
            options |= {"mininterval": LOG_SECONDS, "delay": LOG_SECONDS, "miniters": 0, "dynamic_ncols": False}
        super().__init__(*arguments, **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        if not self.plain:
            return super().display(msg, pos)  # whether it was shown
        print(self._line(), file=sys.stderr, flush=True)
        return True

    def clear(self, nolock: bool = False) -> None:
        if not self.plain:
            super().clear(nolock)

    def close(self) -> None:
        if not self.plain:
            super().close()
        elif not self.disable:
            self.disable = True
            shown = self.last_print_t >= self.start_t + (self.delay or 0.0)
            if shown and self.n != self.last_print_n:
                self.display()
            self._decr_instances(self)  # type: ignore[attr-defined]  # tqdm's stubs leave it out

    def _line(self) -> str:
        state = self.format_dict
        done, total, elapsed = state["n"], state["total"], state["elapsed"]
        rate = state["rate"] or ((done - state["initial"]) / elapsed if elapsed else 0.0)
        parts = [f"{done:,.0f}" + (f" of {total:,.0f}" if total else "") + f" {state['unit'].strip()}"]
        if rate:
            parts.append(f"{rate:,.3g}/s")
        parts.append(f"{tqdm.format_interval(elapsed)} passed")
        if rate and total:
            parts.append(f"{tqdm.format_interval(max(0.0, total - done) / rate)} left")
        if state["postfix"]:
            parts.append(state["postfix"])
        name = (state["prefix"] or "").removesuffix(": ")
        return (f"{name}: " if name else "") + ", ".join(parts)


@contextlib.contextmanager
def bytes_read(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar over the bytes of files: call what is given with those read so far and the total, None if not known."""
    with Progress(desc=name, unit="B", unit_scale=True) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def say(line: str) -> None:
    """A line on stderr, above the bar if there is one."""
    if is_plain(sys.stderr):
        print(line, file=sys.stderr, flush=True)
    else:
        tqdm.write(line, file=sys.stderr)


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say what is waited for, if what is inside takes longer than two seconds."""
    timer = threading.Timer(2.0, say, [f"{what} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def close_bars() -> None:
    """End the bars that are open, so that the next line on stderr begins on a line of its own."""
    for bar in list(getattr(tqdm, "_instances", ())):
        bar.close()
