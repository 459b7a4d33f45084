"""`segments` as axolotl reads them, ``type: input_output``.

Each segment is tokenized by itself, without special tokens, and has loss if its `label` is true (axolotl 0.19,
prompt_strategies/input_output.py). So a border that no token straddles gives the ids and labels of `labels`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.text import KINDS, Injection, Record, inject, read, write
from igsm.text.inject import other_steps
from igsm.text.targets import row_of
from igsm.text.tokens import NO_LOSS, Tokenizer
from tests.text.written import GSM8K, LATEX

Make = Callable[[bool], Path]


def records(kind: str) -> list[Record]:
    plain = [*map(read, GSM8K), read({"problem": "Which perimeter?", "solution": LATEX})]
    plain += [read(write(record, "messages")) for record in plain]
    others = tuple(other for number, record in enumerate(plain) for other in other_steps(record, number))
    return [inject(one, Injection(kind, 0.6, others=others), row) for row, one in enumerate(plain * 2)]


def as_axolotl(tokenizer: Any, segments: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    """Ids and labels, by the rule above."""
    ids: list[int] = []
    labels: list[int] = []
    for segment in segments:
        own = tokenizer(segment["text"], add_special_tokens=False)["input_ids"]
        ids += own
        labels += own if segment["label"] else [NO_LOSS] * len(own)
    return ids, labels


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_axolotl_trains_on_the_tokens_of_labels(kind: str, chat: bool, tokenizer_folder: Make) -> None:
    """Guards: segments that lose characters, or that axolotl would train on beside `labels`.

    A byte-level tokenizer as GPT-2's begins no token within a word, and our borders stand before white space: the two
    agree token for token. Only a wrong number alone begins within a word: there the same characters have loss, but for
    those of straddling tokens.
    """
    tokenizer = Tokenizer(tokenizer_folder(chat))
    hub = tokenizer._tokenizer
    for record in records(kind):
        for mask in ("none", "mistake", "step"):
            segments = row_of(record, record, "segments", mask, tokenizer)
            labels = row_of(record, record, "labels", mask, tokenizer)
            assert segments is not None
            assert labels is not None
            theirs = as_axolotl(hub, segments["segments"])
            if kind != "number" or mask != "mistake":
                assert theirs == (labels["input_ids"], labels["labels"])
                continue
            assert hub.decode(theirs[0]) == hub.decode(labels["input_ids"])
            trained = "".join(text for text, has_loss in tokenizer.pieces(*theirs) if has_loss)
            assert trained == "".join(one["text"] for one in segments["segments"] if one["label"])
            ours = "".join(
                text for text, has_loss in tokenizer.pieces(labels["input_ids"], labels["labels"]) if has_loss
            )
            assert len(trained) - 12 * len(record.steps) < len(ours) <= len(trained)


@pytest.mark.filterwarnings("ignore")  # axolotl's own
def test_axolotl_itself_reads_them_so(tokenizer_folder: Make) -> None:
    strategy = pytest.importorskip("axolotl.prompt_strategies.input_output", exc_type=ImportError)
    tokenizer = Tokenizer(tokenizer_folder(True))
    reader = strategy.RawInputOutputStrategy(strategy.RawInputOutputPrompter(), tokenizer._tokenizer, False, 2048)
    for record in records("weak"):
        segments = row_of(record, record, "segments", "step", tokenizer)
        assert segments is not None
        theirs = reader.tokenize_prompt(segments)
        assert (theirs["input_ids"], theirs["labels"]) == as_axolotl(tokenizer._tokenizer, segments["segments"])
