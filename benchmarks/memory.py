"""Memory while generating millions of problems: it must not grow.

``python benchmarks/memory.py [millions] [workers]`` prints the resident memory of this process and its loader workers
every half million problems, and fails when the last is more than 5 % above the one after the first million.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from pathlib import Path


def resident_megabytes() -> float:
    """Resident memory of this process and its children."""
    pages = 0
    for process in ("self", *(str(child.pid) for child in multiprocessing.active_children())):
        pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    from igsm.corpus.config import DataConfig
    from igsm.corpus.loader import WindowLoader
    from igsm.corpus.vocabulary import PROBLEM_START
    from igsm.mistakes.config import MistakeConfig

    millions = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    config = DataConfig(mistakes=MistakeConfig(kind="retry", rate=0.2), vocabulary="gpt2")
    made, next_report, first, now = 0, 500_000, 0.0, 0.0
    began = time.perf_counter()
    with WindowLoader(config, 512, workers=workers) as loader:
        for _, tokens, _ in loader:
            made += int((tokens == PROBLEM_START).sum())
            if made >= next_report:
                next_report += 500_000
                now = resident_megabytes()
                if first == 0.0 and made >= 1_000_000:
                    first = now
                print(f"{made:>12,} problems {time.perf_counter() - began:8.0f} s {now:8.0f} MB", flush=True)
            if made >= millions * 1e6:
                break
    if first and now > 1.05 * first:
        sys.exit(f"memory grew from {first:.0f} to {now:.0f} MB")


if __name__ == "__main__":
    main()
