"""Answers of a model trained on text: greedy solutions of held-out problems, right if the final answer is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from igsm.checkpoints import find_checkpoint
from igsm.config import build_config
from igsm.decoding.cache import row_bytes
from igsm.decoding.devices import default_batch
from igsm.decoding.engine import Engine, prepare
from igsm.decoding.loop import Request
from igsm.decoding.rows import RowDecoder
from igsm.errors import InputError
from igsm.model.checkpoint import load_model
from igsm.rundir import VOCABULARY, atomic_write, provenance, read_json, read_jsonl, write_json
from igsm.statistics import wilson
from igsm.text.cut import cut_text
from igsm.text.formats import read
from igsm.text.record import Record
from igsm.text.tokens import plain_frame
from igsm.text.words import Words
from igsm.training.execution import fitting_threads
from igsm.training.text_config import TextData

RESULT, ANSWERS = "answers.json", "answers.jsonl"


def answer_held_out(path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Answer the held-out problems of a finished run, or read how it did; `answers.json` holds what is returned.

    Returns:
        n, right, accuracy (low and high: Wilson's interval), finished, taken_back (markers a solution), unknown (how
        many prompts have a word that the model does not know).

    Raises:
        InputError: no run of `mistakes text train`, or a held-out row that cannot be read.
    """
    if (path / RESULT).is_file():
        found: dict[str, Any] = read_json(path / RESULT)
        return found
    model, config = load_model(path)
    if config.get("stage") != "text":
        raise InputError(f"{path}: no run of `mistakes text train`")
    data = build_config(TextData, config["data"], f"{path}, data")
    vocabulary = find_checkpoint(path) / VOCABULARY
    words = Words.read(read_json(vocabulary), str(vocabulary))
    records = read_held_out(data)
    prompts = [words.encode(plain_frame(record).before) for record in records]
    context = max(map(len, prompts)) + data.answer_tokens
    ready = prepare(model, "cpu", "fp32")
    side_by_side = default_batch("cpu", 1, row_bytes(ready.slots, context, torch.float32))
    engine = Engine(ready, min(side_by_side, len(records)), context)
    decoder = RowDecoder(engine, words.end)
    most = data.answer_tokens
    requests = [Request(number, prompt, max_new_tokens=most) for number, prompt in enumerate(prompts)]
    lines: dict[int, dict[str, Any]] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(fitting_threads(ready))
    try:
        for made in decoder.run(requests):
            solution = words.decode(made.tokens)
            record = records[made.index]
            answer = cut_text(solution).answer
            lines[made.index] = {
                "index": made.index,
                "prompt": record.prompt,
                "solution": solution,
                "answer": answer,
                "true_answer": record.answer,
                "right": made.finished and _same(answer, record.answer),
                "finished": made.finished,
                "taken_back": solution.count(data.marker),
            }
            progress(len(lines), len(records))
    finally:
        torch.set_num_threads(threads)
    ordered = [lines[number] for number in range(len(records))]
    atomic_write(path / ANSWERS, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in ordered))
    n, right = len(ordered), sum(line["right"] for line in ordered)
    low, high = wilson(right, n)
    result = {
        "source": data.source,
        "held_out": data.held_out,
        "seed": config["seed"],
        "n": n,
        "right": right,
        "accuracy": right / n,
        "low": low,
        "high": high,
        "finished": sum(line["finished"] for line in ordered) / n,
        "taken_back": sum(line["taken_back"] for line in ordered) / n,
        "unknown": sum(words.unknown in prompt for prompt in prompts),
        "provenance": provenance(),
    }
    write_json(path / RESULT, result)
    return result


def read_held_out(data: TextData) -> list[Record]:
    """The problems to be answered. Raises InputError, with its line, for one that cannot be read or has no answer."""
    records = list(islice(_records(Path(data.held_out)), data.problems))
    if not records:
        raise InputError(f"{data.held_out}: has no rows")
    return records


def _records(path: Path) -> Iterator[Record]:
    for number, row in enumerate(read_jsonl(path), 1):
        try:
            record = read(row)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if not record.answer:
            raise InputError(f"{path}, line {number}: sets no final answer apart")
        yield record


def _same(answer: str, true_answer: str) -> bool:
    return answer.replace(",", "").strip() == true_answer.replace(",", "").strip()
