"""From rows of text to windows: stories, words, packing."""

from __future__ import annotations

import json
import re

import pytest

from igsm.errors import InputError
from igsm.text.formats import read
from igsm.text.numbers import arithmetic, numbers_of
from igsm.text.stories import LEAST_STEPS, story
from igsm.text.training_rows import Windows, read_segments
from igsm.text.words import Words, split_words

ROWS = [[("Q: 12 a\n", False), ("a is 12.\n#### 12", True)], [("Q: b\n", False), ("b is c.", True), (" [BACK]", False)]]


def test_stories_are_right_and_solved_in_an_order_that_works():
    seen = set()
    for index in range(200):
        row = story(3, index)
        record = read(row)
        known = numbers_of(record.prompt)
        for step in record.steps:
            line = record.of(step)
            assert arithmetic(line).needs <= known, (line, row)
            known |= arithmetic(line).makes
            for left, result in re.findall(r"<<([^=]+)=(\d+)>>", line):
                first, sign, second = re.fullmatch(r"(\d+)([-+*])(\d+)", left).groups()
                made = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[sign](int(first), int(second))
                assert made == int(result)
        assert len(record.steps) >= LEAST_STEPS
        asked = re.search(r"(?:does (\w+) have|of (\w+)'s \w+)\?$", record.prompt)
        assert record.of(record.steps[-1]).startswith(f"{asked[1] or asked[2]} has ")
        assert re.search(rf"\b{record.answer} \w+\.$|>>{record.answer} \w+\.$", record.of(record.steps[-1]))
        seen.add(record.prompt)
    assert len(seen) == 200
    assert story(3, 0) == story(3, 0) != story(4, 0)


def test_words_are_the_text_again():
    texts = ["Ada has 12+103=<<12+103=115>>115 pens. [BACK]\nÄrger, \\frac{1}{2}\r\n", ""]
    words = Words.of(texts, 100)
    for text in texts:
        assert "".join(split_words(text)) == text == words.decode(words.encode(text))
    assert " [BACK]" in words.words
    assert words.encode("Zoe")[0] == words.unknown
    assert Words.read(json.loads(json.dumps(words.content())), "here").words == words.words
    assert len(Words.of(texts, 5).words) == 5
    with pytest.raises(InputError, match="here: holds no words"):
        Words.read({"kind": "compact"}, "here")


def test_windows_hold_whole_rows_and_their_loss():
    words = Words.of((text for row in ROWS for text, _ in row), 100)
    windows = Windows(ROWS, words, 40, 1, "file")
    ids, loss = windows.read(0, 1)
    text = words.decode(ids[0])
    assert set(re.split(r"(?<=\d)(?=Q)|(?<=\])(?=Q)", text[: text.rindex("Q")])) <= {
        "".join(t for t, _ in r) for r in ROWS
    }
    carrying = words.decode(ids[0][loss[0]])
    assert "Q" not in carrying
    assert "BACK" not in carrying
    assert "a is 12.\n#### 12" in carrying
    later = windows.read(5, 2)[0]
    again = Windows(ROWS, words, 40, 1, "file").read(5, 2)[0]
    assert (later == again).all()
    assert not (later == Windows(ROWS, words, 40, 2, "file").read(5, 2)[0]).all()
    short = Windows(ROWS, words, 11, 1, "file")
    assert (short.too_long, len(short.rows)) == (1, 1)
    with pytest.raises(InputError, match="file: no row has at most 4 tokens .*raise data.context"):
        Windows(ROWS, words, 4, 1, "file")


@pytest.mark.parametrize("row", ['{"question": "a"}', '{"segments": []}', '{"segments": [{"text": "a", "label": 1}]}'])
def test_other_rows_are_refused(row, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"segments": [{"text": "a", "label": true}]}\n' + row + "\n")
    with pytest.raises(InputError, match="line 2: no segments; a file of `mistakes inject --to segments`"):
        list(read_segments(path))
