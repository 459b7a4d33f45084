"""`mistakes text`: a tiny model learns two rows by heart and answers them; the table over seeds."""

from __future__ import annotations

import json

import pytest

from igsm.errors import InputError
from igsm.reporting.text_table import lines, terminal

ROWS = [
    {"question": "How many has Ada?", "answer": "Ben has 2.\nAda has 3.\n#### 3"},
    {"question": "How many has Ben?", "answer": "Ada has 4.\nBen has 4+1=<<4+1=5>>5.\n#### 5"},
]
CONFIG = """
data: {source: none.jsonl, held_out: test.jsonl, context: 64, answer_tokens: 40}
model: {layers: 1, heads: 2, head_size: 16}
training: {steps: 80, batch: 4, learning_rate: 0.01, warmup_steps: 5, checkpoint_every: 40, compile: "off"}
"""


@pytest.fixture
def files(tmp_path, monkeypatch, mistakes):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "config.yaml").write_text(CONFIG)
    assert mistakes("inject", "test.jsonl", "--to", "segments", "--rate", 0, "--out", "none.jsonl")[0] == 0
    return tmp_path


def test_what_is_learned_is_answered(files, mistakes):
    code, out, _ = mistakes("text", "train", "config.yaml", "--out", "run")
    assert (code, out.split(" (")[0]) == (0, "run: 100.0 % of 2 held-out problems right")
    found = json.loads((files / "run/answers.json").read_text())
    assert (found["n"], found["right"], found["finished"], found["taken_back"], found["unknown"]) == (2, 2, 1, 0, 0)
    answers = [json.loads(line) for line in (files / "run/answers.jsonl").read_text().splitlines()]
    assert [one["answer"] for one in answers] == [one["true_answer"] for one in answers] == ["3", "5"]
    before = (files / "run/answers.json").read_bytes()
    assert mistakes("text", "train", "config.yaml", "--out", "run")[0] == 0
    assert (files / "run/answers.json").read_bytes() == before
    code, out, _ = mistakes("text", "table", "run", "--against", "none", columns=80)
    assert code == 0
    assert "100.0" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_bad_input(files, mistakes):
    (files / "empty.jsonl").write_text("")
    long = json.dumps({"segments": [{"text": "How many? " * 40, "label": True}]}) + "\n"
    (files / "long.jsonl").write_text((files / "none.jsonl").read_text() + 2 * long)
    for arguments, message in (
        (["train", "config.yaml", "data.source=no.jsonl", "--out", "run"], "data.source: there is no file no.jsonl"),
        (["train", "config.yaml", "data.source=test.jsonl", "--out", "run"], "test.jsonl, line 1: no segments"),
        (["train", "config.yaml", "data.held_out=none.jsonl", "--out", "run"], "none.jsonl, line 1: its format is not"),
        (["train", "config.yaml", "data.held_out=empty.jsonl", "--out", "run"], "empty.jsonl: has no rows"),
        (["train", "config.yaml", "model.vocabulary_size=3", "--out", "run"], "model.vocabulary_size is 3, the text"),
        (["train", "config.yaml", "data.contxt=3", "--out", "run"], "data.contxt"),
        (["train", "config.yaml", "data.vocabulary_of=[no.jsonl]", "--out", "run"], "data.vocabulary_of: there is no"),
        (["train", "config.yaml", "training.workers=2", "--out", "run"], "training.workers: has no effect on text"),
        (["train", "config.yaml", "training.betas=[0.9,1.0]", "--out", "run"], "training.betas"),
        (["train", "config.yaml", "data.source=long.jsonl", "--out", "run"], "50% of 4 rows are longer and are left"),
        (["stories", "--out", "rows.txt"], "--out rows.txt: the name must end with .jsonl"),
        (["stories", "--out", "test.jsonl"], "--out test.jsonl: is there already"),
        (["table", "run", "--against", "none"], "run: has no answers; a finished run"),
    ):
        code, _, err = mistakes("text", *arguments)
        assert (code, message in err, err.count("\n")) == (2, True, 1), err
    assert not (files / "run").exists()
    code, _, err = mistakes("text", "train", "config.yaml", "training.explosion_loss=0.001", "--out", "exploded")
    assert (code, "there is no checkpoint yet" in err) == (1, True), err
    code, out, _ = mistakes("text", "stories", "--out", "s.jsonl", "--rows", 3)
    assert (code, len((files / "s.jsonl").read_text().splitlines())) == (0, 3)


def answers(source: str, accuracy: float, seed: int, n: int = 100) -> dict:
    return {
        "source": f"data/{source}.jsonl", "held_out": "test.jsonl", "seed": seed, "n": n,
        "accuracy": accuracy, "finished": 1.0, "taken_back": 0.5,
    }  # fmt: skip


def test_table_over_seeds():
    runs = [answers("weak-0.5", 0.60 + seed / 100, seed) for seed in range(5)]
    runs += [answers("none", 0.50 + seed / 100, seed) for seed in range(5)]
    runs += [answers("shuffle-0.5", 0.50 + seed / 100, seed) for seed in range(5)]
    none, weak, shuffle = found = lines(runs, "none")
    assert (none["seeds"], none["accuracy"], none["verdict"]) == (5, pytest.approx(0.52), None)
    assert weak["accuracy_by_seed"] == [0.60 + seed / 100 for seed in range(5)]
    assert weak["accuracy_difference"] == pytest.approx(0.1)
    assert shuffle["accuracy_difference"] == pytest.approx(0)
    assert weak["accuracy_difference_p"] == pytest.approx(2 / 252)
    assert weak["accuracy_difference_p_holm"] == pytest.approx(4 / 252)
    assert (weak["ahead"], weak["verdict"]) == (5, "shown")
    assert (shuffle["ahead"], shuffle["verdict"], shuffle["accuracy_difference_p_holm"]) == (0, "undecided", 1)
    assert weak["accuracy_difference_low"] < 0.1 < weak["accuracy_difference_high"]
    ((title, tables),) = terminal(found, 80)
    assert "n = 100" in title
    assert len(tables) == 2
    (worse,) = (line for line in lines(runs, "weak-0.5") if line["arm"] == "none")
    assert worse["verdict"] == "refuted"
    with pytest.raises(InputError, match="--against some: no run was trained on it, only on 'weak-0.5', 'none'"):
        lines(runs, "some")
    with pytest.raises(InputError, match="different held-out problems"):
        lines([*runs, answers("none", 0.5, 9, n=50)], "none")
    with pytest.raises(InputError, match="none, seed 0: stands twice"):
        lines([*runs, answers("none", 0.5, 0)], "none")
    _, weak, shuffle = lines([one for one in runs if "shuffle" not in one["source"] or one["seed"] < 1], "none")
    assert (weak["accuracy_difference_p_holm"], shuffle["accuracy_difference_p_holm"]) == (pytest.approx(2 / 252), None)
    few = lines([one for one in runs if one["seed"] < 3], "none")
    assert (few[1]["verdict"], few[1]["why"]) == ("undecided", "3 training seeds; 5 a side are needed")


def test_table_is_written(tmp_path, mistakes):
    """Runs that differ in seed and source only, in all three formats."""
    for source, seed in (("none", 1), ("none", 2), ("weak", 1), ("weak", 2)):
        run = tmp_path / f"{source}-{seed}"
        run.mkdir()
        (run / "answers.json").write_text(json.dumps(answers(source, 0.5 + 0.1 * seed, seed)))
        data = {"source": source, "seed": seed, "context": 64}
        (run / "config.yaml").write_text(json.dumps({"seed": seed, "data": data, "training": {"steps": 9}}))
    runs = sorted(tmp_path.iterdir())
    code, out, _ = mistakes("text", "table", *runs, "--against", "none", "--out", tmp_path / "table", columns=80)
    assert (code, max(map(len, out.splitlines()[:-1])) <= 80) == (0, True)
    assert [line["arm"] for line in json.loads((tmp_path / "table.json").read_text())] == ["none", "weak"]
    assert (tmp_path / "table.md").read_text().count("undecided") == 1
    assert (tmp_path / "table.csv").read_text().splitlines()[0].startswith("arm,seeds,accuracy,accuracy_low")
    (runs[2] / "config.yaml").write_text(json.dumps({"seed": 1, "data": data, "training": {"steps": 8}}))
    code, _, err = mistakes("text", "table", *runs, "--against", "none")
    assert (code, f"{runs[2]}: differs from {runs[0]} in training.steps" in err) == (2, True)
