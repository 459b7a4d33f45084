"""Every change of a correct solution that changes its meaning is found."""

from __future__ import annotations

import random
import re

from igsm.grading import grade
from igsm.problems.problem import Problem

TOKEN = re.compile(r"(?<= )([A-Za-z]|[0-9]+|[+*-])(?=[ ;.])")


def _expanded(problem: Problem) -> dict[str, str]:
    """Symbol -> its expression with intermediates written out; parameters stay symbols."""
    expanded = {}
    for sentence in problem.solution_text.strip().removesuffix(".").split(". "):
        head, *equations = sentence.split("; ")
        for equation in equations:
            name, right = equation.removeprefix("so ").split(" = ")[:2]
            expanded[name] = " ".join(f"({expanded.get(t, t)})" for t in sorted(right.split(" ")))
        expanded[head[-1]] = head[-1]
    return expanded


def test_every_token_counts(problem_of):
    # guards: a number, symbol or operator that the grader does not look at
    rng = random.Random(1)
    tried = 0
    for seed in range(120):
        problem = problem_of(seed)
        text = problem.solution_text
        assert grade(problem, text).correct
        expanded = _expanded(problem)
        for match in TOKEN.finditer(text):
            old = match[0]
            if old.isalpha():
                new = rng.choice([s for s in problem.symbols if s != old])
                if expanded.get(new, "new") == expanded.get(old, "old"):
                    continue  # another name of the same intermediate
            elif old.isdigit():
                new = str((int(old) + rng.randrange(1, 23)) % 23)
            else:
                new = rng.choice([sign for sign in "+-*" if sign != old])
            mutated = text[: match.start()] + new + text[match.end() :]
            verdict = grade(problem, mutated)
            assert not verdict.correct, (mutated, match)
            tried += 1
    assert tried > 5_000


def test_every_consistent_change_of_a_value_counts(problem_of):
    # guards: wrong constants, which the authors' grader lets pass as long as the numbers agree with each other
    found = 0
    for seed in range(200):
        problem = problem_of(seed)
        text = problem.solution_text
        match = re.search(r"so ([A-Za-z]) = ([0-9]+)\.", text)
        if match is None:
            continue
        other = (int(match[2]) + 1) % 23
        changed = _recompute(text.replace(match[0], f"so {match[1]} = {other}."))
        assert not grade(problem, changed).correct, changed
        found += 1
    assert found > 50


def _recompute(text: str) -> str:
    """All numbers of the solution anew from its symbols and constants."""
    values: dict[str, int] = {}
    sentences = []
    for sentence in text.strip().removesuffix(".").split(". "):
        head, *equations = sentence.split("; ")
        clauses = [head]
        for equation in equations:
            left, right = equation.split(" = ")[:2]
            numbers = [str(values.get(t, t)) for t in right.split(" ")]
            value = eval(" ".join(numbers)) % 23
            values[left[-1]] = value
            parts = [left, right] if right.isdigit() else [left, right, *([" ".join(numbers)] * (len(numbers) > 1))]
            clauses.append(" = ".join(parts if right.isdigit() else [*parts, str(value)]))
        sentences.append("; ".join(clauses))
    return " " + ". ".join(sentences) + "."


def test_sentences_removed_repeated_or_moved(problem_of):
    # guards: a missing step, a step twice, a step before what it needs
    for seed in range(150):
        problem = problem_of(seed)
        sentences = problem.solution_text.strip().removesuffix(".").split(". ")
        for at, sentence in enumerate(sentences):
            without = sentences[:at] + sentences[at + 1 :]
            twice = [*sentences[: at + 1], sentence, *sentences[at + 1 :]]
            for changed in (without, twice, [*without, sentence] if at < len(sentences) - 1 else without):
                assert not grade(problem, ". ".join(changed) + ".").correct, changed
            if at and problem.inputs(problem.solution[at]):
                first = [sentence, *without]
                assert not grade(problem, ". ".join(first) + ".").correct, first


def test_names_exchanged(problem_of):
    # guards: a parameter's name not compared with what is computed
    for seed in range(150):
        problem = problem_of(seed)
        text = problem.solution_text
        for parameter in problem.solution:
            name = problem.name(parameter)
            for other in problem.parameters:
                new = problem.name(other)
                if new != name:
                    assert not grade(problem, text.replace(f"Define {name} as", f"Define {new} as")).correct
