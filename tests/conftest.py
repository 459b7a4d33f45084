"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("WANDB_MODE", "disabled")


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    """Guards against a command that leaves its handlers of signals to what comes after it in the same process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    assert handlers == {number: signal.getsignal(number) for number in handlers}


@pytest.fixture(scope="session")
def reference() -> Path:
    """Measured behaviour of the authors' generator, beside the checkout; tests skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("../shared/reference is not here")
    return folder


@pytest.fixture
def mistakes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Exit code, output and errors of a command line, run in this process."""

    def call(*arguments: object, columns: int = 200) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mistakes", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call
