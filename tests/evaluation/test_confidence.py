"""`mistakes confidence`: the numbers of made-up verdicts, and the command on an untrained model."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from igsm.reporting.correction_table import numbers, terminal, to_markdown


def evaluation(decoder: str, right: str, backs: int = 0, needless: int = 0) -> SimpleNamespace:
    verdicts = [
        {"correct": one == "+", "taken_back": backs, "needlessly_taken_back": needless, "generated_tokens": 100 + backs}
        for one in right
    ]
    return SimpleNamespace(decoder=decoder, cell="nano_pq:op=3", verdicts=lambda: iter(verdicts))


def test_numbers_of_made_up_verdicts():
    lines = numbers(
        "run",
        [
            evaluation("no_back", "++++------"),
            evaluation("greedy", "+++-++----", backs=4, needless=1),
            evaluation("force_back4", "----------"),
        ],
    )
    without, greedy, never = lines
    assert (without["accuracy"], without["confidence"], without["needless"]) == (0.4, None, None)
    assert (greedy["accuracy"], greedy["taken_back"], greedy["needless"]) == (0.5, 4, 0.25)
    assert greedy["confidence"] == pytest.approx(0.75)
    assert greedy["critique"] == pytest.approx(1 / 3)
    assert greedy["relative"] == pytest.approx(0.34 / 0.48)
    assert greedy["critique_low"] < 1 / 3 < greedy["critique_high"]
    assert (never["confidence"], never["critique"], never["tokens"]) == (0, 0, 100)
    assert never["relative"] == pytest.approx(-0.16 / 0.48)
    ((title, tables),) = terminal(lines, 80)
    assert title == "run, nano_pq:op=3: what BACK is worth, n = 10"
    assert len(tables) == 1
    assert "| greedy | 50.0 | 75 [30, 95] | 33 [10, 70] |" in to_markdown(lines)


def test_command(run, mistakes, tmp_path):
    arguments = ["confidence", run.folder.path, "--cells", "op=3", "--n", 4, "--bias", "0,3", "--context", 400]
    code, out, _ = mistakes(*arguments, "--explain", "--out", tmp_path / "all", columns=80)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert [line.split(",")[2] for line in (tmp_path / "all.csv").read_text().splitlines()[1:]] == [
        "no_back", "greedy", "force_back3",
    ]  # fmt: skip
    code, out, _ = mistakes(*arguments, "--json")
    lines = json.loads(out)
    assert code == 0
    assert [line["n"] for line in lines] == [4, 4, 4]
    assert lines[0]["taken_back"] == 0
    code, _, err = mistakes(*arguments[:-2], "--bias", "0,much")
    assert (code, err) == (
        2, "mistakes: error: --bias 0,much: numbers with commas between them are expected, as in -2,0,2\n",
    )  # fmt: skip
