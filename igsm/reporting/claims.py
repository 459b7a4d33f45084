"""Claims about ways of training and decoding: what a paper says, what a sweep came to, and whether that settles it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.errors import InputError, suggest
from igsm.grading.evaluations import FIRST_MISTAKES
from igsm.grading.metrics import METRICS, Json, Metric
from igsm.reporting.lineage import in_pairs, of_one_start
from igsm.reporting.paper import split_cell
from igsm.reporting.pooling import combine_results
from igsm.reporting.results import Result
from igsm.reporting.seeds import Interval
from igsm.significance import holm_of_decidable, seed_test
from igsm.statistics import t_interval, welch_interval

LEVEL = 0.05
LEAST_SEEDS = 5
"""Training seeds of a row below which nothing is settled."""

Verdict = Literal["shown", "refuted", "undecided", "not run"]


class Claim(Config):
    """One statement, on the mean of a measure over some cells.

    `higher` and `lower` compare a row with `against`; `alike` says that the two differ by no more than `margin`;
    `at_most` and `at_least` compare the row with `value`. Units are the measure's own: 0.01 is one point of accuracy.
    """

    result: str
    """Which of the paper's results, e.g. "Result 2"."""
    says: str
    published: str = "-"
    """The paper's numbers."""
    row: str
    against: str | None = None
    decoder: str | None = None
    """None: the only one that a row has, of several greedy. Of a probe: all-parameters or first-mistakes."""
    cells: list[str] = Field(min_length=1)
    """Ends of cells' names, e.g. op=6; in a sweep's file a group's name too, as a family has it. Of several families
    each has to have them all, and counts alike."""
    measure: str = "accuracy"
    expect: Literal["higher", "lower", "alike", "at_most", "at_least"]
    margin: float | None = Field(default=None, gt=0)
    value: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Claim:
        needed = {"higher": "against", "lower": "against", "alike": "margin", "at_most": "value", "at_least": "value"}
        if getattr(self, needed[self.expect]) is None or (self.expect == "alike" and self.against is None):
            lacks = "against and margin" if self.expect == "alike" else needed[self.expect]
            raise ValueError(f"claim '{self.says}': expect={self.expect} needs {lacks}")
        if self.measure not in METRICS:
            raise ValueError(f"claim '{self.says}': unknown measure '{self.measure}'{suggest(self.measure, METRICS)}")
        return self


@dataclass(frozen=True)
class Judged:
    """A claim and what the runs say.

    Attributes:
        row, against: training seed -> mean over the claim's cells; of the seeds that have all of them.
        interval: 95 %, over training seeds: of the difference, or of the row's mean where there is no `against`.
        p_value: of the difference, over training seeds; None for a claim that an interval decides.
        least: the smallest p-value that so many seeds can give.
        adjusted: after Holm, over all p-values of the claims judged together; None where `least` is above `LEVEL`.
        problems: of a cell that every evaluation has; fewer are compared where one has fewer.
        one_start: all seeds of a row are fine-tuned from one model.
    """

    claim: Claim
    row: dict[int, float]
    against: dict[int, float]
    interval: Interval | None
    p_value: float | None
    least: float = 0.0
    adjusted: float | None = None
    verdict: Verdict = "not run"
    why: str = "-"
    problems: int = 0
    one_start: bool = False

    @property
    def measure(self) -> Metric:
        return METRICS[self.claim.measure]

    @property
    def seeds(self) -> int:
        """Training seeds of the side that has fewer."""
        return min(len(side) for side in ([self.row] if self.claim.against is None else [self.row, self.against]))

    def numbers(self) -> str:
        """What was seen, as printed: "41.9 to 63.5 (+21.6; +15.0 to +28.2)"."""
        if not self.row or (self.claim.against is not None and not self.against):
            return "-"
        show, mean = self.measure.text, fmean(self.row.values())
        interval = self.interval
        if self.claim.against is None:
            return show(mean) + (f" ({self.measure.range(*interval)})" if interval else "")
        base, difference = fmean(self.against.values()), self.measure.difference
        text = f"{show(base)} to {show(mean)} ({difference(mean - base)}"
        return text + (f"; {difference(interval[0])} to {difference(interval[1])})" if interval else ")")

    def content(self) -> Json:
        """As written to `findings.json`."""
        return {
            "claim": self.claim.model_dump(mode="json", exclude_defaults=True),
            "row": {str(seed): value for seed, value in self.row.items()},
            "against": {str(seed): value for seed, value in self.against.items()},
            "problems_a_cell": self.problems,
            "all_from_one_model": self.one_start,
            "interval_over_seeds": self.interval,
            "p_value_over_seeds": self.p_value,
            "least_p_value": None if self.p_value is None else self.least,
            "p_value_after_holm": self.adjusted,
            "verdict": self.verdict,
            "why": self.why,
        }


def judge(claims: Sequence[Claim], results: Sequence[Result]) -> list[Judged]:
    """What the evaluations say of each claim.

    The unit is the training seed. Two decoders of one model are paired by seed, and so are two models that were
    fine-tuned from one. A claim with fewer than `LEAST_SEEDS` a side, or too few to reach `LEVEL` at all, cannot be a
    false alarm, and does not count in Holm's correction.
    """
    return decide([draft(claim, results) for claim in claims])


def decide(drafts: Sequence[Judged]) -> list[Judged]:
    """`draft`s with verdicts, after Holm's correction over all of them."""
    tests = [(one.p_value if one.seeds >= LEAST_SEEDS else None, one.least) for one in drafts]
    adjusted = holm_of_decidable(tests, LEVEL)
    found = []
    for one, p_value in zip(drafts, adjusted, strict=True):
        one = replace(one, adjusted=p_value)
        verdict, why = _verdict(one)
        why += ", all from one model" if one.one_start and one.seeds else ""
        found.append(replace(one, verdict=verdict, why=why))
    return found


def check_rows(claims: Sequence[Claim], rows: Sequence[str]) -> None:
    """Raise :class:`InputError` for a claim about a row that the table does not have."""
    for claim in claims:
        for name in (claim.row, claim.against):
            if name is not None and name not in rows:
                raise InputError(f"claim '{claim.says}': there is no row '{name}'{suggest(name, rows)}")


def draft(claim: Claim, results: Sequence[Result]) -> Judged:
    """Numbers, interval and p-value of one claim, no verdict yet."""
    sides = [_chosen(claim, name, results) for name in (claim.row, claim.against)]
    families = {split_cell(one.cell)[0] for side in sides for one in side}
    chosen = [_complete(claim, side, len(families)) for side in sides]
    if claim.against is not None and claim.decoder != FIRST_MISTAKES:  # each model has its own first mistakes
        chosen = _same_problems(chosen)
    problems = min((one.n for side in chosen for one in side), default=0)
    one_start = all(of_one_start(side) for side in chosen if side)
    row, against = (_by_seed(claim, side, len(families)) for side in chosen)
    if claim.against is None:
        return Judged(claim, row, {}, _interval(list(row.values())), None, problems=problems, one_start=one_start)
    tested = claim.expect in ("higher", "lower")
    row, against, paired = in_pairs((chosen[0], row), (chosen[1], against))
    first, second = list(against.values()), list(row.values())
    if paired:
        interval = _interval([after - before for before, after in zip(first, second, strict=True)])
    else:
        interval = welch_interval(first, second)
    p_value, least = seed_test(first, second, paired=paired)
    known = p_value if tested and first and second else None
    return Judged(claim, row, against, interval, known, least, problems=problems, one_start=one_start)


def _same_problems(sides: Sequence[Sequence[Result]]) -> list[list[Result]]:
    """The evaluations with as many problems of each cell as all of them have: the first ones, which are the same."""
    least: dict[str, int] = {}
    for one in (one for side in sides for one in side):
        least[one.cell] = min(one.n, least.get(one.cell, one.n))
    return [
        [replace(one, evaluation=replace(one.evaluation, n=least[one.cell])) if one.n > least[one.cell] else one
         for one in side]
        for side in sides
    ]  # fmt: skip


def _chosen(claim: Claim, row: str | None, results: Sequence[Result]) -> list[Result]:
    """The evaluations of a row that the claim is about: at its decoder, which of a probe must be the one named."""
    found = [one for one in results if one.row == row and split_cell(one.cell)[1] in claim.cells]
    decoders = {one.decoder for one in found}
    decoder = claim.decoder or (decoders.pop() if len(decoders) == 1 else "greedy")
    return [one for one in found if one.decoder == decoder]


def _complete(claim: Claim, results: Sequence[Result], families: int) -> list[Result]:
    """The evaluations of the seeds that have all of the claim's cells."""
    seeds = _by_seed(claim, results, families)
    return [one for one in results if one.seed in seeds]


def _by_seed(claim: Claim, results: Sequence[Result], families: int) -> dict[int, float]:
    """Training seed -> mean over the claim's cells in so many families, of the seeds that have them all."""
    every = families * len(claim.cells)
    found: dict[int, dict[str, float]] = {}
    for result in results:
        value, _, _ = combine_results([result], METRICS[claim.measure])
        if result.seed is not None and value is not None:
            found.setdefault(result.seed, {})[result.cell] = value
    return {seed: fmean(cells.values()) for seed, cells in sorted(found.items()) if len(cells) == every}


def _interval(values: Sequence[float]) -> Interval | None:
    """Student's interval of the mean; a point where all values are equal."""
    if len(values) < 2:
        return None
    return t_interval(values) or (values[0], values[0])


def _verdict(judged: Judged) -> tuple[Verdict, str]:
    claim, interval, n = judged.claim, judged.interval, judged.seeds
    if not n:
        return "not run", "-"
    if claim.expect in ("higher", "lower"):
        if n >= LEAST_SEEDS and judged.adjusted is None:
            return "undecided", f"{n} pairs of seeds cannot come below p = {judged.least:.2g}"
        return difference_verdict(interval, judged.adjusted, n, higher=claim.expect == "higher")
    if n < LEAST_SEEDS or interval is None:
        return "undecided", _too_few(n)
    low, high = interval
    if claim.expect == "alike":
        assert claim.margin is not None
        least, most, what = -claim.margin, claim.margin, f"within {judged.measure.text(claim.margin)} either way"
    else:
        assert claim.value is not None
        least, most = (-math.inf, claim.value) if claim.expect == "at_most" else (claim.value, math.inf)
        what = f"{claim.expect.replace('_', ' ')} {judged.measure.text(claim.value)}"
    reason = f"95 % interval over {n} seeds against {what}"
    if least <= low and high <= most:
        return "shown", reason
    return ("refuted" if high < least or low > most else "undecided"), reason


def difference_verdict(
    interval: Interval | None, adjusted: float | None, n: int, *, higher: bool
) -> tuple[Verdict, str]:
    """Whether a row is higher (or lower) than another, and why that is said.

    Args:
        interval: of the difference, over training seeds.
        adjusted: its p-value after Holm.
        n: training seeds of the side that has fewer.
        higher: what is claimed.
    """
    if n < LEAST_SEEDS or interval is None or adjusted is None:
        return "undecided", _too_few(n)
    reason = f"p = {adjusted:.2g} after Holm, {n} seeds a side"
    if adjusted > LEVEL:
        return "undecided", reason
    return ("shown" if (sum(interval) > 0) == higher else "refuted"), reason


def _too_few(n: int) -> str:
    return f"{n} training seed{'s' if n > 1 else ''}; {LEAST_SEEDS} a side are needed"
