"""One process at a time in a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from igsm.errors import InputError
from igsm.locks import locked

HOLD = (
    "import sys; from igsm.locks import locked\nwith locked(sys.argv[1], 'training'): print('up', flush=True); input()"
)


def test_another_process_is_named_and_kill_9_ends_its_lock(tmp_path: Path) -> None:
    """Guards against two runs that write each other's checkpoints, and a folder locked for ever by a crash."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "up\n"
    place = rf"\({platform.node()}, process {other.pid}\)"
    with (
        pytest.raises(InputError, match=f"{tmp_path}: another process {place} is training there"),
        locked(tmp_path, "x"),
    ):
        pass
    other.kill()
    other.communicate()
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path, "training"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_released_meanwhile_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against two holders: one of the old, deleted file, one of the new file of its name."""
    real, calls = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if not calls:
            os.unlink(tmp_path / ".lock")  # the holder before has just ended
        calls.append(descriptor)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path, "training"):
        assert len(calls) == 2
        with pytest.raises(InputError, match="is training there"), locked(tmp_path, "training"):
            pass


def test_without_locks_in_the_file_system_it_warns_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against runs that cannot start on such an NFS."""

    def flock(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path, "training"):
        assert "cannot be locked (No locks available)" in capsys.readouterr().err


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    """Guards against a traceback for an --out that is a file."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "deep"):
        with pytest.raises(InputError, match="is a file|cannot be written"), locked(path, "training"):
            pass
