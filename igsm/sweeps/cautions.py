"""What to know about a sweep's classes and arms before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from igsm.config import build_config
from igsm.former_keys import PLAIN_METHOD
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.sweeps.jobs import Job


def cautions(planned: Sequence[Job]) -> list[str]:
    """One line for each kind and rate that, in its class, makes mistakes the most probable sentence too often; and for
    methods that write another order of steps in classes where few problems have one."""
    return [*_too_likely(planned), *_copied(planned)]


def _copied(planned: Sequence[Job]) -> list[str]:
    data = [job.settings.get("data") or {} for job in planned]
    special = [one for one in data if (one.get("method") or {}).get("name", PLAIN_METHOD) != PLAIN_METHOD]
    if not special:
        return []
    from igsm.evaluation.describe import copied_orders  # numba

    return copied_orders(special)


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
