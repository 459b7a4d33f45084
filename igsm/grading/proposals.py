"""Self-correction step by step: what becomes of the right and the wrong steps that a model proposes.

The grain of confidence and critique (arXiv 2412.19513) where every step has an exact label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

from igsm.config import build_config, load_stored
from igsm.errors import InputError
from igsm.grading.check import grade_records
from igsm.grading.evaluations import GENERATIONS, Evaluation
from igsm.grading.outputs import Outputs
from igsm.grading.verdict import OF_THE_END, Step, Verdict
from igsm.problems.difficulty import ProblemConfig
from igsm.rundir import RunFolder
from igsm.statistics import effective_trials, wilson

Share = tuple[float, float, float]
"""A share from 0 to 1, and its 95 % interval over problems."""

RATES = {
    "needless_retry_rate": ("right_taken_back", "right"),
    "detection": ("wrong_taken_back", "wrong"),
    "correction": ("corrected", "wrong_taken_back"),
    "parrot": ("repeated", "tried_again"),
}
"""Name of a rate -> the counts that it is the share of. Confidence at this grain is 1 - needless_retry_rate."""


@dataclass(frozen=True)
class Proposals:
    """Counts of one solution, up to its first error: what follows a wrong step that stands has no label.

    A proposal is the first step that is tried in a place (`Step.attempt` 0); a step is a sentence that names a
    parameter.

    Attributes:
        right: nothing is wrong with what is written of them.
        right_taken_back: of these.
        wrong: proposals that are taken back as wrong, or the first error.
        wrong_taken_back: of these, in themselves or by a later sentence.
        corrected: of these, what stands in their place in the end is right.
        tried_again: of wrong_taken_back, those in whose place another step is tried.
        repeated: of these, the first other one is of the same parameter, and wrong as well.
    """

    right: int = 0
    right_taken_back: int = 0
    wrong: int = 0
    wrong_taken_back: int = 0
    corrected: int = 0
    tried_again: int = 0
    repeated: int = 0


def proposals(verdict: Verdict) -> Proposals:
    """Of a graded solution."""
    steps, error = _labelled(verdict)
    counts = dict.fromkeys((field.name for field in fields(Proposals)), 0)
    stands_until = 0  # a wrong step stands until this sentence takes it back
    for place, step in enumerate(steps):
        by = step.taken_back_by or step.number
        if step.number <= stands_until:
            continue
        wrong = _is_wrong(step, error)
        if wrong and step.taken_back:
            stands_until = by
        if step.attempt:
            continue
        side = "wrong" if wrong else "right"
        counts[side] += 1
        if not step.taken_back:
            continue
        counts[f"{side}_taken_back"] += 1
        if wrong:
            after = [other for other in steps[place + 1 :] if other.number > by]
            standing = next((other for other in after if not other.taken_back), None)
            counts["corrected"] += standing is not None and not _is_wrong(standing, error)
            if after:
                counts["tried_again"] += 1
                counts["repeated"] += after[0].name == step.name and _is_wrong(after[0], error)
    return Proposals(**counts)


def rates(verdicts: Iterable[Verdict]) -> dict[str, Share | None]:
    """The RATES over solutions, one a problem; None where there is nothing to measure."""
    found = [proposals(verdict) for verdict in verdicts]
    return {name: _rate(found, *counts) for name, counts in RATES.items()}


def rates_of(evaluation: Evaluation) -> dict[str, Share | None]:
    """The RATES of a finished evaluation: its solutions are graded again, for the steps of the verdicts.

    Raises InputError for a file of solutions that is damaged or not there.
    """
    path = evaluation.folder / GENERATIONS
    if not path.is_file():
        raise InputError(f"{path}: no such file; the steps of an evaluation are graded from it")
    solutions = islice(
        grade_records(Outputs(path, None, None), _lexicon(evaluation.folder.parent.parent)), evaluation.n
    )
    return rates(one.verdict for one in solutions if one.verdict is not None)


def _lexicon(run: Path) -> str | None:
    """The names of a run's problems, which are those of every problem that it is evaluated on; None: nobody knows."""
    config = RunFolder(run).config
    if not config.is_file():
        return None
    problem = (load_stored(config).get("data") or {}).get("problem") or {}
    return build_config(ProblemConfig, problem, f"{config}, data.problem").problem_class.lexicon


def _rate(found: list[Proposals], part: str, whole: str) -> Share | None:
    pairs = [(getattr(one, part), getattr(one, whole)) for one in found if getattr(one, whole)]
    if not pairs:
        return None
    right, trials = ([*column] for column in zip(*pairs, strict=True))
    share, n = sum(right) / sum(trials), effective_trials(right, trials)
    return (share, *wilson(share * n, n))


def _labelled(verdict: Verdict) -> tuple[list[Step], int | None]:
    """The steps up to the first error, and the number of the wrong sentence that stands.

    A wrong sentence that names no parameter is a step, too. What only ends wrongly has no wrong step, and a sentence
    that breaks off has no label.
    """
    error = verdict.error
    if error is None:
        return [*verdict.steps], None
    before = [step for step in verdict.steps if step.number < error.step]
    if error.kind in OF_THE_END:
        return before, None
    own = [step for step in verdict.steps if step.number == error.step]
    if not own:
        again = before and before[-1].taken_back and before[-1].number == error.step - 1
        own = [Step(error.step, "", None, False, False, attempt=before[-1].attempt + 1 if again else 0)]
    return before + own, error.step


def _is_wrong(step: Step, error: int | None) -> bool:
    if not step.taken_back:
        return step.number == error
    return step.can_next is not True or step.mistake is not None
