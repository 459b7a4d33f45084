"""Numba, with a cache on disk that is never stale.

Numba's own cache notices a change of the file a function stands in, but not of the functions that it calls
from other files. Here the cache folder's name holds a digest of every source file that the hot path is
made of, so that any change compiles afresh.
"""

from __future__ import annotations

import os
import sys
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

disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def compiled(function: Function) -> Function:
    """Compile ``function`` on first use and keep the result on disk; plain with NUMBA_DISABLE_JIT=1."""
    return cast(Function, numba.njit(cache=True)(function))


def announce_compilation() -> None:
    """Say on stderr that the generator is about to be compiled, when nothing is in the cache yet."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    if not disabled and next(folder.rglob("*.nbi"), None) is None:
        print("mistakes: compiling the generator (once for this version, about a minute) ...", file=sys.stderr)
