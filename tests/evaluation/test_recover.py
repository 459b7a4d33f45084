"""`mistakes recover` with mock models that always, never or in vain take back: exactly the numbers they must get."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import pytest

from igsm.corpus.vocabulary import ANSWER_START
from igsm.decoding.loop import Generation, Request
from igsm.errors import InputError
from igsm.evaluation import recover as recovering
from igsm.evaluation.cells import Cell
from igsm.evaluation.planted import KINDS, NAME, PLACES
from igsm.evaluation.recover import PARTIAL, Plan, recover
from igsm.evaluation.runs import LoadedRun
from igsm.grading.continuations import CONTINUATIONS, RESULT
from igsm.grading.steps import stated_name
from igsm.problems.problem import Problem
from igsm.reporting.recovery_table import ALL, COLUMNS, numbers, terminal, to_csv, to_markdown
from tests.evaluation.helpers import second_seed

CELL = Cell("nano", "pq", 5, True)
PLAN = Plan(6, samples=2)
WRONG = KINDS[:4]
NOT_NAMES = KINDS[1:4]

Policy = Callable[[Problem, list[str], str | None], str]
"""(problem, right sentences so far, planted sentence) -> what comes next; a planted sentence lacks its full stop."""


def rest(problem: Problem, n: int) -> str:
    return "".join(f" {one}." for one in problem.solution_text.strip().removesuffix(".").split(". ")[n:])


def always_takes_back(problem: Problem, right: list[str], planted: str | None) -> str:
    return (" BACK." if planted else "") + rest(problem, len(right))


def parrots(problem: Problem, right: list[str], planted: str | None) -> str:
    return (f" BACK.{planted} BACK." if planted else "") + rest(problem, len(right))


def never_takes_back(problem: Problem, right: list[str], planted: str | None) -> str:
    """Makes every step after the planted one as if that were not there."""
    if planted is None:
        return rest(problem, 0)
    return (" z; so z = 1." if planted.endswith(" as") else ".") + rest(problem, len(right))


def believes(problem: Problem, right: list[str], planted: str | None) -> str:
    """Never takes back, and takes the planted step for made."""
    if planted is None:
        return rest(problem, 0)
    name = stated_name(planted.strip())
    after = [f" {one}." for one in rest(problem, len(right)).strip().removesuffix(".").split(". ")]
    kept = "".join(one for one in after if stated_name(one.strip()) != name)
    return (" z; so z = 1." if planted.endswith(" as") else ".") + kept


def knows_only_others_mistakes(problem: Problem, right: list[str], planted: str | None) -> str:
    """Names the question too early, and stays with it; everything else is taken back."""
    question = problem.name(problem.question)
    if planted is None:
        return f" Define {question} as z; so z = 1."
    return " z; so z = 1." if stated_name(planted.strip()) == question else always_takes_back(problem, right, planted)


@dataclass(frozen=True)
class Mocked(LoadedRun):
    """A run whose model is a policy."""

    policy: Policy = always_takes_back
    asked: Any = None

    def decoding(self, decoder: Any, **_: Any) -> Any:
        return _Decoding(self)


class _Decoding:
    precision, context = "fp32", 2048

    def __init__(self, run: Mocked) -> None:
        self._run = run

    def run(self, requests: list[Request]) -> Iterator[Generation]:
        vocabulary = self._run.vocabulary
        for request in requests:
            text = vocabulary.decode(request.prompt).rpartition("�")[2]
            *right, planted = text.split(".")
            written = self._run.policy(request.handle, right, planted or None)
            answer = [ANSWER_START, *vocabulary.encode_text(f" {request.handle.answer}")]
            tokens = vocabulary.from_gpt2[[*vocabulary.encode_text(written), *answer]].tolist()
            self._run.asked.append(request)
            yield Generation(request.index, [*tokens, vocabulary.end], True, 0, len(tokens) + 1)

    def close(self) -> None:
        pass


def mocked(run: LoadedRun, policy: Policy) -> Mocked:
    return Mocked(**{field.name: getattr(run, field.name) for field in fields(run)}, policy=policy, asked=[])


def lines_of(run: LoadedRun, policy: Policy) -> dict[tuple[str, ...], dict[str, Any]]:
    found = numbers("run", CELL.name, recover(mocked(run, policy), CELL, PLAN).records)
    return {(line["decoding"], line["source"], line["kind"], line["place"]): line for line in found}


@pytest.mark.parametrize("decoding", ["greedy", "sample"])
def test_a_model_that_always_takes_back(run, decoding):
    lines = lines_of(run, always_takes_back)
    assert lines[decoding, "free", "", ""]["recovered"] == 1
    assert len(lines) == 2 * (1 + sum(line["source"] == "injected" for line in lines.values()) // 2)
    for (how, source, kind, _), line in lines.items():
        if source == "injected" and how == decoding:
            assert (line["recovered"], line["free"], line["gap_to_free"]) == (1, 1, 0), kind
            assert (line["at_once"], line["later"], line["never"], line["around"]) == (1, 0, 0, 0)
            assert (line["parrot"], line["tokens_to_undo"]) == (0, 2)  # BACK and the full stop
            assert (line["n"] <= PLAN.n, line["samples"]) == (True, 1 if decoding == "greedy" else PLAN.samples)
    assert {key[2:] for key in lines} >= {(NAME, place) for place in PLACES}
    assert {key[2] for key in lines} >= {*WRONG, "right"}


def test_a_model_that_parrots(run):
    for (_, source, kind, _), line in lines_of(run, parrots).items():
        if source == "injected":
            assert (line["recovered"], line["at_once"], line["parrot"]) == (1, 1, 1 if kind in WRONG else 0)


def test_a_model_that_never_takes_back(run):
    for (_, source, kind, _), line in lines_of(run, never_takes_back).items():
        if source == "injected":
            assert (line["recovered"], line["never"], line["around"], line["parrot"]) == (1, 1, 1, None)
            if kind in NOT_NAMES:  # a parameter that is only named may be one that the question does not need
                assert line["replaced"] == 1


def test_a_model_that_believes_what_stands_there(run):
    for (_, source, kind, place), line in lines_of(run, believes).items():
        if source == "injected" and kind in (*NOT_NAMES, "right"):
            expected = 1 if kind == "right" else 0
            assert (line["recovered"], line["never"], line["replaced"]) == (expected, 1, 0), (kind, place)
            assert (line["gap_to_free"], line["tokens_to_undo"]) == (1 - expected, None)
            assert line["gap_to_free_low"] <= 1 - expected <= line["gap_to_free_high"] + 0.3
            if kind != "right":
                assert line["gap_to_right"] == 1
                assert line["gap_to_free_p"] == 2 * 0.5 ** line["n"]


def test_own_mistakes_are_compared_with_injected_ones_in_their_place(run):
    lines = lines_of(run, knows_only_others_mistakes)
    own = lines["greedy", "own", NAME, "own"]
    injected = lines["greedy", "injected", NAME, "own"]
    assert own["n"] == injected["n"] == PLAN.n
    assert (own["recovered"], own["never"], injected["recovered"], injected["at_once"]) == (0, 1, 1, 1)
    assert (own["own_less_injected"], own["own_less_injected_p"]) == (-1, 2 * 0.5**PLAN.n)
    assert own["own_less_injected_low"] < -0.5
    assert injected["own_less_injected"] is None
    assert (own["own_less_injected_back"], own["own_less_injected_back_p"]) == (-1, 2 * 0.5**PLAN.n)
    together = lines["greedy", "own", ALL, "own"]
    assert {**together, "kind": NAME} == own, "there are no others"
    assert lines["greedy", "free", "", ""]["recovered"] == 0


def test_an_interrupted_cell_goes_on(run, monkeypatch):
    """Guards resuming: nothing is made twice, and the file is the same."""
    whole = recover(mocked(run, always_takes_back), CELL, PLAN)
    expected = (whole.folder / CONTINUATIONS).read_bytes()
    for file in whole.folder.iterdir():
        file.unlink()
    original, made = recovering._record, []

    def stops(*arguments):
        if len(made) == 40:
            raise KeyboardInterrupt
        made.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(recovering, "_record", stops)
    with pytest.raises(KeyboardInterrupt):
        recover(mocked(run, always_takes_back), CELL, PLAN)
    assert (whole.folder / PARTIAL).is_file()
    assert not (whole.folder / RESULT).exists()
    monkeypatch.setattr(recovering, "_record", original)
    again = mocked(run, always_takes_back)
    assert recover(again, CELL, PLAN).folder == whole.folder
    assert len(again.asked) == len(whole.records) - 40
    assert (whole.folder / CONTINUATIONS).read_bytes() == expected
    assert not (whole.folder / PARTIAL).exists()
    finished = mocked(run, always_takes_back)
    assert recover(finished, CELL, PLAN).records == whole.records
    assert finished.asked == []


def test_other_settings_are_filed_beside_it_and_damage_is_named(run):
    first = recover(mocked(run, always_takes_back), CELL, Plan(2, 0, kinds=(NAME,), places=("half",)))
    second = recover(mocked(run, always_takes_back), CELL, Plan(2, 0, kinds=(NAME,), places=("first",)))
    assert first.folder != second.folder
    assert first.folder.parent == run.folder.evaluations / "recover"
    (first.folder / CONTINUATIONS).write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        recover(mocked(run, always_takes_back), CELL, Plan(2, 0, kinds=(NAME,), places=("half",)))


def test_tables(run):
    found = list(lines_of(run, knows_only_others_mistakes).values())
    for title, tables in terminal(found, 80):
        assert len(title) <= 80
        assert len(tables) == 1
    assert to_csv(found).splitlines()[0].split(",") == [*COLUMNS]
    assert len(to_csv(found).splitlines()) == 1 + len(found)
    assert "| name only | 6 | 0.0 | 100.0 | -100 [" in to_markdown(found)


def test_command(run, mistakes, tmp_path):
    """An untrained model, from the command line: whole at 80 columns, JSON, files, bad names."""
    arguments = ["recover", run.folder.path, "--cells", "op=3", "--n", 3, "--samples", 1, "--context", 400]
    code, out, _ = mistakes(*arguments, "--explain", columns=80)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("written:"))
    assert "written:" in out
    assert (run.folder.evaluations / "recover" / "table.csv").is_file()
    code, out, _ = mistakes(*arguments, "--json", "--out", tmp_path / "all")
    assert code == 0
    document = json.loads(out)
    assert {line["decoding"] for line in document["runs"]} == {"greedy", "sample"}
    assert document["over_seeds"] == []
    both = [run.folder.path, second_seed(run, tmp_path), *arguments[2:]]
    code, out, _ = mistakes("recover", *both, "--out", tmp_path / "both", columns=80)
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("written:"))
    assert "over seeds, nano_pq:op=3, greedy: nothing planted" in out
    assert (tmp_path / "both-seeds.csv").read_text().startswith("arm,cell,decoding,source,kind,place,seeds,recovered,")
    assert "original | 2 |" in (tmp_path / "both-seeds.md").read_text()
    assert "free" in (tmp_path / "all.md").read_text()
    code, _, err = mistakes(*arguments, "--kinds", "name only,arithmetik")
    assert (code, err.count("\n")) == (2, 1)
    assert "unknown kind 'arithmetik'" in err
