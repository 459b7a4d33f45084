"""Runs the jobs of a sweep: as many at once as there are slots, failures of one arm not stopping the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from igsm.errors import InputError
from igsm.sweeps.jobs import Job
from igsm.sweeps.state import state

PROGRAM = (sys.executable, "-P", "-m", "cli.main")  # -P: a folder "cli" of the user's does not stand before ours
PROGRESS_SECONDS = 20
"""How often the running jobs' progress is told."""
REQUEUE_EXIT_CODE = 75
"""Exit code of a run that was asked to stop and has saved itself (igsm.training.signals)."""

Status = Literal["done", "skipped", "failed", "blocked", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    ``status``: "done" now, "skipped" as done before, "failed", "blocked" by the failure of a job it needs, "stopped"
    on request and to be continued by the same sweep.
    """

    job: Job
    status: Status
    message: str = ""
    seconds: float = 0.0


class Executor:
    """Runs jobs.

    Args:
        slots: what may run at once: for each slot the GPUs it is pinned to (CUDA_VISIBLE_DEVICES), or None for no
            pinning. A job uses all GPUs of its slot.
        prefix: put before every command, e.g. ["srun", "--gpus=1"].
        logs: folder for the output of the jobs.
        tell: called with a line whenever a job starts or ends.
        program: the command whose arguments the jobs are.
    """

    def __init__(
        self,
        slots: Sequence[str | None],
        prefix: Sequence[str],
        logs: Path,
        tell: Callable[[str], None],
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._slots, self._n_slots = list(slots), len(slots)
        self._prefix, self._logs, self._tell, self._program = list(prefix), logs, tell, list(program)
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.RLock()
        self.stopping = False

    def run(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run what is not finished, in order of need; returns one outcome a job, in the order of ``jobs``."""
        outcomes: dict[str, Outcome] = {}
        waiting = list(jobs)
        running: dict[Future[Outcome], tuple[Job, str | None]] = {}
        told: dict[str, str] = {}
        with ThreadPoolExecutor(max_workers=len(self._slots)) as pool:
            while waiting or running:
                for job in list(waiting):
                    outcome = self._outcome_without_running(job, outcomes)
                    if outcome is not None:
                        waiting.remove(job)
                        outcomes[job.name] = outcome
                        if outcome.status != "skipped":
                            self._tell(f"{outcome.status}: {job.name}: {outcome.message}")
                    elif self._slots and all(name in outcomes for name in job.needs):
                        waiting.remove(job)
                        slot = self._slots.pop(0)
                        running[pool.submit(self._run_one, job, slot)] = (job, slot)
                if running:
                    finished = wait(running, PROGRESS_SECONDS, return_when=FIRST_COMPLETED).done
                    for future in finished:
                        self._slots.append(running.pop(future)[1])
                        outcome = future.result()
                        outcomes[outcome.job.name] = outcome
                    if not finished:
                        for job, _ in running.values():
                            if (lines := _last_lines(self._log(job))) and told.get(job.name) != lines[-1]:
                                told[job.name] = lines[-1]
                                self._tell(f"  {lines[-1]}")
        return [outcomes[job.name] for job in jobs]

    def stop(self) -> None:
        """Ask every running job to save itself and end; start no other."""
        self.stopping = True
        with self._lock:
            for child in self._children:
                child.send_signal(signal.SIGTERM)

    def _outcome_without_running(self, job: Job, outcomes: dict[str, Outcome]) -> Outcome | None:
        bad = [name for name in job.needs if name in outcomes and outcomes[name].status not in ("done", "skipped")]
        if self.stopping or any(outcomes[name].status == "stopped" for name in bad):
            return Outcome(job, "stopped", "not started")
        if bad:
            return Outcome(job, "blocked", f"needs {bad[0]}")
        if any(name not in outcomes for name in job.needs):
            return None
        try:
            known, reason = state(job)
        except (InputError, OSError) as error:  # a damaged folder is that arm's trouble, not the others'
            return Outcome(job, "failed", str(error))
        if known == "conflict":
            return Outcome(job, "failed", reason)
        return Outcome(job, "skipped") if known == "done" else None

    def _log(self, job: Job) -> Path:
        return self._logs / f"{job.name.replace(' ', '-').replace('/', '-')}.log"

    def _run_one(self, job: Job, slot: str | None) -> Outcome:
        try:
            return self._run_logged(job, slot, self._log(job))
        except OSError as error:
            self._tell(f"failed: {job.name}: {error}")
            return Outcome(job, "failed", str(error))

    def _run_logged(self, job: Job, slot: str | None, log: Path) -> Outcome:
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ)
        if slot is not None:
            environment["CUDA_VISIBLE_DEVICES"] = slot
        elif self._n_slots > 1 and not self._prefix:
            # Jobs side by side on one machine's cores: each one's threads would get in the others' way.
            environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // self._n_slots)))
        pinned = f" on GPU {slot}" if slot is not None else ""
        command = [*self._prefix, *self._program, *job.command]
        if job.stage != "eval" and (n_gpus := len((slot or "").split(","))) > 1:  # eval takes all it sees by itself
            command += ["--gpus", str(n_gpus)]
        start = time.monotonic()
        with open(log, "ab") as output:
            begin = output.tell()
            with self._lock:
                if self.stopping:
                    return Outcome(job, "stopped", "not started")
                self._tell(f"start: {job.name}{pinned} (log: {log})")
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,  # Ctrl-C reaches the sweep alone, which asks its jobs to save
                )
                self._children.add(child)
            code = child.wait()
            with self._lock:
                self._children.discard(child)
        seconds = time.monotonic() - start
        if code == 0:
            outcome = Outcome(job, "done", "", seconds)
        elif code == REQUEUE_EXIT_CODE or (self.stopping and code == -signal.SIGTERM):
            outcome = Outcome(job, "stopped", "saved; the same sweep goes on from there", seconds)
        else:
            outcome = Outcome(job, "failed", f"exit code {code}: {_last_line(log, begin)}", seconds)
        self._tell(f"{outcome.status}: {job.name} after {seconds:.0f} s {outcome.message}".rstrip())
        return outcome


def _last_line(log: Path, begin: int) -> str:
    """What a failed job said: its last error message, else its last line (progress bars come after messages).

    Args:
        begin: bytes of the log that earlier attempts had written.
    """
    lines = _last_lines(log, begin)
    errors = [line for line in lines if "error:" in line.lower()]
    return (errors or lines or [f"nothing was printed ({log})"])[-1]


def _last_lines(log: Path, begin: int = 0) -> list[str]:
    """The end of a job's output; every state of a progress bar is a line."""
    try:
        with open(log, "rb") as file:
            file.seek(max(begin, log.stat().st_size - 4096))
            text = file.read().decode(errors="replace").replace("\r", "\n")
    except OSError:
        return []
    return [line.strip() for line in text.split("\n") if line.strip()]
