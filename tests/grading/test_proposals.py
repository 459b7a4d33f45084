"""Self-correction step by step: solutions written by hand, and models that always, never or in vain take back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from igsm.grading.evaluations import Evaluation
from igsm.grading.grade import grade
from igsm.grading.proposals import Proposals, proposals, rates, rates_of
from igsm.problems.problem import Problem
from tests.mistakes.hand_made import PROBLEM, SOLUTION

ROOT = Path(__file__).resolve().parents[2]
EARLY = " Define Ark's Pet as"
"""What nobody can compute at the start."""
OTHER = " Define Barn's Pet as"
"""Another one."""
FIRST = SOLUTION[0].removesuffix(".")
CAT = " Define Barn's Cat as b; so b = 20 + a = 20 + 4 = 2"
"""The second step with a wrong sum."""
N = len(SOLUTION)

# text -> attempts of its steps; counts
CASES = {
    "right": ("".join(SOLUTION), [0] * N, Proposals(right=N)),
    "wrong name taken back": (
        f"{EARLY} BACK." + "".join(SOLUTION), [0, 1, *[0] * (N - 1)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1),
    ),
    "parrot": (
        f"{EARLY} BACK." * 3 + "".join(SOLUTION), [0, 1, 2, 3, *[0] * (N - 1)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1, repeated=1),
    ),
    "another wrong one": (
        f"{EARLY} BACK.{OTHER} BACK." + "".join(SOLUTION), [0, 1, 2, *[0] * (N - 1)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1),
    ),
    "needless": (
        f"{FIRST} BACK." + "".join(SOLUTION), [0, 1, *[0] * (N - 1)], Proposals(right=N, right_taken_back=1),
    ),
    "the same parameter, rightly": (
        f"{SOLUTION[0]}{CAT} BACK." + "".join(SOLUTION[1:]), [0, 0, 1, *[0] * (N - 2)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1),
    ),
    "taken back, then wrong": (
        f"{EARLY} BACK.{OTHER} z; so z = 1." + "".join(SOLUTION), [0, 1, *[0] * N],
        Proposals(wrong=1, wrong_taken_back=1, tried_again=1),
    ),
    "taken back, then the same, which stands": (
        f"{EARLY} BACK.{EARLY} z; so z = 1.", [0, 1],
        Proposals(wrong=1, wrong_taken_back=1, tried_again=1, repeated=1),
    ),
    "taken back, then nothing": (f"{EARLY} BACK.", [0], Proposals(wrong=1, wrong_taken_back=1)),
    "taken back, then no step": (
        f"{EARLY} BACK. Nonsense." + "".join(SOLUTION), [0, *[0] * N],
        Proposals(wrong=1, wrong_taken_back=1, tried_again=1),
    ),
    "stands": (f"{SOLUTION[0]}{CAT}." + "".join(SOLUTION[2:]), [0] * N, Proposals(right=1, wrong=1)),
    "unknown parameter": ("Define Zoo's Fox as BACK." + "".join(SOLUTION), [0, 1, *[0] * (N - 1)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1),
    ),
    "no step stands": (f"{SOLUTION[0]} Nonsense.{SOLUTION[1]}", [0, 0], Proposals(right=1, wrong=1)),
    "breaks off": (f"{SOLUTION[0]} Define Barn's", [0, 0], Proposals(right=1)),
    "stops early": ("".join(SOLUTION[:2]), [0, 0], Proposals(right=2)),
    "taken back two sentences later": (
        # the sentences after the wrong one may follow from it: they have no label
        f"{SOLUTION[0]}{CAT}.{SOLUTION[2]}{EARLY} BACK 3." + "".join(SOLUTION[1:]), [0, 0, 0, 0, 1, *[0] * (N - 2)],
        Proposals(right=N - 1, wrong=1, wrong_taken_back=1, corrected=1, tried_again=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case: str) -> None:
    text, attempts, expected = CASES[case]
    verdict = grade(PROBLEM, text)
    assert [step.attempt for step in verdict.steps] == attempts
    assert proposals(verdict) == expected
    written = [step.get("attempt", 0) for step in verdict.to_json()["steps"]]
    assert written == attempts


def test_who_takes_a_step_back_is_said_where_it_is_another_sentence() -> None:
    steps = grade(PROBLEM, f"{SOLUTION[0]}{CAT}.{EARLY} BACK 2." + "".join(SOLUTION[1:])).steps
    assert [step.taken_back_by for step in steps[:4]] == [None, 3, None, None]
    assert [step.to_json().get("taken_back_by") for step in steps[:4]] == [None, 3, None, None]
    assert "taken_back_by" not in steps[0].to_json()


def too_early(problem: Problem, done: int) -> str | None:
    """The name of the last step that is to come: if it is not the next one, it cannot be computed yet."""
    later = problem.solution_text.strip().split(". ")[done:]
    return " " + later[-1].partition(" as ")[0] + " as" if len(later) > 1 else None


def solution(problem: Problem, correct: Callable[[str, str], str]) -> str:
    """Before each step the question is named; the model takes that back (or not), given it and the right step."""
    text = ""
    for place, sentence in enumerate(problem.solution_text.strip().removesuffix(".").split(". ")):
        wrong = too_early(problem, place)
        text += correct(wrong, f" {sentence}.") if wrong else f" {sentence}."
    return text


# what a model does with a wrong name and the right step -> needless retry rate, detection, correction, parrot rate
MODELS: dict[str, tuple[Callable[[str, str], str], tuple[float | None, ...]]] = {
    "always takes back": (lambda wrong, right: f"{wrong} BACK.{right}", (0, 1, 1, 0)),
    "never takes back": (lambda wrong, right: f"{wrong} z; so z = 1.", (None, 0, None, None)),
    "parrots": (lambda wrong, right: f"{wrong} BACK.{wrong} BACK.{right}", (0, 1, 1, 1)),
    "parrots for ever": (lambda wrong, right: f"{wrong} BACK." * 20, (None, 1, 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models(problem_of: Callable[..., Problem], name: str) -> None:
    correct, expected = MODELS[name]
    problems = [one for one in map(problem_of, range(60)) if too_early(one, 0) and one.solution_text.count(".") > 2]
    assert len(problems) > 30
    found = rates(grade(problem, solution(problem, correct)) for problem in problems)
    assert tuple(one and one[0] for one in found.values()) == expected


def test_a_model_that_takes_back_what_is_right(problem_of: Callable[..., Problem]) -> None:
    """Every step but the last is taken back once, and a wrong one after it: that is no first proposal."""
    problems = [problem_of(seed) for seed in range(40)]
    found = rates(
        grade(problem, solution(problem, lambda wrong, right: f"{right[:-1]} BACK.{wrong} BACK.{right}"))
        for problem in problems
    )
    steps = [problem.solution_text.count(".") for problem in problems]
    rate = found.pop("needless_retry_rate")
    assert rate is not None
    assert rate[0] == pytest.approx(sum(n - 1 for n in steps) / sum(steps))
    assert list(found.values()) == [None, None, None]


def test_rates_are_of_all_proposals_together_with_problems_as_the_unit() -> None:
    texts = [f"{EARLY} BACK." + "".join(SOLUTION), f"{EARLY} z; so z = 1.", "".join(SOLUTION)]
    found = rates(grade(PROBLEM, text) for text in texts)
    share, low, high = found["detection"] or (0, 0, 0)
    assert share == 0.5
    assert low < 0.2
    assert high > 0.8
    assert found["needless_retry_rate"] == (0, 0, pytest.approx(0.66, abs=0.01))  # two problems, not 2 N - 1 steps


def test_an_evaluation_of_a_run_with_names_of_its_own(tmp_path: Path) -> None:
    """Guards: solutions that are graded again with the full lexicon, in whose names the problem cannot be read."""
    names = (ROOT / "igsm/problems/data/lexicon_nano.json").read_text(encoding="utf-8").replace("Kitchen", "Orchard")
    (tmp_path / "names.json").write_text(names, encoding="utf-8")
    lexicon = str(tmp_path / "names.json")
    problem = {"difficulty": "nano", "lexicon": lexicon}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"data": {"problem": problem}}), encoding="utf-8")
    text = "The number of each Orchard's Ball equals 3. How many Ball does Orchard have?"
    record = {"problem": text, "solution": " Define Orchard's Ball as a; so a = 3.", "answer": " 3"}
    folder = tmp_path / "eval" / "nano_pq:op=1-greedy"
    folder.mkdir(parents=True)
    line = json.dumps(record | {"op": 1, "modulus": 5, "lexicon": lexicon}) + "\n"
    (folder / "generations.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    found = rates_of(Evaluation(folder, {"cell": "nano_pq:op=1", "decoder": "greedy"}, 1))
    assert found["needless_retry_rate"] == (0, 0, pytest.approx(0.79, abs=0.01))
