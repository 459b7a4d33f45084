"""What this machine has: memory, disk, a GPU that torch may find."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from igsm.errors import InputError


def nearest(path: str | Path) -> Path:
    """`path`, or the innermost folder above it that exists."""
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def check_writable(path: str | Path) -> None:
    """Raise InputError unless files can be made in the folder `path`, which need not exist yet."""
    place = nearest(path)
    if not place.is_dir():
        raise InputError(f"{place}: is a file; a folder is needed")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"{path}: cannot be written: no permission in {place}")


def free_disk(path: str | Path) -> int:
    """Bytes that can be written where `path` lies."""
    return shutil.disk_usage(nearest(path)).free


def size_of(folder: Path, pattern: str) -> int:
    """Bytes of the files of such names in a folder, which need not exist."""
    return sum(file.stat().st_size for file in folder.glob(pattern) if file.is_file())


def free_memory() -> int | None:
    """Bytes that processes may still take on this machine, swap included; None where that is not known.

    The lower of what the kernel says and of the limit of this container.
    """
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = sum(int(lines[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))
    except (OSError, ValueError, KeyError):
        return None
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return min(free, int(limit)) if limit.isdigit() else free


def may_have_gpu() -> bool:
    """Whether torch might find a GPU: it is not asked, since importing it takes seconds."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    return not hidden and any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))


def readable(number: float) -> str:
    """A number of bytes for people: "7.4 GB"."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.0f} EB"
