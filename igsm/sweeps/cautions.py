"""What to know about a sweep's classes and arms before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from igsm.config import build_config
from igsm.methods.registry import make_method
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.layout import Part
from igsm.problems.difficulty import ProblemConfig
from igsm.sweeps.plan import Job

FEW_ORDERS = 0.5
"""Share of problems with a second order of steps, below which a solution in another order is mostly a copy."""


def cautions(planned: Sequence[Job]) -> list[str]:
    """One line for each kind and rate that, in its class, makes mistakes the most probable sentence too often; and for
    methods that write another order of steps in classes where few problems have one."""
    return [*_too_likely(planned), *_copied(planned)]


def _copied(planned: Sequence[Job]) -> list[str]:
    names: dict[ProblemConfig, set[str]] = {}
    for job in planned:
        data = job.settings.get("data", {})
        method = data.get("method")
        if method and make_method(method).layout().has(Part.OTHER_ORDER):
            problem = build_config(ProblemConfig, data["problem"], job.name)
            names.setdefault(problem, set()).add(method["name"])
    if not names:
        return []
    from igsm.evaluation.describe import second_order_share  # numba

    lines = []
    for problem, methods in names.items():
        share = second_order_share(problem)
        if share < FEW_ORDERS:
            who = f"{' and '.join(sorted(methods))} in this class ({problem.difficulty})"
            there = f"only {100 * share:.0f} % of the solutions have another order"
            lines.append(f"{who}: {there}; the others are written again as they were")
    return lines


def _too_likely(planned: Sequence[Job]) -> list[str]:
    arms = [
        (
            build_config(ProblemConfig, job.settings["data"]["problem"], job.name),
            build_config(MistakeConfig, job.settings["data"]["mistakes"], job.name),
        )
        for job in planned
        if job.settings.get("data", {}).get("mistakes", {}).get("kind", "none") != "none"
    ]
    if not arms:
        return []
    from igsm.evaluation.describe import warnings  # numba

    return warnings(arms)
