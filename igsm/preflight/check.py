"""The one check before work. What it refuses has written nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.preflight.fit import check_fit
from igsm.preflight.resources import check_writable, free_disk, free_memory, readable


@dataclass(frozen=True)
class Need:
    """Bytes that a part of the work takes at the least, and the settings that would make it less."""

    bytes: float
    of: str
    settings: str


@dataclass(frozen=True)
class Work:
    """What a command is about to do.

    Attributes:
        folder: where it writes.
        disk, memory: what it takes of the disk and of this machine's memory.
        there: bytes of it that lie there already.
        data: documents that are to fit into windows.
        context: the name of the setting that says how long a window is.
    """

    folder: Path
    disk: list[Need] = field(default_factory=list)
    memory: list[Need] = field(default_factory=list)
    there: int = 0
    data: DataConfig | None = None
    context: str = "data.context"


def check(work: Work) -> list[str]:
    """Refuse what cannot succeed; returns warnings about what will, but hardly as it is meant.

    Raises:
        InputError: too little disk or memory, no permission, or documents that do not fit. One line with the numbers
            and the setting to change.
    """
    check_writable(work.folder)
    if work.memory and (free := free_memory()) is not None:
        must_be_enough(work.memory, free, "in memory")
    if work.disk:
        must_be_enough(work.disk, free_disk(work.folder) + work.there, f"on the disk of {work.folder}")
    warning = check_fit(work.data, work.context) if work.data is not None else None
    return [] if warning is None else [warning]


def must_be_enough(needs: list[Need], free: int, where: str) -> None:
    """Raise InputError if the needs are more than the free bytes."""
    total = sum(need.bytes for need in needs)
    if total > free:
        alone = [need for need in needs if need.bytes > free]  # of these the first: it stays when the others are mended
        most = alone[0] if alone else max(needs, key=lambda need: need.bytes)
        parts = ", ".join(f"{need.of} {readable(need.bytes)}" for need in needs)
        raise InputError(
            f"at least {readable(total)} would be needed {where}, {readable(free)} are free ({parts}); "
            f"make {most.settings} smaller"
        )
