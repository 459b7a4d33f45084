"""`mistakes confidence`: the numbers of made-up verdicts, and the command on an untrained model."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from igsm.reporting import back_curve, correction_table
from igsm.reporting.correction_table import numbers, terminal, to_markdown
from tests.evaluation.helpers import second_seed


def evaluation(decoder: str, right: str, backs: int = 0, needless: int = 0) -> SimpleNamespace:
    verdicts = [
        {"correct": one == "+", "taken_back": backs, "needlessly_taken_back": needless, "generated_tokens": 100 + backs}
        for one in right
    ]
    return SimpleNamespace(decoder=decoder, cell="nano_pq:op=3", verdicts=lambda: iter(verdicts))


RATES = {"needless_retry_rate": (0.001, 0.0, 0.002), "detection": (0.25, 0.2, 0.3), "correction": None, "parrot": None}


def test_numbers_of_made_up_verdicts(monkeypatch):
    monkeypatch.setattr(correction_table, "rates_of", lambda evaluation: RATES)
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
    assert (greedy["needless_retry_rate_high"], greedy["detection"], greedy["correction"]) == (0.002, 0.25, None)
    curve = back_curve.figure(lines).axes[0].lines[0]
    assert curve.get_xydata().tolist() == [[0, 40], [1, 50], [0, 0]], "from the least to the most BACK"
    assert "| run | nano_pq:op=3 | 40.0 at 0.000 | 50.0 at 1.000 | 0.0 at 0.000 |" in back_curve.markdown(lines)
    (title, tables), (steps, others) = terminal(lines, 80)
    assert title == "run, nano_pq:op=3: what BACK is worth, n = 10"
    assert steps == "run, nano_pq:op=3: self-correction step by step, %"
    assert len(tables) == len(others) == 1
    assert "| greedy | 50.0 | 75 [30, 95] | 33 [10, 70] |" in to_markdown(lines)
    assert "| greedy | 0.1 [0.0, 0.2] | 25.0 [20.0, 30.0] | - | - |" in to_markdown(lines)


def test_command(run, mistakes, tmp_path):
    arguments = ["confidence", run.folder.path, "--cells", "op=3", "--n", 4, "--bias", "0,3", "--context", 400]
    code, out, _ = mistakes(*arguments, "--explain", "--out", tmp_path / "all", columns=80)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    assert [line.split(",")[2] for line in (tmp_path / "all.csv").read_text().splitlines()[1:]] == [
        "no_back", "greedy", "force_back3",
    ]  # fmt: skip
    second = second_seed(run, tmp_path)
    code, out, _ = mistakes(arguments[0], run.folder.path, second, *arguments[2:], "--json")
    lines = json.loads(out)["runs"]
    assert code == 0
    assert [line["n"] for line in lines] == [4] * 6
    assert [(one["arm"], one["seeds"]) for one in json.loads(out)["over_seeds"]] == [("original", 2)] * 3
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = mistakes(arguments[0], run.folder.path, second, *arguments[2:], columns=80)
    assert "over seeds, nano_pq:op=3: what BACK is worth" in out
    assert lines[0]["taken_back"] == 0
    code, _, err = mistakes(*arguments[:-2], "--bias", "0,much")
    assert (code, err) == (
        2, "mistakes: error: --bias 0,much: numbers with commas between them are expected, as in -2,0,2\n",
    )  # fmt: skip
