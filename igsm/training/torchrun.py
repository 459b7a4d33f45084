"""torchrun without its pages of tracebacks: `python -m igsm.training.torchrun ARGUMENTS OF TORCHRUN`.

The processes say themselves what is wrong; the exit code is that of the first one that failed.
"""

from __future__ import annotations

import logging
import sys

from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError


def main(arguments: list[str]) -> int:
    """Run torchrun; returns its exit code."""
    logging.disable(logging.ERROR)
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
