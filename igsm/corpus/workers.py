"""Results of a function in order, computed ahead by worker processes or in this process."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import resource_tracker
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

_PARENT_CHECK_SECONDS = 2.0


class InOrder(Generic[Result]):
    """Iterator of ``function(job)`` for every job, in the order of the jobs whatever the number of workers.

    The workers take turns: job 0 is the first one's, job 1 the second one's. They run ahead of the consumer by
    ``ahead`` results, or by two each if that is more, and then wait, so memory is bounded however slow it is. Workers
    end when this process does, even when it is killed.

    Args:
        function: picklable, as are its jobs and results. An exception it raises is raised here.
        jobs: may be endless.
        workers: number of processes; 0 computes in this process, nothing ahead.
        start_method: "spawn" is safe beside CUDA and threads; "fork" starts faster.
        waiting: called every ``poll_seconds`` while the next result is not there yet.
    """

    def __init__(
        self,
        function: Callable[[Any], Result],
        jobs: Iterable[Any],
        *,
        workers: int = 0,
        ahead: int = 0,
        start_method: str = "spawn",
        waiting: Callable[[], None] | None = None,
        poll_seconds: float = 1.0,
    ) -> None:
        self._function, self._jobs = function, iter(jobs)
        self._waiting, self._poll_seconds = waiting, poll_seconds
        self._taken = self._given = 0
        self._processes: list[Any] = []
        self._inboxes: list[Any] = []
        self._results: list[Any] = []
        context: Any = multiprocessing.get_context(start_method)
        for _ in range(workers):
            reader, inbox = context.Pipe(duplex=False)
            results = context.Queue()
            process = context.Process(target=_work, args=(function, reader, results), daemon=True)
            with _signals_deferred():
                process.start()
            reader.close()
            self._processes.append(process)
            self._inboxes.append(inbox)
            self._results.append(results)
        for _ in range(max(2 * workers, ahead) if workers else 0):
            self._give()

    def __iter__(self) -> InOrder[Result]:
        return self

    def __next__(self) -> Result:
        if not self._processes:
            return self._function(next(self._jobs))
        self._give()  # one asked for as one is taken
        if self._taken == self._given:
            raise StopIteration
        worker = self._taken % len(self._processes)
        failed, result = self._receive(worker)
        self._taken += 1
        if failed:
            self.close()
            raise result
        return result

    def _give(self) -> None:
        for job in self._jobs:
            worker = self._given % len(self._processes)
            try:
                self._inboxes[worker].send(job)
            except BrokenPipeError:
                raise self._died(worker) from None
            self._given += 1
            return

    def _receive(self, worker: int) -> Any:
        while True:
            alive = self._processes[worker].is_alive()  # before looking: a result put just before the end counts
            try:
                return self._results[worker].get(timeout=self._poll_seconds)
            except queue.Empty:
                if not alive:
                    raise self._died(worker) from None
                if self._waiting is not None:
                    self._waiting()

    def _died(self, worker: int) -> RuntimeError:
        self._processes[worker].join(1.0)
        return RuntimeError(f"data worker {worker} ended with exit code {self._processes[worker].exitcode}")

    def close(self) -> None:
        """Stop the workers."""
        for process in self._processes:
            process.kill()  # training starts them with SIGTERM blocked
        for process in self._processes:
            process.join()
        self._processes = []
        self._jobs = iter(())

    def __enter__(self) -> InOrder[Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Processes started inside never see Ctrl-C, and no signal interrupts the start of one.

    SIGINT is blocked meanwhile, which children inherit from their first instruction on: Ctrl-C is this process's to
    handle. Here SIGINT, SIGTERM and SIGUSR1 are noted, and raised again at the end.
    """
    resource_tracker.ensure_running()  # multiprocessing's helper unblocks signals when it is started
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    handlers, came = {}, []
    if (
        threading.current_thread() is threading.main_thread()
    ):  # other threads may have taken the signal: the mask is not all
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            if callable(signal.getsignal(number)):
                handlers[number] = signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for asked in came:
            signal.raise_signal(asked)


def _work(function: Callable[[Any], Any], jobs: Any, results: Any) -> None:
    parent = multiprocessing.parent_process()
    try:
        while parent is not None and parent.is_alive():
            if jobs.poll(_PARENT_CHECK_SECONDS):
                results.put((False, function(jobs.recv())))
    except EOFError:
        pass
    except Exception as error:
        results.put((True, error))
        while parent is not None and parent.is_alive():  # the parent raises it and then ends this process
            time.sleep(_PARENT_CHECK_SECONDS / 10)
    results.cancel_join_thread()  # nobody reads any more: do not wait for it
