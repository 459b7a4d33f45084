"""The grader: is every step of this solution right, and if not, what went wrong first?

A solution is right when every sentence that is not taken back defines an existing parameter for the first
time, from exactly what it depends on, with the right operators, constants and numbers, and the last one
defines what is asked (arXiv 2408.16293, appendix D). docs/grading.md lists the kinds of error.
"""

from __future__ import annotations

from igsm.errors import InputError, suggest
from igsm.grading.answers import plain_answer, stated_answer
from igsm.grading.authors import first_error as authors_first_error
from igsm.grading.expected import Expectations, expectations
from igsm.grading.lenient import strict_text
from igsm.grading.state import State
from igsm.grading.steps import (
    BREAKS_OFF,
    Definition,
    Solution,
    Unreadable,
    definition_taken_back,
    is_taken_back,
    read_definition,
    split_solution,
    stated_name,
)
from igsm.grading.verdict import FirstError, Kind, Step, Verdict
from igsm.problems.problem import Problem

RULES = ("strict", "lenient", "authors")


def grade(problem: Problem, text: str | bytes, answer: float | str | None = None, rule: str = "strict") -> Verdict:
    """Verdict on the solution `text`, and on `answer` if it is given. Takes any text, in linear time.

    A final answer that the text itself states after its steps must be right as well; the verdict holds it.

    Args:
        rule: "strict"; "lenient", the same of what `lenient.strict_text` makes of the text; or "authors" for the
            verdict of the authors' grader, which lets some errors pass.

    Raises InputError for an unknown rule or an ill-posed problem only.
    """
    if rule not in RULES:
        raise InputError(f"unknown rule '{rule}'{suggest(rule, RULES)}")
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    if rule == "lenient":
        text = strict_text(text)
    solution = split_solution(text)
    answer = None if answer is None else plain_answer(answer)
    stated = stated_answer(solution.closing, problem.modulus) if solution.closing else None
    expected = expectations(problem)
    if rule == "authors":
        error = authors_first_error(problem, solution.text, answer)
    else:
        error = _first_error(problem, expected, solution, answer)
    if error is None and stated not in (None, str(problem.answer)):
        message = f"the text goes on to state the answer {stated}, its steps come to {problem.answer}"
        closing = solution.closing
        error = FirstError(Kind.ANSWER_DIFFERS, len(solution.sentences) + 1, closing, 0, len(closing), message)
    steps, parameters, operations = _stated(problem, expected, solution.sentences)
    return Verdict(error is None, error, steps, parameters, operations, stated)


def _stated(problem: Problem, expected: Expectations, sentences: list[str]) -> tuple[tuple[Step, ...], int, int]:
    """Every stated parameter, and how many defined parameters and operations the question does not need."""
    steps = []
    taken_back = {number for number, sentence in enumerate(sentences, 1) if is_taken_back(sentence)}
    mistakes = _mistakes_taken_back(problem, expected, sentences) if taken_back else {}
    defined = parameters = operations = 0
    for number, sentence in enumerate(sentences, 1):
        name = stated_name(sentence)
        if name is None:
            continue
        back = number in taken_back
        info = expected[name]
        if info is None:
            steps.append(Step(number, name, None, back, False))
            continue
        can_next = not (defined & info.bit or info.needs & ~defined)
        steps.append(Step(number, name, can_next, back, info.needed, mistakes.get(number)))
        if not back and not defined & info.bit:
            defined |= info.bit
            if not info.needed:
                parameters += 1
                operations += problem.operations(info.parameter)
    return tuple(steps), parameters, operations


def _mistakes_taken_back(problem: Problem, expected: Expectations, sentences: list[str]) -> dict[int, Kind]:
    """Number of a sentence that states a whole step and takes it back -> what is wrong with that step."""
    taken_back = {number: whole for number, s in enumerate(sentences, 1) if (whole := definition_taken_back(s))}
    if not taken_back:
        return {}
    found = {}
    state = State(problem, expected)
    for number, sentence in enumerate(sentences[: max(taken_back)], 1):
        if number in taken_back:
            complaint = state.complaint(taken_back[number])
            if complaint is not None:
                found[number] = complaint[0]
        elif not is_taken_back(sentence) and isinstance(definition := read_definition(sentence), Definition):
            state.define(definition)
    return found


def _first_error(problem: Problem, expected: Expectations, solution: Solution, answer: str | None) -> FirstError | None:
    sentences, finished = solution.sentences, solution.finished
    state = State(problem, expected)
    for number, sentence in enumerate(sentences, 1):
        if is_taken_back(sentence):
            continue
        definition = read_definition(sentence)
        if isinstance(definition, Unreadable):
            if number == len(sentences) and not finished:
                if state.last == problem.question:
                    break  # a sentence begun after the answer: text after the end
                return FirstError(Kind.STOPS_EARLY, number, sentence, 0, len(sentence), BREAKS_OFF)
            return FirstError(Kind.MALFORMED, number, sentence, *definition)
        error = state.define(definition)
        if error is not None:
            kind, words, message = error
            start = max(sentence.find(words), 0)
            return FirstError(kind, number, sentence, start, start + len(words), message)
    return _end_error(problem, state, sentences, answer)


def _end_error(problem: Problem, state: State, sentences: list[str], answer: str | None) -> FirstError | None:
    last = sentences[-1] if sentences else ""

    def error(kind: Kind, message: str) -> FirstError:
        return FirstError(kind, len(sentences) + 1, last, 0, len(last), message)

    asked = problem.name(problem.question)
    if state.last != problem.question:
        if expectations(problem)[asked] is None or not state.has_defined(asked):
            return error(Kind.STOPS_EARLY, f"{asked} is never defined")
        return error(Kind.ANSWERS_ANOTHER, f"the last sentence defines another parameter than {asked}")
    if answer is not None and answer != str(state.last_value):
        return error(Kind.ANSWER_DIFFERS, f"the answer is {state.last_value}, not {answer[:40]!r}")
    return None
