"""Files of JSON lines, and what else holds rows: .gz, .json, .parquet, standard input."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from igsm.errors import InputError
from igsm.rundir import BYTE_ORDER_MARK


def read_objects(path: str | Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Line, place for messages and content of the JSON objects in a file, as of `Source`."""
    for number, where, content in Source(path):
        yield number, where, parsed_object(content, where)


class Source:
    """The lines of a file, or of standard input where its name is "-", one after another.

    A file called .json (not .jsonl) is one document: a list of objects, or an object with a list `samples`; a .parquet
    file is a table. The numbers are then those of the objects or rows.

    Args:
        errors: what becomes of bytes that are not UTF-8, see `codecs`.

    Attributes:
        size: in bytes; None of what is no file.
    """

    def __init__(self, path: str | Path, errors: str = "replace") -> None:
        self.path, self._errors = Path(path), errors
        self.name = "standard input" if str(path) == "-" else str(path)
        self.size = self.path.stat().st_size if self.path.is_file() else None
        self._position: Callable[[], float] = lambda: 0.0

    @property
    def position(self) -> int:
        """About so many bytes have been read."""
        return int(self._position())

    def __iter__(self) -> Iterator[tuple[int, str, Any]]:
        """Number from 1, place for messages and content: a line as text, an object of a document, a row as a dict."""
        try:
            raw = sys.stdin.buffer if str(self.path) == "-" else open(self.path, "rb")  # noqa: SIM115  closed below
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
        with raw if raw is not sys.stdin.buffer else contextlib.nullcontext():
            if self.size is not None:
                self._position = raw.tell
            if self.path.suffix == ".parquet":
                yield from self._table(raw)
                return
            stream: Any = gzip.GzipFile(fileobj=raw) if self.path.suffix == ".gz" else raw
            file = io.TextIOWrapper(stream, encoding="utf-8", errors=self._errors)
            try:
                if self.path.suffix == ".json":
                    for number, record in enumerate(_documents(_parsed(file.read(), self.name)), 1):
                        yield number, f"{self.name}, record {number}", record
                    return
                for number, line in enumerate(file, 1):
                    if line.removeprefix(BYTE_ORDER_MARK).strip():
                        yield number, f"{self.name}, line {number}", line
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise InputError(f"{self.path}: not a whole gzip file: {error}") from None
            except OSError as error:
                raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
            finally:
                file.detach()  # closed by whoever opened it
                self._position = lambda: float(self.size or 0)

    def _table(self, raw: Any) -> Iterator[tuple[int, str, Any]]:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise InputError(
                f"{self.path}: reading it needs the package 'pyarrow', which is not installed: pip install pyarrow"
            ) from None
        try:
            table = pyarrow.parquet.ParquetFile(raw)
        except pyarrow.ArrowException as error:
            raise InputError(f"{self.path}: not a Parquet file: {str(error).splitlines()[0]}") from None
        number, rows = 0, max(table.metadata.num_rows, 1)
        self._position = lambda: (self.size or 0) * number / rows
        batches = table.iter_batches(batch_size=1000)
        while True:
            try:
                batch = next(batches, None)
            except (pyarrow.ArrowException, OSError) as error:
                raise InputError(
                    f"{self.path}: cannot be read behind row {number}: {' '.join(str(error).split())}"
                ) from None
            if batch is None:
                return
            for row in batch.to_pylist():
                number += 1
                yield number, f"{self.path}, row {number}", row


def parsed_object(content: Any, where: str) -> dict[str, Any]:
    """What a `Source` gives as a JSON object. Raises InputError, with the place, if it is none."""
    expected = "one JSON object a line is expected; a list of them may be a file called .json"
    try:
        value = _parsed(content, where) if isinstance(content, str) else content
    except InputError as error:
        raise InputError(f"{error}; {expected}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: no JSON object but {str(value)[:40]!r}; {expected}")
    return value


def _documents(whole: Any) -> list[Any]:
    samples = whole.get("samples") if isinstance(whole, dict) else whole
    return samples if isinstance(samples, list) else [whole]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from None
