"""Probabilities of the next sentence."""

from __future__ import annotations

import pytest
import torch

from igsm.evaluation.runs import load_run
from igsm.evaluation.shipped import model_folder, shipped_problems
from igsm.evaluation.watch import Solver


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(load_run(model_folder("retry")), device="cpu")


@torch.no_grad()
def one_by_one(solver: Solver, tokens: list[int], text: str) -> float:
    """The probability of a text after some tokens, by a plain forward pass."""
    own = solver.vocabulary.from_gpt2[solver.vocabulary.encode_text(text)].tolist()
    logarithms = solver.run.model(torch.tensor([tokens + own]))[0].log_softmax(-1)
    return sum(float(logarithms[len(tokens) - 1 + i, token]) for i, token in enumerate(own))


@pytest.mark.parametrize("step", [0, 3])
def test_they_are_those_of_plain_forward_passes(solver: Solver, step: int) -> None:
    """Guards against branches that see each other, or stand at other positions than they would alone."""
    problem = shipped_problems()[0].problem
    solved = solver.solved(problem)
    tokens = [*solver.vocabulary.prompt(problem).tolist(), *solved.tokens[: solved.starts[step]]]
    found = solver.next_sentences(solved, step, 100)
    assert {one.name for one in found} == set(problem.by_name)
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert 0.9 < sum(one.probability for one in found) <= 1.0001
    defined = {problem.by_name[s.sentence[7:].partition(" as ")[0]] for s in solved.steps[:step]}
    for one in found:
        text = f" Define {one.name} as"
        alone = one_by_one(solver, tokens, text)
        assert one.probability == pytest.approx(torch.tensor(alone).exp().item(), rel=1e-3, abs=1e-7)
        with_back = one_by_one(solver, tokens, f"{text} BACK")
        assert one.back == pytest.approx(torch.tensor(with_back - alone).exp().item(), rel=1e-3, abs=1e-6)
        assert one.can_be_next == problem.can_next(problem.by_name[one.name], defined)


def test_what_is_written_is_the_most_probable_here(solver: Solver) -> None:
    """Greedy chooses token by token; where one sentence has more than half, that is the one."""
    solved = solver.solved(shipped_problems()[0].problem)
    sure = 0
    for number, step in enumerate(solved.steps):
        first, *_ = solver.next_sentences(solved, number, 1)
        if first.probability > 0.5:
            assert step.sentence.startswith(f"Define {first.name} as ")
            sure += 1
    assert sure >= 3
