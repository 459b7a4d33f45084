"""The compilers that torch calls."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def missing_compiler(device: str) -> str | None:
    """What is not there of what torch.compile (on CUDA: Triton, which decoding uses too) calls; None: nothing.

    Args:
        device: "cpu" or "cuda".
    """
    if device == "cpu":
        name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
        return None if shutil.which(name) else "C++ compiler (g++, or $CXX)"
    if not any(map(shutil.which, filter(None, (os.environ.get("CC"), "gcc", "clang")))):
        return "C compiler (gcc, clang or $CC)"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "Python.h (python3-dev)"
    return None
