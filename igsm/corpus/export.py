"""The documents of a corpus as text, for people and for other tools: JSONL, Parquet, chats.

A record is ``{problem, question, solution, answer, op, modulus, lexicon, bin, mistakes: [{step, parameter, kind}]}``.
The records are the documents of blocks 0, 1, 2, ... in order, those that `gen-data` cuts at a window's end whole. Files
take their name only when they are whole.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from igsm.corpus.blocks import documents, prepare
from igsm.corpus.config import DataConfig
from igsm.corpus.shards import whole_file
from igsm.corpus.workers import InOrder
from igsm.errors import InputError
from igsm.mistakes.document import Document
from igsm.mistakes.layout import PLAIN
from igsm.progress import waiting

ENDINGS = {".chat.jsonl": "chat", ".jsonl": "jsonl", ".parquet": "parquet"}
"""How a file's name ends -> its format."""
_OTHER_FILES = (".arrow", ".bin", ".csv", ".gz", ".json", ".ndjson", ".npy", ".tsv", ".txt", ".yaml", ".yml", ".zst")
_GROUP = 1000  # records written at a time

Record = dict[str, Any]


def records(
    config: DataConfig, *, problems: int | None = None, windows: int | None = None, workers: int = 1
) -> Iterator[Record]:
    """The first ``problems`` documents of the data, or those that begin in its first ``windows`` windows."""
    must_be_plain(config)
    size = config.windows_per_block
    jobs: Iterable[tuple[int, int]]
    if windows is None:
        jobs = ((number, size) for number in itertools.count())
    else:
        jobs = ((first // size, min(size, windows - first)) for first in range(0, windows, size))
    if workers == 1:  # one by one: a block of problems of 40 operations takes minutes
        yield from itertools.islice(itertools.chain.from_iterable(_records(config, job) for job in jobs), problems)
        return
    with waiting("making a first block, before the processes start"):
        prepare(config)
    with InOrder(functools.partial(_block_records, config), jobs, workers=workers) as blocks:
        yield from itertools.islice(itertools.chain.from_iterable(blocks), problems)


def must_be_plain(config: DataConfig) -> None:
    """Raise InputError if records cannot say what the documents of the config's method hold."""
    if config.method.layout() != PLAIN:
        raise InputError(
            f"method '{config.method.name}': its documents have other parts than a problem, a solution and an answer; "
            "write a folder of shards"
        )


def _records(config: DataConfig, job: tuple[int, int]) -> Iterator[Record]:
    lexicon = config.problem.problem_class.lexicon
    return (record_of(document, lexicon) for document in documents(config, *job))


def _block_records(config: DataConfig, job: tuple[int, int]) -> list[Record]:
    return list(_records(config, job))


def record_of(document: Document, lexicon: str) -> Record:
    """A document as a record of plain values; a box-over-box document has no op, modulus, lexicon and bin."""
    problem = document.problem
    return {
        "problem": document.problem_text.lstrip(),
        "question": document.question_text,
        "solution": document.solution_text.lstrip(),
        "answer": document.answer,
        "op": document.op,
        "modulus": None if problem is None else problem.modulus,
        "lexicon": None if problem is None else lexicon,
        "bin": document.bin,
        "mistakes": [
            {"step": span.step, "parameter": problem.name(span.parameter), "kind": span.kind}
            for span in document.spans
            if problem is not None
        ],
    }


def chat_of(item: Record) -> Record:
    """A record as a conversation, for trainers; the other fields are for a verifier.

    The solution ends in ". 5", the form that `ReasoningDataset.score_answer` and the lm-eval task grade.
    """
    turns = (("user", item["problem"]), ("assistant", f"{item['solution']} {item['answer']}"))
    rest = {name: item[name] for name in ("answer", "op", "modulus", "lexicon")}
    return {"messages": [{"role": role, "content": content} for role, content in turns], **rest}


def form_of(out: Path) -> str:
    """The format that a name asks for: one of `ENDINGS`, or "shards" for a folder.

    Raises:
        InputError: it has the ending of a file that is none of these.
    """
    name = out.name.lower()
    for ending, form in ENDINGS.items():
        if name.endswith(ending):
            return form
    if out.suffix.lower() in _OTHER_FILES:
        raise InputError(f"{out}: a file ends in {', '.join(ENDINGS)}; a name without an ending is a folder of shards")
    return "shards"


def write(out: Path, items: Iterable[Record]) -> None:
    """Write records into a new file, in the format that its name asks for.

    Raises:
        InputError: it exists, cannot be written, or is no file's name; the package for Parquet is not installed.
    """
    form = form_of(out)
    must_be_possible(form)
    if form == "parquet":
        _write_parquet(out, items)
    else:
        _write_lines(out, map(chat_of, items) if form == "chat" else items)


def must_be_possible(form: str) -> None:
    """Raise InputError if the package that a format needs is not installed."""
    if form == "parquet":
        try:
            importlib.import_module("pyarrow")
        except ImportError:
            raise InputError(
                "a .parquet file needs the package 'pyarrow', which is not installed: pip install pyarrow"
            ) from None


def _write_lines(path: Path, items: Iterable[Record]) -> None:
    with whole_file(must_be_new(path)) as partial, open(partial, "w", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")


def _write_parquet(path: Path, items: Iterable[Record]) -> None:
    import pyarrow
    import pyarrow.parquet

    text, number = pyarrow.string(), pyarrow.int32()
    mistake = pyarrow.struct([("step", number), ("parameter", text), ("kind", text)])
    schema = pyarrow.schema(
        [(name, text) for name in ("problem", "question", "solution")]
        + [(name, number) for name in ("answer", "op", "modulus", "bin")]
        + [("lexicon", text), ("mistakes", pyarrow.list_(mistake))]
    )
    with whole_file(must_be_new(path)) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as table:
        for group in _groups(items):
            table.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def must_be_new(path: Path, *, make_folder: bool = True) -> Path:
    """``path``, its folder made; InputError when it exists already or its folder cannot be made."""
    try:
        if path.exists():
            raise InputError(f"{path}: exists already; remove it or choose another name")
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _groups(items: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(items)
    while group := list(itertools.islice(iterator, _GROUP)):
        yield group
