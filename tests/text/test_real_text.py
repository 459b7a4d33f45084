"""Real text, of packages that are installed for these tests alone: champ-dataset (MIT), reasoning-gym (Apache-2.0).

Nothing of theirs is in this repository.
"""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.text import Injection, Record, inject, read, write

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def champ() -> list[dict[str, Any]]:
    """CHAMP's 270 problems (arXiv 2406.06979)."""
    package = pytest.importorskip("champ_dataset")
    file = Path(package.__file__).parent / "dataset_files" / "v0.json"
    return list(json.loads(file.read_text())["problems"].values())


def mistakes_in(record: Record) -> list[str]:
    return [record.of(step) for step in record.steps if step.kind == "mistake"]


def test_the_steps_of_champ(champ: list[dict[str, Any]]) -> None:
    """Its solutions, written by people as lists of steps, take mistakes and come back without them."""
    rows = [
        {
            "id": one["identifier"],
            "problem": one["_text"],
            "steps": [step["_text"] for step in one["solution"]["steps"]],
        }
        for one in champ
    ]
    assert len(rows) == 270
    assert max(len(row["steps"]) for row in rows) == 18
    n = with_mistakes = 0
    for number, row in enumerate(rows):
        record = read(row)
        assert json.dumps(write(record, "steps")) == json.dumps(row)
        if len(record.steps) < 2:
            continue
        n += 1
        made = inject(record, Injection("weak", 0.5), number)
        with_mistakes += made is not record
        assert set(mistakes_in(made)) <= set(row["steps"][1:-1])
        again = {"labels": [True] * len(row["steps"]), **write(made, "steps")}
        assert [text for text, right in zip(again["steps"], again["labels"], strict=True) if right] == row["steps"]
    assert n > 250
    assert with_mistakes > n / 2


def test_the_first_wrong_steps_of_champ(champ: list[dict[str, Any]], mistakes: Run, tmp_path: Path) -> None:
    """540 solutions of models, each with people's mark of the first wrong step, as records of ProcessBench.

    Guards: steps that leave characters out or cut a formula in two, which would move a label.
    """
    records = []
    for problem in champ:
        for name, mark in problem["fws_annotations"].items():
            text, wrong = mark["text"], mark["start_idx"]
            record = read({"problem": problem["_text"], "solution": text})
            covered = "".join(record.of(step) for step in record.steps)
            assert "".join(covered.split()) == "".join(text.split())
            steps = record.steps
            label = -1 if wrong is None else next(n for n, step in enumerate(steps) if wrong < step.end)
            records.append(
                {
                    "id": f"{problem['identifier']}|{name}",
                    "generator": mark["author"],
                    "problem": problem["_text"],
                    "steps": [record.of(step) for step in steps],
                    "label": label,
                }
            )
    assert len(records) == 540
    assert sum(one["label"] < 0 for one in records) == 96
    assert sum(len(one["steps"]) for one in records) / 540 == pytest.approx(14.9, abs=0.1)
    bench, right = tmp_path / "bench.jsonl", tmp_path / "right.jsonl"
    bench.write_text("".join(json.dumps(one) + "\n" for one in records))
    right.write_text("".join(json.dumps({"id": one["id"], "prediction": one["label"]}) + "\n" for one in records))
    code, shown, _ = mistakes("check", bench, "--score", right, "--json")
    scores = json.loads(shown)["scores"]
    assert code == 0
    own = next(iter(scores.values()))
    assert (own["n_wrong"], own["n_right"], own["f1"]) == (444, 96, 1.0)
    assert (scores["always -1"]["on_right"], scores["always -1"]["f1"]) == (1.0, 0.0)


def test_templates_of_reasoning_gym() -> None:
    """Solutions in the form of GSM8K with the words of its problems: they are cut, checked and wronged as such."""
    gym = pytest.importorskip("reasoning_gym")
    importlib.import_module("reasoning_gym.arithmetic")
    random.seed(0)
    rows = [
        {"question": one["question"], "answer": one["metadata"]["answer_cot"]}
        for one in gym.create_dataset("gsm_symbolic", seed=1, size=200)
    ]
    used = dict.fromkeys(("weak", "weak-checked", "number"), 0)
    for number, row in enumerate(rows):
        record = read(row, "gsm8k")
        assert write(record, "gsm8k") == row
        if len(record.steps) < 2:
            continue
        for kind in used:
            made = inject(record, Injection(kind, 0.5), number)
            used[kind] += made is not record
            assert made.text.endswith(row["answer"][record.answer_start :])
            right = {record.of(step) for step in record.steps}
            assert all((text in right) == (kind != "number") for text in mistakes_in(made))
    assert used["weak"] > used["weak-checked"] > 40
    assert used["number"] > 60
