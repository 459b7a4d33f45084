"""Shards: windows in files that other people's trainers can read.

A shard is three files:

- ``shard_NNNNNN.bin``: the layout of llm.c: 256 int32 (magic 20240520, version 1, number of tokens), then the
  tokens as uint16 GPT-2 ids, window after window;
- ``shard_NNNNNN.planes``: the roles of the tokens (`igsm.mistakes.layout.Role`): one bit a token and role, role after
  role as the manifest lists them, each padded to a whole byte, lowest bit first;
- ``shard_NNNNNN.documents``: uint64, where each document begins, in tokens from the shard's start.

All numbers are little-endian. A file takes its name only when it is whole and on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from igsm.corpus.manifest import FileRecord, ShardRecord, check_files, read_manifest, record_path
from igsm.corpus.packing import Block
from igsm.corpus.vocabulary import END
from igsm.errors import InputError
from igsm.mistakes.layout import Role
from igsm.rundir import write_json

MAGIC, VERSION, HEADER_INTS = 20240520, 1, 256
HEADER_BYTES = 4 * HEADER_INTS


@contextlib.contextmanager
def whole_file(path: Path, kept: str = "nothing of it is kept") -> Iterator[Path]:
    """A ``.partial`` name of this process to write to; what is there at the end gets the name ``path``, after an error
    it is removed.

    Raises InputError when the disk is full or the folder cannot be written; it ends with ``kept``.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; {kept}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


class HashedFile:
    """A file that is hashed as it grows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._bytes = 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._bytes += len(data)

    @property
    def record(self) -> FileRecord:
        return FileRecord(bytes=self._bytes, sha256=self._hash.hexdigest())


@contextlib.contextmanager
def hashed_file(path: Path) -> Iterator[HashedFile]:
    """A file of a shard, which gets its name when it is whole, see :func:`whole_file`."""
    kept = "finished shards are kept, the same command goes on from there"
    with whole_file(path, kept) as partial, open(partial, "wb") as file:
        yield HashedFile(file)


def header(n_tokens: int) -> bytes:
    """The llm.c header of a file of ``n_tokens`` uint16 tokens."""
    numbers = np.zeros(HEADER_INTS, "<i4")
    numbers[:3] = MAGIC, VERSION, n_tokens
    return numbers.tobytes()


def write_shard(
    folder: Path,
    shard: int,
    first_window: int,
    n_windows: int,
    context: int,
    blocks: Iterable[Block],
    roles: Sequence[Role],
) -> ShardRecord:
    """Write the first ``n_windows`` windows of ``blocks`` as one shard, its record last."""
    name = f"shard_{shard:06d}"
    bits: list[list[np.ndarray]] = [[] for _ in roles]
    starts = []
    n_tokens = n_windows * context
    done = cut = dropped = 0
    with hashed_file(folder / f"{name}.bin") as file:
        file.write(header(n_tokens))
        for block in blocks:
            tokens = block.tokens.reshape(-1)[: n_tokens - done]
            kept = block.roles.reshape(-1)[: n_tokens - done]
            file.write(tokens.astype("<u2", copy=False).tobytes())
            for role, parts in zip(roles, bits, strict=True):
                parts.append(kept & role != 0)
            starts.append(block.documents[block.documents < tokens.size] + np.uint64(done))
            done += tokens.size
            cut += int((tokens.reshape(-1, context)[:, -1] != END).sum())
            dropped += block.n_dropped
    files = {f"{name}.bin": file.record}
    with hashed_file(folder / f"{name}.planes") as file:
        for parts in bits:
            file.write(np.packbits(np.concatenate(parts), bitorder="little").tobytes())
    files[f"{name}.planes"] = file.record
    documents = np.concatenate(starts)
    with hashed_file(folder / f"{name}.documents") as file:
        file.write(documents.astype("<u8", copy=False).tobytes())
    files[f"{name}.documents"] = file.record
    record = ShardRecord(
        shard=shard,
        first_window=first_window,
        windows=n_windows,
        documents=documents.size,
        cut=cut,
        dropped=dropped,
        files=files,
    )
    write_json(record_path(folder, shard), record.model_dump(mode="json"))
    return record


class ShardReader:
    """The windows of a folder of shards, by number.

    Sizes are checked when the folder is opened, a shard's sha256 when it is first read. InputError names the
    file that is missing, cut short or changed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self.context: int = self.manifest.law["context"]
        for record in self.manifest.shards:
            check_files(self.folder, record, sizes_only=True)
        self._roles = np.array([Role[name.upper()] for name in self.manifest.roles], np.uint8)
        self._shard = -1
        self._tokens = np.zeros((0, self.context), np.uint16)
        self._planes = np.zeros((0, 0), np.uint8)

    def __len__(self) -> int:
        """Number of windows."""
        return self.manifest.windows

    def read(self, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows ``first`` .. ``first + count - 1``: tokens uint16 and roles uint8, both [count, context]."""
        if first + count > len(self):
            raise InputError(
                f"{self.folder}: holds {len(self)} windows, window {first + count - 1} is wanted; "
                "generate a larger corpus into a new folder"
            )
        tokens = np.empty((count, self.context), np.uint16)
        roles = np.zeros((count, self.context), np.uint8)
        done = 0
        while done < count:
            shard, row = divmod(first + done, self.manifest.windows_per_shard)
            self._open(shard)
            rows = min(count - done, self._tokens.shape[0] - row)
            tokens[done : done + rows] = self._tokens[row : row + rows]
            roles[done : done + rows] = self._read_roles(row, rows)
            done += rows
        return tokens, roles

    def _open(self, shard: int) -> None:
        if shard == self._shard:
            return
        record = self.manifest.shards[shard]
        check_files(self.folder, record)
        path = self.folder / f"shard_{shard:06d}.bin"
        numbers = np.fromfile(path, "<i4", 3)
        if numbers.tolist() != [MAGIC, VERSION, record.windows * self.context]:
            raise InputError(f"{path}: its header {numbers.tolist()} is not that of a shard of the manifest's size")
        shape = (record.windows, self.context)
        self._tokens = np.memmap(path, "<u2", "r", HEADER_BYTES, shape)
        self._planes = np.memmap(path.with_suffix(".planes"), np.uint8, "r").reshape(len(self._roles), -1)
        self._shard = shard

    def _read_roles(self, row: int, rows: int) -> np.ndarray:
        start, end = row * self.context, (row + rows) * self.context
        packed = self._planes[:, start // 8 : -(-end // 8)]
        bits = np.unpackbits(packed, axis=1, bitorder="little")[:, start % 8 : start % 8 + end - start]
        return (bits * self._roles[:, None]).sum(axis=0, dtype=np.uint8).reshape(rows, self.context)
