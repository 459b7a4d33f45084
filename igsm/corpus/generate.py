"""A corpus folder made by several processes, resumable, in parts for array jobs on a cluster."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from igsm.corpus.blocks import block, prepare
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import Manifest, Plan, finish, plan_of, read_record, start
from igsm.corpus.packing import Block
from igsm.corpus.shards import write_shard
from igsm.corpus.vocabulary import END
from igsm.corpus.workers import InOrder
from igsm.errors import InputError
from igsm.locks import LOCK, locked

SHARD_TOKENS = 16_000_000
HEADER_LIMIT = 1 << 31  # the header counts tokens in an int32


def generate(
    config: DataConfig,
    folder: str | Path,
    windows: int,
    *,
    shard_tokens: int = SHARD_TOKENS,
    workers: int = 1,
    part: tuple[int, int] = (1, 1),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest | None:
    """Write windows 0 .. ``windows - 1`` of the data as shards into ``folder``.

    Shards that are there already, whole, are kept. The bytes depend neither on ``workers`` nor on ``part``.

    Args:
        part: (k, n) writes every n-th shard from the k-th (1 .. n) on.
        progress: called with the windows of this part made so far and their number in all.

    Returns:
        The manifest, once every shard of every part is there; None while other parts are missing.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    folder = Path(folder)
    if shard_tokens >= HEADER_LIMIT:
        raise InputError(f"--shard-tokens {shard_tokens}: a shard's header can count up to {HEADER_LIMIT - 1}")
    k, n = part
    plan = plan_of(config, windows, shard_tokens)
    prepare(config)
    start(folder, plan)
    with locked(folder, f"generating part {k} of {n}", f"{LOCK}-{k}-of-{n}"):
        _generate(config, folder, plan, range(k - 1, plan.n_shards, n), workers, progress)
    return finish(folder, plan)


def _generate(
    config: DataConfig,
    folder: Path,
    plan: Plan,
    mine: range,
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    """Write the shards of a part that are missing; nobody else writes them (`locked`)."""
    missing = [shard for shard in mine if read_record(folder, shard) is None]
    total = _size(plan, mine)
    done = multiprocessing.get_context("spawn").Value("q", total - _size(plan, missing))

    def tell() -> None:
        progress(done.value, total)

    tell()
    write = functools.partial(_write, config, folder, plan, done, tell if workers < 2 else None)
    workers = min(workers, len(missing)) if workers > 1 else 0
    try:
        with InOrder(write, missing, workers=workers, waiting=tell, poll_seconds=0.2) as shards:
            for _ in shards:
                tell()
    finally:  # workers that were stopped have left what they were writing
        for path in folder.glob("shard_*.partial"):
            if int(path.name[6:12]) in missing:
                path.unlink(missing_ok=True)


def parse_tokens(text: str, option: str = "--tokens") -> int:
    """A number of tokens as people write it: 5000000, 50M, 1.2e9, 40B."""
    scale = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}.get(text[-1:].lower(), 1)
    try:
        tokens = int(float(text[:-1] if scale > 1 else text) * scale)
    except (ValueError, OverflowError):
        tokens = 0
    if tokens < 1:
        raise InputError(f"{option} {text}: must be a number from 1 on, such as 5000000, 50M or 1.2e9")
    return tokens


def parse_part(text: str | None) -> tuple[int, int]:
    """``k/n`` as (k, n); all of it when None."""
    if text is None:
        return 1, 1
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise InputError(f"--part {text}: must read k/n with k in 1..n, such as 3/16")
    return int(k), int(n)


def windows_for_problems(config: DataConfig, problems: int) -> int:
    """Windows that hold about ``problems`` whole problems, judged by the first block."""
    first = block(config, 0)
    whole = int((first.tokens == END).sum())
    if whole == 0:
        raise InputError(f"no problem of this kind fits into a window of {config.context} tokens; raise context")
    return -(-problems * config.windows_per_block // whole)


def _size(plan: Plan, shards: Iterable[int]) -> int:
    return sum(end - first for first, end in map(plan.windows_of, shards))


def _write(
    config: DataConfig, folder: Path, plan: Plan, done: Any, tell: Callable[[], None] | None, shard: int
) -> None:
    first, end = plan.windows_of(shard)
    size = config.windows_per_block

    def blocks() -> Iterator[Block]:
        for number in range(first // size, -(-end // size)):
            made = block(config, number)
            yield made
            with done.get_lock():
                done.value += min(size, end - number * size)
            if tell is not None:
                tell()

    write_shard(folder, shard, first, end - first, config.context, blocks(), config.method.layout().roles)
