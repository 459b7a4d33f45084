"""The grader: is every step of this solution right, and if not, what went wrong first?

A solution is right when every sentence that is not taken back defines an existing parameter for the first
time, from exactly what it depends on, with the right operators, constants and numbers, and the last one
defines what is asked (arXiv 2408.16293, appendix D). docs/grading.md lists the kinds of error.
"""

from __future__ import annotations

from igsm.errors import InputError, suggest
from igsm.grading.answers import plain_answer, stated_answer
from igsm.grading.attempts import last_attempt
from igsm.grading.authors import first_error as authors_first_error
from igsm.grading.expected import Expectations, expectations
from igsm.grading.lenient import strict_text
from igsm.grading.state import State
from igsm.grading.steps import (
    BREAKS_OFF,
    Definition,
    Solution,
    Unreadable,
    attempts,
    definition_taken_back,
    earlier_taken_back,
    read_definition,
    split_solution,
    stated_name,
    taken_back,
)
from igsm.grading.verdict import FirstError, Kind, Step, Verdict
from igsm.problems.problem import Problem

RULES = ("strict", "lenient", "authors")


def grade(problem: Problem, text: str | bytes, answer: float | str | None = None, rule: str = "strict") -> Verdict:
    """Verdict on the solution `text`, and on `answer` if it is given. Takes any text, in linear time.

    Of several attempts the last one is graded, and its sentences are counted (`attempts.last_attempt`).

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
    attempt = last_attempt(text)
    solution = split_solution(attempt.text)
    answer = None if answer is None else plain_answer(answer)
    stated = stated_answer(solution.closing, problem.modulus) if solution.closing else None
    expected = expectations(problem)
    back = taken_back(solution.sentences)
    if rule == "authors":
        error = authors_first_error(problem, _each_taken_back(solution, back), answer)
    else:
        error = _first_error(problem, expected, solution, back, answer)
    if error is None and stated not in (None, str(problem.answer)):
        message = f"the text goes on to state the answer {stated}, its steps come to {problem.answer}"
        closing = solution.closing
        error = FirstError(Kind.ANSWER_DIFFERS, len(solution.sentences) + 1, closing, 0, len(closing), message)
    steps, parameters, operations = _stated(problem, expected, solution.sentences, back)
    return Verdict(error is None, error, steps, parameters, operations, stated, attempt.restarts, attempt.corrections)


def _each_taken_back(solution: Solution, back: dict[int, int]) -> str:
    """The text with a BACK in every sentence that is taken back, as the published grader knows it."""
    if all(number == by for number, by in back.items()):
        return solution.text
    numbered = enumerate(solution.sentences, 1)
    return ". ".join(f"{one} BACK" if number != back.get(number, number) else one for number, one in numbered) + "."


def _stated(
    problem: Problem, expected: Expectations, sentences: list[str], back: dict[int, int]
) -> tuple[tuple[Step, ...], int, int]:
    """Every stated parameter, and how many defined parameters and operations the question does not need.

    Args:
        back: see `steps.taken_back`. Until the sentence that takes it back, a step stands.
    """
    steps = []
    mistakes = _mistakes_taken_back(problem, expected, sentences, back) if back else {}
    tried = attempts(sentences) if back else [0] * len(sentences)
    defined = parameters = operations = 0
    standing: dict[int, int] = {}  # bits of what a later sentence takes back, by that sentence's number
    for number, sentence in enumerate(sentences, 1):
        name = stated_name(sentence)
        info = None if name is None else expected[name]
        by = back.get(number)
        rest = (tried[number - 1], None if by == number else by)
        if name is not None and info is None:
            steps.append(Step(number, name, None, by is not None, False, None, *rest))
        elif name is not None and info is not None:
            can_next = not (defined & info.bit or info.needs & ~defined)
            steps.append(Step(number, name, can_next, by is not None, info.needed, mistakes.get(number), *rest))
            if by != number and not defined & info.bit:
                defined |= info.bit
                if by is not None:
                    standing[by] = standing.get(by, 0) | info.bit
                elif not info.needed:
                    parameters += 1
                    operations += problem.operations(info.parameter)
        defined &= ~standing.pop(number, 0)
    return tuple(steps), parameters, operations


def _mistakes_taken_back(
    problem: Problem, expected: Expectations, sentences: list[str], back: dict[int, int]
) -> dict[int, Kind]:
    """Number of a sentence that is taken back -> what is wrong with the whole step that it states.

    Of several that are taken back together, it is what is wrong with the first wrong one for all that follow it.
    """
    whole = {number: definition_taken_back(sentences[number - 1]) for number, by in back.items() if number == by}
    together = any(number != by for number, by in back.items())
    if not together and not any(whole.values()):
        return {}
    found: dict[int, Kind] = {}
    state = State(problem, expected)
    standing: list[tuple[int, State, Kind | None]] = []  # of the sentences that stand: the state before, what is wrong
    for number, sentence in enumerate(sentences[: max(back)], 1):
        if number not in whole:
            before, complaint = state.copy() if together else state, None
            if isinstance(definition := read_definition(sentence), Definition):
                complaint = state.define(definition)
            standing.append((number, before, complaint[0] if complaint else None))
            continue
        taken = whole[number]
        complaint = state.complaint(taken) if taken else None
        kind, n = None, min(earlier_taken_back(sentence), len(standing))
        for earlier, _, wrong in standing[len(standing) - n :]:
            kind = kind or wrong
            if kind:
                found[earlier] = kind
        if kind or complaint:
            found[number] = kind or complaint[0]  # type: ignore[index]
        if n:
            state = standing[-n][1]
            del standing[-n:]
    return found


def _first_error(
    problem: Problem, expected: Expectations, solution: Solution, back: dict[int, int], answer: str | None
) -> FirstError | None:
    sentences, finished = solution.sentences, solution.finished
    state = State(problem, expected)
    for number, sentence in enumerate(sentences, 1):
        if number in back:
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
        if not state.has_defined(asked):
            return error(Kind.STOPS_EARLY, f"{asked} is never defined")
        return error(Kind.ANSWERS_ANOTHER, f"the last sentence defines another parameter than {asked}")
    if answer is not None and answer != str(state.last_value):
        return error(Kind.ANSWER_DIFFERS, f"the answer is {state.last_value}, not {answer[:40]!r}")
    return None
