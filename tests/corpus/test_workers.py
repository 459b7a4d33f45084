"""Worker processes: guards against results out of order, growing memory, hanging and orphaned processes."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from igsm.corpus.workers import InOrder
from igsm.errors import InputError


def square(number: int) -> int:
    time.sleep(0.01 * (number % 3))  # later jobs often finish first
    return number * number


def note(path: str, number: int) -> int:
    with open(path, "a") as file:
        file.write(f"{number}\n")
    return number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise InputError("three is wrong")
    return number


def exit_at_three(number: int) -> int:
    if number == 3:
        os._exit(7)
    return number


def sleep_long(number: int) -> int:
    time.sleep(600)
    return number


# Five spawned interpreters would be slow to start.
@pytest.mark.parametrize(
    ("workers", "method"),
    [(0, "fork"), (1, "fork"), (2, "fork"), (5, "fork"), (0, "spawn"), (1, "spawn"), (2, "spawn")],
)
def test_order_is_that_of_the_jobs(workers: int, method: str) -> None:
    with InOrder(square, range(11), workers=workers, start_method=method) as results:
        assert list(results) == [n * n for n in range(11)]


def test_workers_do_not_run_ahead_without_bound(tmp_path: Path) -> None:
    import functools

    path = tmp_path / "made"
    path.touch()
    with InOrder(
        functools.partial(note, str(path)), itertools.count(), workers=2, ahead=6, start_method="fork"
    ) as results:
        next(results)
        time.sleep(1.0)
        made = len(path.read_text().splitlines())
    assert made == 7  # 6 ahead of the one taken


def test_a_workers_input_error_is_raised_here() -> None:
    with InOrder(fail_at_three, range(9), workers=2, start_method="fork") as results:
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(InputError, match="three is wrong"):
            next(results)


def test_a_worker_that_dies_is_an_error_not_a_hang() -> None:
    with (
        InOrder(exit_at_three, range(40), workers=2, start_method="fork", poll_seconds=0.1) as results,
        pytest.raises(RuntimeError, match="exit code 7"),
    ):
        list(results)


def test_close_does_not_wait_for_what_is_being_made() -> None:
    results = InOrder(sleep_long, range(4), workers=2, start_method="fork")
    began = time.perf_counter()
    results.close()
    assert time.perf_counter() - began < 5


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time, itertools; sys.path.insert(0, sys.argv[1])\n"
        "from igsm.corpus.workers import InOrder; from multiprocessing import active_children\n"
        "from test_workers import square\n"
        "results = InOrder(square, itertools.count(), workers=2, start_method='fork')\n"
        "next(results); print(*[p.pid for p in active_children()], flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        workers = [int(word) for word in process.stdout.readline().split()]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(workers) == 2
    deadline = time.time() + 20
    while time.time() < deadline and any(_running(worker) for worker in workers):
        time.sleep(0.2)
    assert not any(_running(worker) for worker in workers)


def _running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
