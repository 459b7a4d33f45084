"""Windows by training step, generated on the fly in worker processes or read from shards: the same either way.

Window j of step s is window number ``s * batch + j`` of the data; rank r of n takes the r-th n-th of a step.
Order and content depend neither on the number of workers or ranks nor on the step at which a run was resumed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np

from igsm.corpus.blocks import block, prepare
from igsm.corpus.config import DataConfig
from igsm.corpus.manifest import check_law
from igsm.corpus.shards import ShardReader
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.corpus.workers import InOrder
from igsm.errors import InputError

_Step: TypeAlias = tuple[range, np.ndarray, np.ndarray]
_STEPS_AHEAD = 2  # how far workers may be ahead: enough to hide jitter, little enough to keep memory small


class WindowLoader:
    """Endless iterator of (numbers, tokens int64 [batch / world_size, context], roles uint8 of the same shape).

    Numbers are those of the windows in the data; tokens the model's ids; roles bits of `igsm.mistakes.layout.Role`.

    Args:
        config: the data.
        batch: windows of one step, over all ranks.
        rank, world_size: which share of every step this process takes.
        start_step: first step to deliver.
        workers: processes that generate ahead; 0 generates in this process, when asked. Shards are read ahead by a
            thread if it is not 0.
        start_method: how workers are started. "spawn" is safe beside CUDA and threads.
        vocabulary: the model's; None: that of the config.

    Attributes:
        wait_seconds: time that `next` has spent waiting for windows so far.
    """

    def __init__(
        self,
        config: DataConfig,
        batch: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        start_step: int = 0,
        workers: int = 0,
        start_method: str = "spawn",
        vocabulary: Vocabulary | None = None,
    ) -> None:
        if batch % world_size:
            raise InputError(f"a batch of {batch} windows cannot be shared by {world_size} processes")
        self.config = config
        self.wait_seconds = 0.0
        self._batch, self._rows, self._rank = batch, batch // world_size, rank
        self._step = start_step
        self.vocabulary = vocabulary or load_vocabulary(config.problem, config.vocabulary, config.method.marks)
        self._windows: ShardReader | _Windows
        if config.path is not None:
            self._windows = ShardReader(config.path)
            check_law(config.path, self._windows.manifest, config)
        else:
            per_block = config.windows_per_block
            prepare(config)
            blocks = InOrder(
                functools.partial(_make, config),
                _numbers(batch, self._rows, rank, start_step, per_block),
                workers=workers,
                ahead=_STEPS_AHEAD * -(-self._rows // per_block),
                start_method=start_method,
            )
            self._windows = _Windows(per_block, config.context, blocks)
        # One thread takes the workers' blocks and puts the next step together while this one is being computed.
        self._thread = ThreadPoolExecutor(1) if workers else None
        self._ahead: Future[_Step] | None = None

    @property
    def steps(self) -> int | None:
        """Whole steps that the shards hold; None when generating, which never ends."""
        return len(self._windows) // self._batch if isinstance(self._windows, ShardReader) else None

    def __iter__(self) -> WindowLoader:
        return self

    def __next__(self) -> _Step:
        began = time.perf_counter()
        if self._thread is None:
            made = self._assemble()
        else:
            future = self._ahead or self._thread.submit(self._assemble)
            made = future.result()
            self._ahead = self._thread.submit(self._assemble)
        self.wait_seconds += time.perf_counter() - began
        return made

    def _assemble(self) -> _Step:
        """The next step's arrays."""
        first = self._step * self._batch + self._rank * self._rows
        tokens, roles = self._windows.read(first, self._rows)
        self._step += 1
        ids = self.vocabulary.from_gpt2[tokens].astype(np.int64)
        self.vocabulary.check_known(ids)
        return range(first, first + self._rows), ids, roles

    def close(self) -> None:
        """Stop the workers."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
        if isinstance(self._windows, _Windows):
            self._windows.blocks.close()

    def __enter__(self) -> WindowLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _numbers(batch: int, rows: int, rank: int, step: int, per_block: int) -> Iterator[int]:
    """The blocks that a rank's windows lie in, in order, each once."""
    last = -1
    while True:
        first = step * batch + rank * rows
        for number in range(max(first // per_block, last + 1), (first + rows - 1) // per_block + 1):
            yield number
            last = number
        step += 1


class _Windows:
    """Windows by ascending number from blocks made in order."""

    def __init__(self, size: int, context: int, blocks: InOrder[tuple[int, np.ndarray, np.ndarray]]) -> None:
        self._size, self._context = size, context
        self.blocks = blocks
        self._number = -1
        self._tokens = self._roles = np.zeros((0, 0))

    def read(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows ``first`` .. ``first + count - 1``: tokens uint16 and roles uint8, both [count, context]."""
        tokens = np.empty((count, self._context), np.uint16)
        roles = np.empty((count, self._context), np.uint8)
        done = 0
        while done < count:
            number, row = divmod(first + done, self._size)
            while self._number < number:
                self._number, self._tokens, self._roles = next(self.blocks)
            rows = min(count - done, self._size - row)
            tokens[done : done + rows] = self._tokens[row : row + rows]
            roles[done : done + rows] = self._roles[row : row + rows]
            done += rows
        return tokens, roles


def _make(config: DataConfig, number: int) -> tuple[int, np.ndarray, np.ndarray]:
    made = block(config, number)
    return number, made.tokens, made.roles
