"""Rewards from the grader, in the signatures that trainers call.

TRL's GRPOTrainer: ``reward_funcs=[outcome, dense]``; ``functools.partial(dense, rule="lenient")`` for chat models.
verl: ``reward.custom_reward_function.path=pkg://igsm.grading.rewards`` and, if wanted, ``.reward_kwargs.reward=dense``;
rows as `mistakes export --to verl` writes them.

A problem is read from its text, and solved: no right answer is needed.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from igsm.errors import InputError, suggest
from igsm.grading.attempts import last_attempt
from igsm.grading.check import problem_of
from igsm.grading.grade import grade
from igsm.grading.lenient import strict_text
from igsm.grading.outputs import outputs_in, prompt_in
from igsm.grading.records import text_record
from igsm.grading.steps import Definition, Equation, read_definition, split_solution, taken_back
from igsm.problems.problem import Problem


class Rewards(NamedTuple):
    """All rewards of one solution."""

    outcome: float
    """1.0 for the right final answer, whatever the steps; else 0.0. It is the one that the text states, else the value
    that its last step defines."""
    all_steps: float
    """1.0 if every step is right and the answer is (`igsm.grading.grade`), else 0.0."""
    dense: float
    """The sum of `by_step`: 1.0 for a right solution, below for others."""
    by_step: tuple[float, ...]
    """Of each sentence, in order: 1/n for a right one of the n steps that the question needs, -1/n for the first wrong
    one, 0.0 for all others: not needed, taken back, after the first wrong one. A wrong end counts with the last."""


def rewards_of(problem: Problem, text: str, rule: str = "strict") -> Rewards:
    """The rewards of a solution. Takes any text.

    Args:
        rule: "strict" or "lenient", see `igsm.grading.grade`.
    """
    if rule not in ("strict", "lenient"):
        raise InputError(f"a reward is of the rule strict or lenient, not '{rule}'")
    verdict = grade(problem, text, rule=rule)
    sentences = split_solution(last_attempt(strict_text(text) if rule == "lenient" else text).text).sentences
    share = 1.0 / len(problem.needed)
    by_step = [0.0] * max(len(sentences), 1)
    first_wrong = len(by_step) + 1 if verdict.error is None else verdict.error.step
    for step in verdict.steps:
        if step.needed and not step.taken_back and step.number < first_wrong:
            by_step[step.number - 1] = share
    if verdict.error is not None:
        by_step[min(first_wrong, len(by_step)) - 1] -= share
    answer = verdict.stated_answer or _last_value(sentences)
    dense = 1.0 if verdict.correct else sum(by_step)
    return Rewards(float(answer == str(problem.answer)), float(verdict.correct), dense, tuple(by_step))


def _last_value(sentences: list[str]) -> str | None:
    back = taken_back(sentences)
    standing = [sentence for number, sentence in enumerate(sentences, 1) if number not in back]
    definition = read_definition(standing[-1]) if standing else None
    if not isinstance(definition, Definition):
        return None
    last = Equation(*definition.equations[-1])
    return last.value or last.symbol_value or last.constant


@lru_cache(maxsize=4096)  # several rewards of one solution
def _rewards(text: str, modulus: int | None, lexicon: str | None, solution: str, rule: str) -> Rewards:
    fields = {"problem": text, "modulus": modulus, "lexicon": lexicon}
    problem = problem_of(text_record(fields, 1, "a problem to reward", solutions=False))
    if isinstance(problem, InputError):
        raise problem
    return rewards_of(problem, solution, rule)


def outcome(
    completions: Sequence[Any], prompts: Sequence[Any] = (), rule: str = "strict", **columns: Any
) -> list[float]:
    """`Rewards.outcome` for TRL.

    Args:
        completions: texts or conversations, of a model's.
        prompts: texts or conversations: the last user's turn is the problem, word for word, unless a column is.
        columns: of these `problem`, `modulus` (23) and `lexicon` (full) are used, one value a completion, or those in
            the column `extra_info`.

    Raises:
        InputError: a problem that cannot be read.
    """
    return [one.outcome for one in _of_batch(completions, prompts, rule, columns)]


def all_steps(
    completions: Sequence[Any], prompts: Sequence[Any] = (), rule: str = "strict", **columns: Any
) -> list[float]:
    """`Rewards.all_steps` for TRL; arguments as of `outcome`."""
    return [one.all_steps for one in _of_batch(completions, prompts, rule, columns)]


def dense(completions: Sequence[Any], prompts: Sequence[Any] = (), rule: str = "strict", **columns: Any) -> list[float]:
    """`Rewards.dense` for TRL; arguments as of `outcome`."""
    return [one.dense for one in _of_batch(completions, prompts, rule, columns)]


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    reward: str = "all_steps",
    rule: str = "strict",
    **_: Any,
) -> dict[str, float]:
    """The reward `score` for verl, and all three beside it, which verl logs.

    Args:
        ground_truth: not used.
        extra_info: its `problem` is read; `modulus` (23) and `lexicon` (full) if there.
        reward: outcome, all_steps or dense.

    Raises:
        InputError: a problem that is missing or cannot be read; an unknown reward.
    """
    one = _reward(extra_info or {}, solution_str, rule)
    numbers = {"outcome": one.outcome, "all_steps": one.all_steps, "dense": one.dense}
    if reward not in numbers:
        raise InputError(f"unknown reward '{reward}'{suggest(reward, numbers)}")
    return {"score": numbers[reward], **numbers}


def _of_batch(
    completions: Sequence[Any], prompts: Sequence[Any], rule: str, columns: Mapping[str, Any]
) -> list[Rewards]:
    made = []
    for number, completion in enumerate(completions):
        about: dict[str, Any] = {"problem": prompt_in(prompts[number])} if prompts else {}
        about |= columns["extra_info"][number] if columns.get("extra_info") else {}
        about |= {name: columns[name][number] for name in ("problem", "modulus", "lexicon") if columns.get(name)}
        made.append(_reward(about, next(iter(outputs_in(completion)), ""), rule))
    return made


def _reward(about: Mapping[str, Any], text: str, rule: str) -> Rewards:
    problem, modulus = about.get("problem"), about.get("modulus")
    if not isinstance(problem, str):
        raise InputError("no problem to reward: a prompt, a column 'problem' or extra_info['problem'] is expected")
    return _rewards(problem, None if modulus is None else operator.index(modulus), about.get("lexicon"), text, rule)
