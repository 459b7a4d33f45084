"""What is wrong with a solution if one token of it were another: the grader's kinds, for a model's choice at a token.

A model that is shown a right solution holds another token more probable somewhere. That alone says no kind, since the
solution does not go on from there. So a name that is begun is taken for every parameter that it may become, and a new
letter for one that the whole sentence uses. The first operand of a sum or product may be the second. Elsewhere only
the token is changed, and the rest of the sentence stays.
"""

from __future__ import annotations

import re

from igsm.grading.grade import grade
from igsm.grading.steps import split_solution
from igsm.grading.verdict import Kind
from igsm.problems.problem import Problem

RIGHT = "right as well"
"""Another right step, or another way to write this one."""
NOT_NEEDED = "not needed"
"""A step that the question does not need; the grader lets it pass."""
TAKEN_BACK = "takes a right step back"

_NAME = re.compile(r" ?Define(?! .* as$)(.*)", re.DOTALL)
_EXCHANGED = re.compile(r"(\S+)( [+*] )(\S+) = (\S+)\2(\S+)(?= =)")
"""The two operands of a sum or product, and their values."""


def token_kind(problem: Problem, before: str, right: str, written: str, after: str) -> str:
    """What it would be: a `Kind`, or one of the names above.

    Args:
        before: the solution up to the token.
        right: the token.
        written: the one that is held more probable; "" for the end of the solution.
        after: the rest of the right solution.
    """
    begin = before.rfind(". ") + 1 if not before.endswith(".") else len(before)
    earlier, sentence = before[:begin], before[begin:]
    if not written:
        return Kind.STOPS_EARLY
    if written.strip() == "BACK":
        return TAKEN_BACK
    head = _NAME.fullmatch(sentence)
    if head and " as " not in sentence:
        return _named(problem, earlier, head[1].lstrip(), written)
    if sentence.endswith(" as") and right == " BACK":
        return _named(problem, earlier, sentence.lstrip().removeprefix("Define ").removesuffix(" as"), " as")
    number = len(split_solution(earlier).sentences) + 1
    for rest in _rests(sentence, right, written, after):
        error = grade(problem, before + rest).error
        kind = error.kind if error is not None and error.step == number else RIGHT
        if kind == RIGHT:
            break
    return kind


def _rests(sentence: str, right: str, written: str, after: str) -> list[str]:
    """How the solution may go on with the other token, what was meant first."""
    own, point, later = after.partition(". ")
    if sentence.endswith((" as", ";")):  # a letter is introduced
        return [written + re.sub(rf"\b{re.escape(right.strip())}\b", written.strip(), own) + point + later]
    rests = [written + after]
    operands = _EXCHANGED.match((right + own).lstrip())
    if operands and operands[3] == written.strip():
        one, operator, other, value, its = operands.groups()
        changed = f" {other}{operator}{one} = {its}{operator}{value}{(right + own).lstrip()[operands.end() :]}"
        rests.append(changed + point + later)
    return rests


def _named(problem: Problem, earlier: str, begun: str, written: str) -> str:
    """Of a name: the best of what it may become."""
    if written == " as":
        names = [one for one in problem.by_name if one == begun]
    else:
        names = [one for one in problem.by_name if one.startswith((begun + written).lstrip())]
    steps = [grade(problem, f"{earlier} Define {name} as BACK.").steps[-1] for name in names]
    possible = [step for step in steps if step.can_next]
    if possible:
        return RIGHT if any(step.needed for step in possible) else NOT_NEEDED
    if not steps:
        return Kind.UNKNOWN_PARAMETER
    standing = {step.name for step in grade(problem, earlier).steps if not step.taken_back}
    return Kind.DEFINED_TWICE if standing.issuperset(names) else Kind.NOT_COMPUTABLE_YET
