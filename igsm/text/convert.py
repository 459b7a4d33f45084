"""Files of step-by-step text -> one file with mistakes in it, row after row, whole or not at all."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from igsm.corpus.export import must_be_new, must_be_possible
from igsm.corpus.shards import whole_file
from igsm.errors import InputError
from igsm.grading.records import read_objects
from igsm.text.formats import find_format, must_be_format, read
from igsm.text.inject import OTHERS, Injection, Other, inject, must_be_clean, other_steps
from igsm.text.record import MISTAKE, RIGHT, Record, Row
from igsm.text.targets import NO_LOSS, framed_pieces, must_fit, parquet_tables, pieces, row_of
from igsm.text.tokens import Piece, Tokenizer

_GROUP = 1000  # rows of a Parquet group
_REASONS = 3  # of skipped rows are kept


@dataclass
class Counts:
    """What `convert` has done.

    Attributes:
        rows: read, those that were skipped included.
        written: rows in the output.
        skipped: rows that could not be used.
        reasons: of the first of them.
        steps, mistakes, rows_with_mistakes: of the rows used; steps without the mistakes.
        tokens, tokens_with_loss: of targets made of token ids.
        formats: what the files were read as.
        samples: the first rows with mistakes, in texts that have loss or have none.
    """

    rows: int = 0
    written: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)
    steps: int = 0
    mistakes: int = 0
    rows_with_mistakes: int = 0
    tokens: int = 0
    tokens_with_loss: int = 0
    formats: list[str] = field(default_factory=list)
    samples: list[list[Piece]] = field(default_factory=list)

    def skip(self, reason: str) -> None:
        """A row that cannot be used."""
        self.skipped += 1
        if len(self.reasons) < _REASONS:
            self.reasons.append(reason)

    def add(self, record: Record, row: Row | None) -> None:
        """A row that was used, and what was made of it."""
        mistakes = sum(step.kind == MISTAKE for step in record.steps)
        self.steps += sum(step.kind == RIGHT for step in record.steps)
        self.mistakes += mistakes
        self.rows_with_mistakes += mistakes > 0
        self.written += row is not None
        if row is not None and "input_ids" in row:
            self.tokens += len(row["labels"])
            self.tokens_with_loss += len(row["labels"]) - row["labels"].count(NO_LOSS)


def convert(
    files: Sequence[Path],
    out: Path,
    injection: Injection,
    *,
    target: str = "jsonl",
    mask: str = "none",
    form: str = "auto",
    tokenizer: Tokenizer | None = None,
    skip_bad: bool = False,
    samples: int = 0,
) -> Iterator[Counts]:
    """Put mistakes into the rows of files and write them to a new file; memory does not grow with the files.

    Yields the counts, the same object, after every row; the file has its name when the iterator ends.

    Raises:
        InputError: a row that cannot be used, with its place, unless ``skip_bad``; nothing to write; a bad setting.
    """
    must_fit(target, mask, tokenizer)
    if form != "auto":
        must_be_format(form)
    _must_end(out, target)
    must_be_new(out, make_folder=False)
    counts = Counts()
    if injection.kind == "shuffle":
        injection = dataclasses.replace(injection, others=_others(files, form, injection.marker))

    def made() -> Iterator[Row | None]:
        for number, where, row in _rows(files, form, counts.formats):
            counts.rows += 1
            try:
                original = _readable(row, counts.formats[-1])
                record = inject(original, injection, number)
                new = row_of(original, record, target, mask, tokenizer)
            except InputError as error:
                if not skip_bad:
                    raise InputError(f"{where}: {error}; --skip-bad leaves such rows out") from None
                counts.skip(f"{where}: {error}")
                yield None
                continue
            counts.add(record, new)
            if new is not None and record is not original and len(counts.samples) < samples:
                counts.samples.append(_sample(record, new, mask, tokenizer))
            yield new

    yield from _written(out, target, made(), counts)


def _written(out: Path, target: str, rows: Iterable[Row | None], counts: Counts) -> Iterator[Counts]:
    with whole_file(out) as partial:
        if target == "parquet":
            yield from _parquet(partial, rows, counts)
        else:
            with open(partial, "w", encoding="utf-8", newline="\n") as file:
                for row in rows:
                    if row is not None:
                        file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    yield counts
        if counts.rows == 0:
            raise InputError("no rows in the files; one JSON object a line is expected")
        if counts.written == 0:
            why = "no mistake was drawn" if counts.skipped < counts.rows else f"none can be used: {counts.reasons[0]}"
            raise InputError(f"{out}: no rows to write of {counts.rows}: {why}")


def _parquet(partial: Path, rows: Iterable[Row | None], counts: Counts) -> Iterator[Counts]:
    import pyarrow.parquet

    used = (row for row in rows if row is not None)
    groups = iter(lambda: list(itertools.islice(used, _GROUP)), [])
    schema, tables = parquet_tables(groups)
    with pyarrow.parquet.ParquetWriter(partial, schema) as file:
        for table in tables:
            file.write_table(table)
            yield counts


def _must_end(out: Path, target: str) -> None:
    ending = ".parquet" if target == "parquet" else ".jsonl"
    if not out.name.endswith(ending) or out.name == ending:
        raise InputError(f"{out}: --to {target} writes a file whose name ends in {ending}")
    if target == "parquet":
        must_be_possible("parquet")


def _rows(files: Sequence[Path], form: str, formats: list[str]) -> Iterator[tuple[int, str, Row]]:
    """Number in all files from 0, place, and content; `formats` grows with each file, by its first row."""
    number = 0
    for path in files:
        first = True
        for _, where, row in read_objects(path, errors="surrogateescape"):
            if first:
                try:
                    formats.append(find_format(row) if form == "auto" else form)
                except InputError as error:
                    raise InputError(f"{where}: {error}") from None
                first = False
            yield number, where, row
            number += 1


def _readable(row: Row, form: str) -> Record:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError("it holds bytes or characters that are not UTF-8") from None
    return read(row, form)


def _others(files: Sequence[Path], form: str, marker: str) -> tuple[Other, ...]:
    found: list[Other] = []
    formats: list[str] = []
    for number, _, row in itertools.islice(_rows(files, form, formats), OTHERS):
        try:
            record = _readable(row, formats[-1])
            must_be_clean(record, marker)
        except InputError:
            continue
        found += other_steps(record, number)
    if len({other.row for other in found}) < 2:
        raise InputError("--kind shuffle takes steps of other rows: two rows that can be cut, or more, are needed")
    return tuple(found)


def _sample(record: Record, made: Row, mask: str, tokenizer: Tokenizer | None) -> list[Piece]:
    """A row as the trainer sees it; of rows without masks, the prompt and the solution."""
    if "input_ids" in made and tokenizer is not None:
        return tokenizer.pieces(made["input_ids"], made["labels"])
    if "segments" in made:
        return framed_pieces(record, mask, tokenizer)
    return [(f"{record.prompt}\n", False), *pieces(record, mask)]
