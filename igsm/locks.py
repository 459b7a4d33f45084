"""A folder that one process at a time may write to."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from igsm.errors import InputError

LOCK = ".lock"


class Occupied(InputError):
    """Another process holds the lock."""


@contextlib.contextmanager
def locked(folder: str | Path, doing: str, name: str = LOCK) -> Iterator[None]:
    """Keep other processes that ask for the same lock out of ``folder``, which is made if it is missing.

    The lock dies with the process, however that ends. Where the file system has no locks (some NFS) a warning is
    printed and the block entered all the same.

    Args:
        doing: what this process does there, for the other one's message: "training".
        name: of the lock, where processes may share the folder as long as they do other parts.

    Raises:
        InputError: another process is there (`Occupied`), or the folder cannot be written.
    """
    path = Path(folder) / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_locked(path, folder)
    except FileExistsError:
        raise InputError(f"{folder}: is a file; a folder is needed") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"({platform.node()}, process {os.getpid()}) is {doing}".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while it is still locked: who waits for it sees that the name is another file's
        os.close(descriptor)


def _open_locked(path: Path, folder: str | Path) -> int:
    """The locked file of that name, unlinked by nobody since it was opened."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            doing = os.pread(descriptor, 1000, 0).decode(errors="replace") or "is at work"
            os.close(descriptor)
            raise Occupied(f"{folder}: another process {doing} there; wait for its end, or stop it") from None
        except OSError as error:
            print(f"{folder}: cannot be locked ({error.strerror}); let no other process write there", file=sys.stderr)
            return descriptor
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)
