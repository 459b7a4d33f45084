"""torchrun without its pages of tracebacks: `python -m igsm.training.torchrun ARGUMENTS OF TORCHRUN`.

The processes say themselves what is wrong; the exit code is that of the first one that failed.
"""

from __future__ import annotations

import logging
import signal
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import PContext, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

SAVING = 3600
"""Seconds that processes get to save themselves once torchrun is asked to stop; torchrun itself kills them after 30."""


def _wait_for_saving() -> None:
    """Let processes end by themselves after a signal. After a failure others may hang: torchrun's own limit stays."""
    close = PContext.close

    def patient(self: PContext, death_sig: signal.Signals | None = None, timeout: int = 30) -> None:
        close(self, death_sig, SAVING if isinstance(sys.exception(), SignalException) else timeout)

    PContext.close = patient  # type: ignore[method-assign]


def main(arguments: list[str]) -> int:
    """Run torchrun; returns its exit code."""
    logging.disable(logging.ERROR)
    _wait_for_saving()
    try:
        run.main(arguments)
    except SignalException:
        return 1
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            print(f"mistakes: error: process {rank} was ended by signal {-failure.exitcode}", file=sys.stderr)
        return max(1, failure.exitcode)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
