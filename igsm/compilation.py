"""Numba, with a cache on disk that is never stale.

Numba's own cache notices a change of the file a function stands in, but not of the functions that it calls
from other files. Here the cache folder's name holds a digest of every source file that the hot path is
made of, so that any change compiles afresh.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from igsm.versions import generator_version

Function = TypeVar("Function", bound=Callable[..., Any])


def _cache_folder() -> Path:
    name = f"numba-{generator_version()}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mistakes"
    try:
        (base / name).mkdir(parents=True, exist_ok=True)
        if os.access(base / name, os.W_OK):
            return base / name
    except OSError:
        pass  # a read-only home, as on some clusters
    return Path(tempfile.gettempdir()) / f"mistakes-{os.getuid()}" / name


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())

import numba  # noqa: E402 - reads NUMBA_CACHE_DIR when imported
from numba.core import event  # noqa: E402

disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def compiled(function: Function) -> Function:
    """Compile ``function`` on first use and keep the result on disk; plain with NUMBA_DISABLE_JIT=1."""
    return cast(Function, numba.njit(cache=True)(function))


def compiled_with(*, fastmath: bool, nogil: bool) -> Callable[[Function], Function]:
    """`compiled`, with options of numba's njit."""
    return cast(Callable[[Function], Function], numba.njit(cache=True, fastmath=fastmath, nogil=nogil))


class _Announcement(event.Listener):
    """Says on stderr, once, that something is compiled because the cache lacks it; of several processes one says so."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: Any) -> None:
        self.say()

    def on_end(self, event: Any) -> None:
        pass

    def say(self) -> None:
        if self._said:
            return
        self._said = True
        process = multiprocessing.current_process()
        if multiprocessing.parent_process() is None or process.name.endswith("-1"):
            from igsm.progress import say

            say("mistakes: compiling the generator, once for this version: half a minute to two ...")


_announcement = _Announcement()
event.register("numba:run_pass", _announcement)  # only what is not read from the cache runs through passes


def announce_compilation() -> None:
    """Say so before it begins, when nothing is in the cache yet."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    if not disabled and next(folder.rglob("*.nbi"), None) is None:
        _announcement.say()
