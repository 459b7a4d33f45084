"""Graded solutions of one problem -> rows of preference, step supervision and reinforcement learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from igsm.problems.difficulty import SPLITS
from igsm.text.conversations import as_messages
from igsm.text.record import BACK, RIGHT, Record, Row, Span
from igsm.text.solutions import Solved, without_mistakes


def stepwise(one: Solved) -> Row:
    """Sentences up to the first wrong one, else all of them and the final answer, if the text states one."""
    record = one.record
    spans: list[Span] = []
    for step in record.steps:
        start = spans.pop().start if step.kind == BACK else step.start
        spans.append(Span(start, step.end))
    labels = list(one.labels)
    texts = [record.text[start:end] for start, end in spans[: len(labels)]]
    if one.wrong_step is None and record.answer:
        texts.append(record.answer)
        labels.append(one.verdict.correct)
    return {"prompt": record.prompt, "completions": texts, "labels": labels}


def pairs(group: list[Solved]) -> Iterator[Row | str]:
    """Wrong solutions beside right ones of the same problem, or the generator's; right ones beside their first mistake.

    The k-th wrong solution goes with the k-th right one, from the start again when there are fewer. A text says why a
    solution is in no pair.
    """
    right = [one for one in group if one.verdict.correct]
    wrong = [one for one in group if not one.verdict.correct]
    for number, one in enumerate(wrong):
        if right:
            chosen = without_mistakes(right[number % len(right)].record).text
        else:
            chosen = f"{one.problem.solution_text.strip()} {one.problem.answer}"
        yield _pair(one.record, chosen, one.record.text, "file" if right else "generator")
    for one in right:
        kept = without_mistakes(one.record)
        if not one.verdict.taken_back:
            if not wrong:
                yield "have no mistake"
            continue
        rejected = _with_first_mistake(one, kept)
        if rejected is None:
            yield "take back no whole wrong step"
        else:
            yield _pair(one.record, kept.text, rejected, "file")


def _with_first_mistake(one: Solved, kept: Record) -> str | None:
    """The right steps with the first wrong one for the step that it stands before; None if none is written whole."""
    mistakes = {step.number for step in one.verdict.steps if step.mistake is not None}
    sentences = [step for step in one.record.steps if step.kind != BACK]
    for number, step in enumerate(sentences, 1):
        if number not in mistakes:
            continue
        place = sum(before.kind == RIGHT for before in sentences[: number - 1])
        if place == len(kept.steps):
            break
        wrong = one.record.of(step).removesuffix(".") + "."
        return kept.text[: kept.steps[place].start] + wrong + kept.text[kept.steps[place].end :]
    return None


def _pair(record: Record, chosen: str, rejected: str, source: str) -> Row:
    if record.format != "messages":
        return {"prompt": record.prompt, "chosen": chosen, "rejected": rejected, "chosen_from": source}
    said = [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
    return {"prompt": as_messages(record), "chosen": said[0], "rejected": said[1], "chosen_from": source}


def verl(one: Solved, index: int, lexicon: str | None = None) -> Row:
    """A row of reinforcement learning.

    Args:
        lexicon: goes over the record's own.
    """
    problem, about = one.problem, one.solution
    return {
        "data_source": "igsm",
        "prompt": as_messages(one.record),
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": str(problem.answer)},
        "extra_info": {
            "split": next((split for split, bins in SPLITS.items() if about.fields.get("bin") in bins), None),
            "index": index,
            "problem": one.record.prompt,
            "modulus": problem.modulus,
            "lexicon": lexicon or about.lexicon or "full",
            "op": problem.op,
        },
    }


def verl_schema() -> Any:
    import pyarrow

    text, number = pyarrow.string(), pyarrow.int64()
    extra = [("split", text), ("index", number), ("problem", text), ("modulus", number), ("lexicon", text)]
    return pyarrow.schema(
        [
            ("data_source", text),
            ("prompt", pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))),
            ("ability", text),
            ("reward_model", pyarrow.struct([("style", text), ("ground_truth", text)])),
            ("extra_info", pyarrow.struct([*extra, ("op", number)])),
        ]
    )
