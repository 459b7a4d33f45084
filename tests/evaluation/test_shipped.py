"""The models and problems that come with the package."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from igsm.checkpoints import CONFIG, defect
from igsm.config import load_stored, load_yaml
from igsm.corpus.vocabulary import ANSWER_START, load_vocabulary
from igsm.errors import InputError
from igsm.evaluation.runs import load_run
from igsm.evaluation.shipped import (
    CLASS,
    MODELS,
    Series,
    model_folder,
    model_provenance,
    problem_source,
    read_text,
    shipped_problems,
)
from igsm.evaluation.watch import Solved, Solver, Writing
from igsm.grading.stepwise import Grade, GradedStep
from igsm.grading.verdict import Kind
from igsm.mistakes.layout import Mark
from igsm.reporting.results import read_provenance
from igsm.rundir import VOCABULARY, WEIGHTS

RESULTS = Path(__file__).parents[2] / "docs" / "results" / "retry.json"
ROWS = {"retry": "retry 0.2", "error-free": "original"}


@pytest.fixture(scope="module")
def solvers() -> dict[str, Solver]:
    return {name: Solver(load_run(model_folder(name)), device="cpu") for name in MODELS}


def no_announcement() -> None:
    raise AssertionError("the generator is not needed here")


@pytest.mark.parametrize("name", MODELS)
def test_the_files_are_whole_and_have_todays_keys(name: str) -> None:
    folder = model_folder(name)
    assert defect(folder, (WEIGHTS, CONFIG, VOCABULARY)) is None
    assert load_yaml(folder / CONFIG) == load_stored(folder / CONFIG)
    assert read_provenance(folder)["command"][:2] == ["mistakes", "pretrain"]  # as a run's, for `mistakes report`
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


@pytest.mark.parametrize("name", MODELS)
def test_the_accuracies_are_those_of_the_results(name: str) -> None:
    """Guards against models of another training than the one that is reported."""
    reported = json.loads(RESULTS.read_text())["accuracy"][ROWS[name]]
    assert model_provenance(name)["accuracy"] == {cell: by_seed["1"] for cell, by_seed in reported.items()}


def test_what_both_models_solve(solvers: dict[str, Solver]) -> None:
    """Fixed problems, greedy on the CPU: guards weights, vocabulary, model code and prompt together."""
    right = {
        name: [solver.solved(one.problem).verdict.correct for one in shipped_problems() if one.op in (3, 5)]
        for name, solver in solvers.items()
    }
    assert {name: sum(verdicts) for name, verdicts in right.items()} == {"retry": 10, "error-free": 11}


def test_the_chosen_problems_show_what_they_are_chosen_for(solvers: dict[str, Solver]) -> None:
    """Retry takes back what the error-free model defines too early."""
    chosen = [one for one in shipped_problems() if one.chosen]
    assert len(chosen) == 4
    for one in chosen:
        retry, other = (solvers[name].solved(one.problem) for name in ("retry", "error-free"))
        assert retry.verdict.correct
        assert other.verdict.error is not None
        assert other.verdict.error.kind is Kind.NOT_COMPUTABLE_YET
        name = other.verdict.error.sentence.partition(" as ")[0]
        back = [step for step in retry.steps if step.grade is Grade.TAKEN_BACK]
        assert any(step.sentence == f"{name} as BACK." for step in back)


def test_events_come_in_the_order_of_writing(solvers: dict[str, Solver]) -> None:
    """Every sentence grows word by word, is graded once at its end, and all together are the solution."""
    problem = shipped_problems()[0].problem
    growing, graded = "", []
    for event in solvers["retry"].solve(problem):
        if isinstance(event, Writing):
            assert event.text.startswith(growing)
            growing = event.text
        elif isinstance(event, GradedStep):
            assert growing.strip() == event.sentence
            growing = ""
            graded.append(event)
        else:
            assert event.steps == tuple(graded)
            assert event.solution.strip() == " ".join(step.sentence for step in graded)
            assert event.answer.strip() == str(problem.answer)


def test_every_attempt_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: the steps of the first attempt beside the verdict on the last one."""
    solver = Solver(load_run(model_folder("error-free")), device="cpu")
    solver.vocabulary = vocabulary = load_vocabulary(CLASS, marks=frozenset({Mark.AGAIN}))
    problem = shipped_problems()[0].problem
    first, *rest = problem.solution_text.split(".")

    def ids(text: str) -> list[int]:
        return vocabulary.from_gpt2[vocabulary.encode_text(text)].tolist()

    answer, again = (int(vocabulary.from_gpt2[mark]) for mark in (ANSWER_START, Mark.AGAIN))
    ends = [answer, *ids(f" {problem.answer}")]
    tokens = [*ids(f"{first}."), *ends, again, *ids(problem.solution_text), *ends, vocabulary.end]
    monkeypatch.setattr(solver, "_generate", lambda problem: (iter(tokens), None))
    *steps, solved = (event for event in solver.solve(problem) if not isinstance(event, Writing))
    assert isinstance(solved, Solved)
    assert solved.verdict.correct
    assert solved.steps == tuple(steps)
    assert len(steps) == 1 + len(problem.solution)
    assert {step.grade for step in solved.steps} == {Grade.RIGHT}


def test_other_decoders_solve_too(solvers: dict[str, Solver]) -> None:
    solver = Solver(solvers["error-free"].run, "regret-p", device="cpu")
    problem = shipped_problems()[0].problem
    events = list(solver.solve(problem))
    assert not any(isinstance(event, Writing) for event in events)
    last = events[-1]
    assert isinstance(last, Solved)
    assert last.rollbacks > 0
    assert last.n_generated > len(last.tokens)


def test_the_problems_are_the_generators() -> None:
    """Guards against a shipped problem that the generator no longer draws, and one that a model was trained on."""
    sources = {}
    for one in shipped_problems():
        source = sources.setdefault(one.op, problem_source(CLASS, one.op, 0))
        if not one.chosen:
            assert one.index is not None
            assert source.problem(one.index).text == one.problem.text
        assert one.problem.op == one.op
        assert source.config.split == "test"


def test_shipped_problems_come_first_and_need_no_generator() -> None:
    """Guards against a first screen that waits a minute for a compiler."""
    series = Series(CLASS, 0, no_announcement)
    chosen = [series.next(6) for _ in range(4)]
    assert all(one.chosen for one in chosen)
    assert [series.next(6).index for _ in range(6)] == list(range(6))
    assert [series.next(3).index for _ in range(2)] == [0, 1]
    with pytest.raises(AssertionError, match="not needed"):
        series.next(6)
    with pytest.raises(AssertionError, match="not needed"):
        Series(CLASS, 1, no_announcement).next(6)


def test_drawn_problems_go_on_where_the_shipped_ones_end() -> None:
    series = Series(CLASS, 0, lambda: None)
    for _ in range(6):
        series.next(4)
    drawn = series.next(4)
    assert (drawn.index, drawn.op, drawn.chosen) == (6, 4, False)
    assert drawn.problem.text == problem_source(CLASS, 4, 0).problem(6).text


def test_more_operations_than_the_class_has_are_refused() -> None:
    with pytest.raises(InputError, match="op=40 is more than a problem of this class can have"):
        Series(CLASS, 0, no_announcement).next(40)


def test_names_that_the_model_does_not_know() -> None:
    with pytest.raises(
        InputError, match="Zoo's Ball\" is not in the lexicon; the model knows Kitchen, Library, .*Robot$"
    ):
        read_text(CLASS, "The number of each Zoo's Ball equals 3. How many Ball does Zoo have?")


def test_an_unknown_model_is_told_the_names() -> None:
    with pytest.raises(InputError, match="no shipped model is called 'retri'; did you mean 'retry'"):
        model_folder("retri")
