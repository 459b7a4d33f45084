"""The scorecard: what commands wrote, side by side; what they did not, with the command that would."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml

from igsm.errors import InputError
from igsm.grading.evaluations import current_weights
from igsm.grading.grade import grade
from igsm.grading.reader import Reader
from igsm.grading.recovered import AT_ONCE, NEVER
from igsm.problems.lexicon import load_lexicon
from igsm.reporting.scorecard import Scores
from igsm.reporting.scorecard_shown import content, page, table, to_csv, to_markdown
from igsm.reporting.scorecard_sources import OWN, PLANTED, SOLVING, STEPS, WORTH, _recoveries

CELL = "nano_pq:op=5"
TEXT = (
    "The number of each Kitchen's Ball equals 3. The number of each Kitchen's Doll equals each Library's Toy. "
    "The number of each Library's Robot equals 4 more than each Kitchen's Ball. How many Toy does Kitchen have?"
)
PROBLEM = Reader(load_lexicon("nano")).read(TEXT, 5)
RIGHT = PROBLEM.solution_text
WRONG = " Define Kitchen's Toy as a; so a = 1." + RIGHT
REGRETTED = " Define Kitchen's Toy as BACK." + RIGHT
NEEDLESS = RIGHT.split(";")[0][:-2] + " BACK." + RIGHT


def evaluated(run: Path, decoder: str, *solutions: str) -> None:
    folder = run / "eval" / f"{CELL}-{decoder}"
    folder.mkdir(parents=True)
    verdicts, records = [], []
    for index, text in enumerate(solutions):
        numbers = grade(PROBLEM, text, None).numbers()
        verdicts.append({"index": index, "op": 5, "true_answer": 0, "generated_tokens": 50, **numbers})
        records.append({"index": index, "problem": TEXT, "solution": text, "modulus": 5, "lexicon": "nano"})
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in verdicts))
    with gzip.open(folder / "generations.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    summary = {"cell": CELL, "decoder": decoder, "n": len(solutions), "seed": 0}
    (folder / "summary.json").write_text(json.dumps(summary))


def continued(run: Path, own: bool = True, name: str = "0") -> None:
    """Two problems: a name planted at two places and taken back at one of them; own mistakes never taken back."""
    records = []
    for index in range(2):
        places = [("free", "", "", NEVER), ("injected", "name only", "first", AT_ONCE)]
        places += [("injected", "name only", "half", NEVER)]
        places += [("own", "name only", "own", NEVER), ("injected", "name only", "own", AT_ONCE)] if own else []
        records += [
            {"index": index, "source": source, "kind": kind, "place": place, "sample": None, "taken_back": back,
             "recovered": back == AT_ONCE, "replaced": False, "repeated": None, "tokens_to_undo": None}
            for source, kind, place, back in places
        ]  # fmt: skip
    folder = run / "eval" / "recover" / f"{CELL}-{name}"
    folder.mkdir(parents=True)
    with gzip.open(folder / "continuations.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    settings = {"cell": CELL, "n": 2, "kinds": ["name only"], "places": ["first", "half"], "own": own, "samples": 0}
    settings |= {"weights": None}
    (folder / "recover.json").write_text(json.dumps(settings))


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """One without mistakes, of which little is known, and two seeds with retries."""
    found = []
    for name, kind, seed in (("plain", "none", 1), ("retry1", "retry", 1), ("retry2", "retry", 2)):
        run = tmp_path / name
        run.mkdir()
        config = {"seed": seed, "data": {"problem": {"difficulty": "nano"}, "mistakes": {"kind": kind, "rate": 0.5}}}
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        found.append(run)
    evaluated(found[0], "greedy", RIGHT, WRONG)
    evaluated(found[1], "greedy", RIGHT, REGRETTED, NEEDLESS, WRONG)
    evaluated(found[2], "greedy", RIGHT, REGRETTED, RIGHT, RIGHT)
    evaluated(found[1], "no_back", RIGHT, WRONG, RIGHT)
    evaluated(found[1], "vote8", RIGHT, WRONG)
    continued(found[1])
    continued(found[2])
    of_own = {"on_wrong": 0.3, "on_right": 0.6, "f1": 0.4, "f1_low": 0.3, "f1_high": 0.5, "auroc": 0.75}
    errors = {"cell": CELL, "scores": {"own": of_own}}
    (found[1] / "eval" / "first-errors").mkdir()
    (found[1] / "eval" / "first-errors" / "a.json").write_text(json.dumps(errors))
    search = {"cell": CELL, "decoder": "greedy", "weights": None, "coverage": {"failures": 0.25}}
    search["slices"] = [{"confirmed": True}, {"confirmed": False}]
    (found[2] / "eval" / "search" / "x").mkdir(parents=True)
    (found[2] / "eval" / "search" / "x" / "search.json").write_text(json.dumps(search))
    return found


def test_numbers(runs: list[Path]) -> None:
    scores = Scores(runs)
    plain, first, second = scores.lines
    assert [line["run"] for line in scores.lines] == ["plain", "retry1", "retry2"]
    assert (plain["accuracy"], first["accuracy"], second["accuracy"]) == (0.5, 0.75, 1)
    assert (first["taken_back"], first["tokens"]) == (0.5, 50)
    steps = len(RIGHT.split(".")) - 1
    # right ones: all of RIGHT, all but the first of REGRETTED, all of NEEDLESS, none of WRONG
    assert first["needless_retry_rate"] == pytest.approx(1 / (3 * steps - 1))
    assert (first["detection"], first["correction"], first["parrot"]) == (0.5, 1, 0)
    assert (plain["detection"], plain["correction"], second["detection"]) == (0, None, 1)
    # over the three problems that both have: right, wrong, right without BACK; right, right, right with it
    assert (first["before"], first["confidence"], first["critique"]) == (pytest.approx(2 / 3), 1, 1)
    assert (first["accuracy, vote8"], second["accuracy, vote8"]) == (0.5, None)
    assert (first["name only, recovered"], first["name only, taken back"], plain["name only, recovered"]) == (
        0.5, 0.5, None,
    )  # fmt: skip
    assert (first["own_taken_back"], first["injected_taken_back"], first["own_less_injected_back"]) == (0, 1, -1)
    assert (first["own: F1"], first["own: F1_low"], first["own: AUROC"]) == (0.4, 0.3, 0.75)
    assert (first["own: right on wrong ones"], first["own: right on right ones"]) == (0.3, 0.6)
    assert (second["weaknesses"], second["failures_held"]) == (1, 0.25)
    original, retry = scores.over_seeds()
    assert (original["arm"], retry["arm"], retry["seeds"]) == ("original", "retry 0.5", 2)
    assert (retry["accuracy"], retry["accuracy_difference"]) == (0.875, 0.375)
    assert original["accuracy_low"] == plain["accuracy_low"], "of one run: over problems"


def test_an_experiment_without_own_mistakes_does_not_hide_one_with_them(runs: list[Path]) -> None:
    """Guards: of two as large the one that lacks them taken, because its folder's name comes last."""
    before = [name for name, _ in _recoveries(runs[2])]
    continued(runs[2], own=False, name="z")
    ((_, read),) = _recoveries(runs[2])
    assert before == [CELL]
    assert [title for title, _ in read()] == [PLANTED, OWN]


def test_the_weights_of_a_checkpoint_that_is_the_run_itself_are_known(tmp_path: Path) -> None:
    """Guards: planted sentences and weak slices of a shipped model, which is no run folder, missing from its card."""
    assert current_weights(tmp_path) is None
    (tmp_path / "manifest.json").write_text(json.dumps({"weights.safetensors": {"sha256": "0123456789abcdef01"}}))
    assert current_weights(tmp_path) == "0123456789abcdef"


def test_the_largest_search_counts_and_nothing_of_other_weights(runs: list[Path], monkeypatch) -> None:
    """Guards: a trial of a few problems in the place of a search, first errors of a run that was trained anew."""
    folder = runs[2] / "eval" / "search"
    found = json.loads((folder / "x" / "search.json").read_text())
    for name, budget, confirmed in (("w", 4000, 5), ("y", 120, 0), ("z", 60, 3)):
        (folder / name).mkdir()
        slices = [{"confirmed": True}] * confirmed
        (folder / name / "search.json").write_text(json.dumps(found | {"budget": budget, "slices": slices}))
    errors = runs[1] / "eval" / "first-errors" / "a.json"
    errors.write_text(json.dumps(json.loads(errors.read_text()) | {"weights": "others"}))
    _, first, second = Scores(runs).lines
    assert second["weaknesses"] == 5
    assert "own: F1" not in first


def test_what_is_missing_has_its_command(runs: list[Path]) -> None:
    scores = Scores(runs)
    missing = {section: command for command, sections in scores.commands(CELL).items() for section in sections}
    plain, first, second = map(str, runs)
    assert SOLVING not in missing
    assert STEPS not in missing
    assert missing[WORTH] == f"mistakes confidence {plain} {second} --cells 'op=5'"
    assert missing[OWN] == f"mistakes recover {plain} --cells 'op=5'"
    assert missing[PLANTED] == f"mistakes recover {plain} {first} {second} --cells 'op=5'", "kinds were left out"
    assert f"mistakes eval {plain} {second} --cells 'op=5' --decoder vote8" in missing.values()
    _, head, rows = table(scores, CELL)
    shown = {row[0].strip(): row[1:] for row in rows}
    assert head == ["", "original\n1 run", "retry 0.5\n2 runs"]
    assert shown["right"] == ["50.0 [9, 91]", "87.5 [0, 100]"]
    assert shown["these right in the end (correction)"] == ["none", "100.0"]
    assert shown["own - injected, recovered"] == ["-", "-100.0"]
    assert shown["wrong inputs: recovered"] == ["-", "-"], "it was not planted"
    assert shown["CL: right stays right"] == ["-", "-"], "not of both runs"
    assert shown["own - injected, taken back"] == ["-", "-100.0"]


def test_a_mean_says_how_many_runs_have_the_number(runs: list[Path]) -> None:
    for run in runs[1:]:
        for file in (run / "eval" / f"{CELL}-greedy").iterdir():
            file.unlink()
        (run / "eval" / f"{CELL}-greedy").rmdir()
    evaluated(runs[1], "greedy", RIGHT, REGRETTED)
    evaluated(runs[2], "greedy", RIGHT)
    _, _, rows = table(Scores(runs), CELL)
    assert ["  wrong ones taken back (detection)", "0.0 [0, 79]", "100.0 (1 of 2)"] in rows


def test_shown_everywhere(runs: list[Path], mistakes, tmp_path: Path) -> None:
    code, out, _ = mistakes("scorecard", *runs, "--explain", "--out", tmp_path / "card", columns=80)
    assert code == 0
    table_lines = out[: out.index("- ")].splitlines()
    assert all(len(line) <= 80 for line in table_lines)
    assert "mistakes confidence" in out
    written = {end: (tmp_path / f"card.{end}").read_text() for end in ("md", "csv", "html")}
    assert "| own - injected, taken back | - | -100.0 |" in written["md"]
    assert "retry 0.5,nano_pq:op=5,2," in written["csv"]
    assert "own - injected, taken back" in written["html"]
    scores = Scores(runs)
    assert "://" not in page(scores), "nothing from outside"
    assert to_markdown(scores).count("\n## ") == 2
    assert len(to_csv(scores).splitlines()) == 3
    code, out, _ = mistakes("scorecard", *runs, "--cells", "op=5", "--json")
    document = json.loads(out)
    assert code == 0
    assert document == json.loads(json.dumps(content(scores)))
    assert len(document["missing"]) > 2


def logged(path: Path, *solutions: str, cell: str | None = CELL) -> Path:
    """As lm-evaluation-harness logs samples of our task."""
    doc = {"cell": cell, "problem": TEXT, "answer": str(PROBLEM.answer), "modulus": 5, "lexicon": "nano"}
    arguments = {"gen_args_0": {"arg_0": f"<|endoftext|><|problem|>{TEXT}<|solution|>", "arg_1": {}}}
    lines = [{"doc_id": i, "doc": doc, "target": doc["answer"], "arguments": arguments, "resps": [[text]],
              "filtered_resps": [text]} for i, text in enumerate(solutions)]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_samples_of_an_exported_model_have_a_column(runs: list[Path], mistakes, tmp_path: Path) -> None:
    """Guards what a file can say, and that no command is named that would want a run where there is a file."""
    end = f"<|answer|> {PROBLEM.answer}"
    file = logged(tmp_path / "samples_igsm.jsonl", RIGHT + end, REGRETTED + end, WRONG + end, RIGHT)
    scores = Scores([runs[0], file])
    line = scores.lines[1]
    assert (line["run"], line["accuracy"], line["taken_back"], line["detection"]) == (file.name, 0.5, 0.25, 0.5)
    shown = {row[0].strip(): row[2] for row in table(scores, CELL)[2]}
    assert shown["right"].startswith("50.0 [")
    assert [shown[name] for name in ("tokens a solution", "CL: right stays right", "slices confirmed")] == ["-"] * 3
    assert scores.commands(CELL)
    assert not any(file.name in command for command in scores.commands(CELL))
    assert not Scores([file]).commands(CELL)
    code, out, err = mistakes("scorecard", runs[0], file, columns=80)
    assert code == 0, err
    assert all(len(line) <= 80 for line in out[: out.index("- ")].splitlines())
    other = logged(file, RIGHT, cell=None).read_text()
    unread = logged(file, RIGHT).read_text().replace(TEXT, "Two and two?")
    for damaged, message in (
        (other, "samples_igsm.jsonl: no run folder, and no file that lm-evaluation-harness's --log_samples wrote"),
        ('{"doc": "text"}', "samples_igsm.jsonl: no run folder, and no file"),
        (unread, "samples_igsm.jsonl, line 1: its problem cannot be read: "),
    ):
        file.write_text(damaged)
        code, _, err = mistakes("scorecard", file)
        assert (code, message in err, err.count("\n")) == (2, True, 1), err


def test_bad_input_is_one_line(runs: list[Path], mistakes, tmp_path: Path) -> None:
    for arguments, message in (
        ([tmp_path / "nosuch"], "nosuch: no run folder"),
        ([*runs, "--cells", "op=6"], "--cells op=6: nothing is known of it; there is: op=5"),
    ):
        code, _, err = mistakes("scorecard", *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert message in err
    (runs[1] / "eval" / "first-errors" / "a.json").write_text('{"scores": {}}')
    with pytest.raises(InputError, match=r"a.json: not of `mistakes check --score --out`"):
        Scores(runs)
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.yaml").write_text((runs[0] / "config.yaml").read_text())
    with pytest.raises(InputError, match="nothing has been computed of these runs yet; begin with: mistakes eval"):
        Scores([empty])
