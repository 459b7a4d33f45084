"""The documents of a corpus as text, for people and for other tools: JSONL, Parquet, chats, Hugging Face datasets.

A record is ``{problem, question, solution, answer, op, modulus, lexicon, bin, mistakes: [{step, parameter, kind}]}``.
The records are the documents of blocks 0, 1, 2, ... in order, those that `gen-data` cuts at a window's end whole. Files
take their name only when they are whole.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from igsm.corpus.blocks import documents, prepare
from igsm.corpus.config import DataConfig
from igsm.corpus.shards import whole_file
from igsm.corpus.workers import InOrder
from igsm.errors import InputError, suggest
from igsm.mistakes.document import Document
from igsm.mistakes.layout import PLAIN

FORMATS = ("parquet", "jsonl", "chat", "hf")
_GROUP = 1000  # records written at a time

Record = dict[str, Any]


def records(
    config: DataConfig, *, problems: int | None = None, windows: int | None = None, workers: int = 1
) -> Iterator[Record]:
    """The first ``problems`` documents of the data, or those that begin in its first ``windows`` windows."""
    must_be_plain(config)
    prepare(config)
    size = config.windows_per_block
    jobs: Iterable[tuple[int, int]]
    if windows is None:
        jobs = ((number, size) for number in itertools.count())
    else:
        jobs = ((first // size, min(size, windows - first)) for first in range(0, windows, size))
    make = functools.partial(_block_records, config)
    with InOrder(make, jobs, workers=workers if workers > 1 else 0) as blocks:
        yield from itertools.islice(itertools.chain.from_iterable(blocks), problems)


def must_be_plain(config: DataConfig) -> None:
    """Raise InputError if records cannot say what the documents of the config's method hold."""
    if config.method.layout() != PLAIN:
        raise InputError(
            f"method '{config.method.name}': its documents have other parts than a problem, a solution and an answer; "
            "write shards, without --text and --export"
        )


def _block_records(config: DataConfig, job: tuple[int, int]) -> list[Record]:
    lexicon = config.problem.problem_class.lexicon
    return [record_of(document, lexicon) for document in documents(config, *job)]


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


def write_text(path: str | Path, items: Iterable[Record]) -> None:
    """Write records as JSONL. Raises InputError when the file exists or cannot be written."""
    path = must_be_new(Path(path))
    with whole_file(path) as partial, open(partial, "w", encoding="utf-8") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")


def writer(form: str, option: str = "--export") -> Callable[[Path, str, Iterable[Record]], Path]:
    """The function (out, split, records) -> path that writes a format.

    jsonl, chat: the file ``out`` if it ends in .jsonl, else ``SPLIT.jsonl`` in the folder ``out``. parquet: the same
    with .parquet. hf: the folder ``out`` as a Hugging Face dataset.
    InputError, naming the command's ``option``, for an unknown format and for one whose package is not installed.
    """
    if form == "jsonl":
        return _write_jsonl
    if form == "chat":
        return _write_chat
    if form == "parquet":
        _need("pyarrow", form, option)
        return _write_parquet
    if form == "hf":
        _need("datasets", form, option)
        return _write_hf
    raise InputError(f"{option} {form}: unknown format{suggest(form, FORMATS)}")


def _need(package: str, form: str, option: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError:
        raise InputError(
            f"{option} {form}: needs the package '{package}', which is not installed: pip install {package}"
        ) from None


def target(out: Path, split: str, form: str) -> Path:
    """Where a format is written: see :func:`writer`."""
    if form == "hf":
        return out
    ending = ".parquet" if form == "parquet" else ".jsonl"
    return out if out.suffix == ending else out / f"{split}{ending}"


def _write_jsonl(out: Path, split: str, items: Iterable[Record]) -> Path:
    path = target(out, split, "jsonl")
    write_text(path, items)
    return path


def _write_chat(out: Path, split: str, items: Iterable[Record]) -> Path:
    return _write_jsonl(out, split, map(chat_of, items))


def _write_parquet(out: Path, split: str, items: Iterable[Record]) -> Path:
    import pyarrow
    import pyarrow.parquet

    text, number = pyarrow.string(), pyarrow.int32()
    mistake = pyarrow.struct([("step", number), ("parameter", text), ("kind", text)])
    schema = pyarrow.schema(
        [(name, text) for name in ("problem", "question", "solution")]
        + [(name, number) for name in ("answer", "op", "modulus", "bin")]
        + [("lexicon", text), ("mistakes", pyarrow.list_(mistake))]
    )
    path = must_be_new(target(out, split, "parquet"))
    with whole_file(path) as partial, pyarrow.parquet.ParquetWriter(partial, schema) as table:
        for group in _groups(items):
            table.write_table(pyarrow.Table.from_pylist(group, schema=schema))
    return path


def _write_hf(folder: Path, split: str, items: Iterable[Record]) -> Path:
    import datasets

    must_be_new(folder)
    partial = None
    try:
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        table = _write_parquet(partial / "from", split, items)
        loaded = datasets.Dataset.from_parquet(str(table), split=split, cache_dir=str(partial / "cache"))
        loaded.save_to_disk(str(partial / "made"))
        (partial / "made").rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


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
