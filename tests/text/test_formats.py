"""Rows of other people's formats: read, written, read again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from igsm.errors import InputError
from igsm.text import FORMATS, find_format, read, write
from igsm.text.step_lists import items
from tests.text.written import GSM8K, LATEX

# Texts as they come: any characters that JSON files hold, and the parts that cutting looks for.
PARTS = ["\r\n", "\n\n", "\n", " ", "", "[BACK]", "#### 7", "\\boxed{7}", "$x^2$", "<think>", "</think>", "```",
         "\\[", "\\]", "<<3+4=7>>7", "It is 7. So ",
         "\\begin{align}", "\\end{align}", "\u2028", "\x85", "🐟"]  # fmt: skip
texts = st.lists(st.sampled_from(PARTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)).map("".join)
lists = st.lists(texts, min_size=1, max_size=6)
extra = st.dictionaries(st.sampled_from(["id", "source", "level"]), st.none() | st.integers() | texts, max_size=2)
labels = st.booleans()


def shuffled(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    return dict(draw(st.permutations(list((row | draw(extra)).items()))))


def turns(draw: st.DrawFn, role: str, content: str, names: tuple[str, str, str]) -> list[dict[str, Any]]:
    before = [{role: names[0], content: f"Be brief. {draw(texts)}"}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        before += [{role: names[1], content: draw(texts)}, {content: draw(texts), role: names[2], "weight": 0}]
    return [*before, {role: names[1], content: draw(texts)}, {role: names[2], content: draw(texts)}]


@st.composite
def rows(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A random row of a format."""
    row: dict[str, Any]
    if name == "gsm8k":
        row = {
            "question": draw(texts),
            "answer": f"{draw(texts)}\n#### {draw(st.integers())}{draw(st.sampled_from(PARTS[:5]))}",
        }
    elif name == "math":
        row = {"problem": draw(texts), "solution": draw(texts)}
    elif name == "messages":
        row = {"messages": turns(draw, "role", "content", ("system", "user", "assistant"))}
    elif name == "sharegpt":
        row = {"conversations": turns(draw, "from", "value", ("system", "human", "gpt"))}
    elif name == "alpaca":
        row = {"instruction": draw(texts), "input": draw(texts), "output": draw(texts)}
        row |= draw(st.sampled_from([{}, {"system": "Be brief."}, {"history": [["a", "b"]]}, {"history": []}]))
    elif name == "prompt-completion":
        row = {"prompt": draw(texts), "completion": draw(texts)}
        if draw(st.booleans()):
            said = turns(draw, "role", "content", ("system", "user", "assistant"))
            row = {"prompt": said[:-1], "completion": said[-1:]}
    elif name == "prm800k":
        steps = []
        for text in draw(lists):
            other, rating = draw(texts), draw(st.sampled_from([1, 0, -1, None]))
            completions = [{"text": other, "rating": -1}, {"text": text, "rating": rating, "flagged": None}]
            human = draw(st.booleans())
            steps.append(
                {
                    "completions": completions,
                    "human_completion": {"text": text, "source": "human"} if human else None,
                    "chosen_completion": None if human else 1,
                }
            )
        row = {
            "question": {"problem": draw(texts), "ground_truth_answer": draw(texts)},
            "label": {"steps": steps, "total_time": 5, "finish_reason": "solution"},
        }
    else:
        row = {draw(st.sampled_from(["prompt", "problem", "question"])): draw(texts)}
        given = draw(lists)
        row[draw(st.sampled_from(["steps", "completions"]))] = given
        if draw(st.booleans()):
            row["labels"] = [draw(labels) for _ in given]
    return shuffled(draw, row)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_row_comes_back_byte_for_byte(name: str, data: st.DataObject) -> None:
    """Guards: white space, line ends, empty steps, other fields and their order lost on the way."""
    row = data.draw(rows(name))
    record = read(row, name)
    assert json.dumps(write(record, name)) == json.dumps(row)
    for first, second in zip(record.steps, record.steps[1:], strict=False):
        assert 0 <= first.start <= first.end <= second.start <= second.end <= len(record.text)
    assert 0 <= record.answer_start <= len(record.text)


@pytest.mark.parametrize("other", FORMATS)
@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_record_goes_through_every_other_format(name: str, other: str, data: st.DataObject) -> None:
    """Guards: text lost between two formats, there and back. Only lists of steps lose the white space between steps."""
    record = read(data.draw(rows(name)), name)
    try:
        row = write(record, other)
    except InputError:
        assert len(record.turns) > 1 or other == "gsm8k"
        return
    again = read(row, other)
    assert [turn.content for turn in again.turns] == [turn.content for turn in record.turns]
    if other in ("prm800k", "steps"):
        assert [text for text, _ in items(again)] == [text for text, _ in items(record)]
    elif other == "gsm8k":
        assert again.text.startswith(record.text)
    else:
        assert again.text == record.text
        if name not in ("prm800k", "steps", other):
            assert json.dumps(write(again, name)) == json.dumps(write(replace(record, format="none"), name))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_format_is_known_by_its_fields(name: str, data: st.DataObject) -> None:
    assert find_format(data.draw(rows(name))) == name


def test_rows_written_by_hand() -> None:
    record = read(GSM8K[0])
    assert record.prompt.startswith("Mara")
    assert record.answer == "108"
    chat = write(record, "messages")
    assert chat["messages"][1] == {"role": "assistant", "content": GSM8K[0]["answer"]}
    listed = write(read({"problem": "?", "solution": LATEX}), "steps")
    assert len(listed["completions"]) == 4
    assert listed["labels"] == [True] * 4
    assert write(read({"problem": "?", "solution": LATEX}), "gsm8k")["answer"].endswith("\\boxed{28}.\n#### 28")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"text": "?"}, "auto", "its format is not known .*text.*gsm8k, math"),
    ({"question": "?", "answer": "5"}, "gsm8k", "last line does not begin with '####'"),
    ({"question": "?", "answer": 5}, "gsm8k", "'answer' is not text"),
    ({"problem": "?"}, "math", "'solution' is missing"),
    ({"messages": [{"role": "user", "content": "?"}]}, "messages", "does not end in a user's turn"),
    ({"messages": [{"role": "user", "content": None}]}, "messages", r"'messages\[0\].content' is null"),
    ({"conversations": "?"}, "sharegpt", "'conversations' is no list of objects"),
    ({"instruction": "?", "output": "!", "history": [["a"]]}, "alpaca", "'history' is no list of pairs"),
    ({"instruction": "?", "output": "!", "history": 5}, "alpaca", "'history' is no list of pairs"),
    ({"prompt": "?", "completion": [{"role": "a", "content": "!"}]}, "prompt-completion", "'prompt' is no list"),
    ({"prompt": "?", "steps": ["a", 1]}, "steps", "'steps' is no list of texts"),
    ({"prompt": "?", "steps": ["a"], "labels": []}, "steps", "'labels' is no list of 1"),
    ({"question": {"problem": "?"}, "label": {"steps": [{"completions": [{"text": "a", "rating": -1}],
      "human_completion": None, "chosen_completion": None}]}}, "prm800k", r"steps\[0\]: no completion was chosen"),
    ({}, "gsm9k", "unknown format 'gsm9k'; did you mean 'gsm8k'"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "name", "message"), WRONG, ids=[message for _, _, message in WRONG])
def test_what_is_no_row_is_named(row: dict[str, Any], name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(row, name)
