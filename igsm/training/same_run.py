"""When two configs are of one run; without torch, so that sweeps and reports can ask."""

from __future__ import annotations

from pathlib import Path

MAY_CHANGE = {
    "training.workers",
    "training.micro_batch",
    "training.log_every",
    "training.checkpoint_every",
    "training.keep_last",
    "training.keep_every",
    "training.skip_bad_steps",
    "tracking",
}
"""Settings that a resumed run may have another value of: none of them changes what a good step computes, micro_batch
up to rounding (and, with dropout, which units are dropped)."""


def same_start(before: str, now: str, run: Path) -> bool:
    """Whether two values of `from` are one model: spelled otherwise, or beside `run` and moved together with it."""
    old, new = Path(before).resolve(), Path(now).resolve()
    if old == new:
        return True
    beside = old.name == new.name and new.parent == run.resolve().parent
    return beside and (old.parent.name == new.parent.name or not old.exists())
