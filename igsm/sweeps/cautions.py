"""What to know about a sweep's classes and arms before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from igsm.config import build_config
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.sweeps.plan import Job


def cautions(planned: Sequence[Job]) -> list[str]:
    """One line for each kind and rate that, in its class, makes mistakes the most probable sentence too often."""
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
