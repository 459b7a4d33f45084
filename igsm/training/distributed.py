"""Processes of one run: who am I, on which device, and how several are started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
import torch.distributed as dist
from torch import Tensor

from igsm.errors import InputError
from igsm.interruption import handled
from igsm.training.signals import INTERRUPT_EXIT_CODE, REQUEUE_EXIT_CODE, SIGNALS


@dataclass(frozen=True)
class Ranks:
    """This process among those of the run."""

    device: torch.device
    rank: int = 0
    world_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Element-wise sum over all processes, in place."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def joined(self, rows: Tensor) -> Tensor:
        """The rows of all processes, one after another; as many of each. On the CPU."""
        if self.world_size == 1:
            return rows
        mine = rows.to(self.device)
        parts = [torch.empty_like(mine) for _ in range(self.world_size)]
        dist.all_gather(parts, mine)
        return torch.cat([part.cpu() for part in parts])

    def share(self, rows: Tensor) -> Tensor:
        """This process's part of the rows of all."""
        return rows.chunk(self.world_size)[self.rank].contiguous()

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world_size > 1:
            dist.barrier()

    def first_says(self, message: str | None) -> str | None:
        """What the first process's `message` is, on all of them."""
        messages = [message]
        if self.world_size > 1:
            dist.broadcast_object_list(messages, device=self.device)
        return messages[0]


def join(device: str) -> Ranks:
    """Join the run's processes, as torchrun's environment variables describe them; alone without them.

    Raises:
        InputError: `device` is cuda and there is none for this process.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        if local_rank >= torch.cuda.device_count():
            raise InputError(
                f"process {local_rank} of this machine has no GPU: {torch.cuda.device_count()} are visible"
            )
        torch.cuda.set_device(local_rank)
        place = torch.device("cuda", local_rank)
    else:
        place = torch.device("cpu")
    if "RANK" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        return Ranks(place)
    if not dist.is_initialized():
        on_cuda = device == "cuda"
        dist.init_process_group("nccl" if on_cuda else "gloo", device_id=place if on_cuda else None)
    return Ranks(place, dist.get_rank(), dist.get_world_size())


def leave() -> None:
    """Undo `join`."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _kill(torchrun: int) -> None:
    """End torchrun and the processes that it has started, each the first of its group."""
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended in between
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children += [int(path.parent.name)] if parent == torchrun else []
    for group in (torchrun, *children):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def launch(processes: int, module: str, arguments: list[str]) -> int:
    """Start `python -m module arguments` `processes` times on this machine with torchrun and wait.

    SIGTERM, SIGUSR1 and the first Ctrl-C are passed on; the second Ctrl-C kills all processes. Returns the exit code:
    `REQUEUE_EXIT_CODE` or `INTERRUPT_EXIT_CODE` after such a signal, else that of the first process that
    failed.
    """
    command = [sys.executable, "-m", "igsm.training.torchrun", "--standalone", f"--nproc-per-node={processes}"]
    asked: list[int] = []

    # torchrun may be in its own start-up when the signal comes, so it gets the one that it always handles.
    def pass_on(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in asked:
            _kill(child.pid)
        asked.append(number)
        child.send_signal(signal.SIGTERM)

    # A group of its own: the terminal's Ctrl-C must reach the processes once, by way of this one. A safe path: a folder
    # "cli" of the user's does not stand before ours.
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    child = subprocess.Popen([*command, "-m", module, *arguments], process_group=0, env=environment)
    with handled((*SIGNALS, signal.SIGINT, signal.SIGHUP), pass_on):
        code = child.wait()
    if not asked or code == 0:
        return code
    return INTERRUPT_EXIT_CODE if signal.SIGINT in asked else REQUEUE_EXIT_CODE
