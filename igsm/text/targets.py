"""What trainers take: rows made of a record with mistakes, with no loss on the mistakes if wanted.

jsonl         the format it came from, with `spans` (start, end, kind) and `masked` (start, end) of the solution
segments      segments: [{label, text}]: axolotl's input_output
labels        input_ids, attention_mask, labels: axolotl's pretokenized data, transformers' Trainer
trl           input_ids, labels, completion_mask: TRL's SFTTrainer
preference    prompt, chosen, rejected: TRL's DPOTrainer and others; rejected has the first mistake and no marker
stepwise      prompt, completions, labels: TRL's and axolotl's step supervision
parquet       the record itself: turns, solution, answer, spans, masked
a format      any of `igsm.text.formats.FORMATS`, as jsonl
"""

from __future__ import annotations

from typing import Any

from igsm.errors import InputError, suggest
from igsm.text.conversations import as_messages
from igsm.text.formats import FORMATS, write
from igsm.text.inject import separator
from igsm.text.record import MISTAKE, RIGHT, Record, Row, Span
from igsm.text.tokens import NO_LOSS, Piece, Tokenizer, plain_frame

TARGETS = ("jsonl", "segments", "labels", "trl", "preference", "stepwise", "parquet", *FORMATS)
MASKS = ("none", "mistake", "step")
"""No loss on: nothing; what is wrong (of kind `number`, the number alone); the whole wrong step."""
NEED_TOKENS = ("labels", "trl")
_LISTS = ("prm800k", "steps")
_WITHOUT_MASK = ("preference", "stepwise", *_LISTS)


def must_need(target: str, tokenizer: Tokenizer | None) -> None:
    """Raise InputError for a tokenizer that a target does not read."""
    if target not in ("segments", *NEED_TOKENS) and tokenizer is not None:
        raise InputError(f"--tokenizer: {target} needs none; leave it out")


def must_fit(target: str, mask: str, tokenizer: Tokenizer | None) -> None:
    """Raise InputError for unknown names, a mask that a target cannot express and a tokenizer that it lacks."""
    if target not in TARGETS:
        raise InputError(f"unknown target '{target}'{suggest(target, TARGETS)}")
    if mask not in MASKS:
        raise InputError(f"unknown mask '{mask}'{suggest(mask, MASKS)}")
    if mask != "none" and target in _WITHOUT_MASK:
        raise InputError(f"--mask {mask}: {target} has labels of steps and no masks; leave --mask out")
    if target in NEED_TOKENS and tokenizer is None:
        raise InputError(f"--to {target} writes token ids: give --tokenizer FOLDER")
    must_need(target, tokenizer)


def masked(record: Record, mask: str) -> list[Span]:
    """Characters of the solution without loss, in order.

    White space right before belongs to them: a token that begins with it must not straddle the border.
    """
    spans = []
    for step in record.steps:
        if step.kind == MISTAKE and mask != "none":
            for start, end in step.wrong if mask == "mistake" else (Span(step.start, step.end),):
                spans.append(Span(len(record.text[:start].rstrip()), end))
    return spans


def pieces(record: Record, mask: str) -> list[Piece]:
    """The solution in texts that have loss or have none."""
    result: list[Piece] = []
    done = 0
    for start, end in masked(record, mask):
        result += [(record.text[done:start], True), (record.text[start:end], False)]
        done = end
    return [piece for piece in [*result, (record.text[done:], True)] if piece[0]]


def row_of(original: Record, record: Record, target: str, mask: str, tokenizer: Tokenizer | None) -> Row | None:
    """The row of a target; None for a preference without a mistake.

    Args:
        original: the record before mistakes were put in.

    Raises:
        InputError: the target has no room for it.
    """
    if target in ("segments", *NEED_TOKENS):
        framed = framed_pieces(record, mask, tokenizer)
        if target == "segments" or tokenizer is None:
            return {"segments": [{"label": trained, "text": text} for text, trained in framed]}
        ids, labels = tokenizer.encode(framed)
        if target == "labels":
            return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels}
        return {"input_ids": ids, "labels": labels, "completion_mask": [int(label != NO_LOSS) for label in labels]}
    if target == "preference":
        return _preference(original, record)
    if target == "stepwise":
        return FORMATS["steps"].write(record, {})
    if target == "parquet":
        turns = as_messages(record)
        return {"turns": turns, "solution": record.text, "answer": record.answer, **_spans(record, mask)}
    name = record.format if target == "jsonl" else target
    if name in _LISTS and mask != "none":
        raise InputError(f"{name} has labels of steps and no masks; leave --mask out or choose another --to")
    return {**write(record, name), **({} if name in _LISTS else _spans(record, mask))}


def framed_pieces(record: Record, mask: str, tokenizer: Tokenizer | None) -> list[Piece]:
    """Prompt, solution and end in texts that have loss or have none."""
    before, after = plain_frame(record) if tokenizer is None else tokenizer.frame(record)
    parts = [(before, False), *pieces(record, mask)]
    return [*parts, (after, True)] if after else parts


def sample_of(record: Record, made: Row, mask: str, tokenizer: Tokenizer | None) -> list[Piece]:
    """A row as the trainer sees it; of rows without masks, the prompt and the solution."""
    if "input_ids" in made and tokenizer is not None:
        return tokenizer.pieces(made["input_ids"], made["labels"])
    if "segments" in made:
        return framed_pieces(record, mask, tokenizer)
    return [(f"{record.prompt}\n", False), *pieces(record, mask)]


def _spans(record: Record, mask: str) -> Row:
    return {
        "spans": [{"start": step.start, "end": step.end, "kind": step.kind} for step in record.steps],
        "masked": [list(span) for span in masked(record, mask)],
    }


def _preference(original: Record, record: Record) -> Row | None:
    number = next((number for number, step in enumerate(record.steps) if step.kind == MISTAKE), None)
    if number is None:
        return None
    mistake = record.steps[number]
    place = sum(step.kind == RIGHT for step in record.steps[:number])
    step, text = original.steps[place], original.text
    changes_the_step = mistake.wrong != (Span(mistake.start, mistake.end),)
    rest = text[step.end :] if changes_the_step else separator(original, place) + text[step.start :]
    rejected = text[: step.start] + record.of(mistake) + rest
    if len(record.turns) == 1 and record.format not in ("messages", "sharegpt"):
        return {"prompt": record.prompt, "chosen": text, "rejected": rejected}
    said = ([{"role": "assistant", "content": content}] for content in (text, rejected))
    return {"prompt": as_messages(record), "chosen": next(said), "rejected": next(said)}


def parquet_schema() -> Any:
    """pyarrow's schema of `parquet` rows."""
    import pyarrow

    text, number = pyarrow.string(), pyarrow.int32()
    turn = pyarrow.struct([("role", text), ("content", text)])
    span = pyarrow.struct([("start", number), ("end", number), ("kind", text)])
    return pyarrow.schema(
        [
            ("turns", pyarrow.list_(turn)),
            ("solution", text),
            ("answer", text),
            ("spans", pyarrow.list_(span)),
            ("masked", pyarrow.list_(pyarrow.list_(number))),
        ]
    )
