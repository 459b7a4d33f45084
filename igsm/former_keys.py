"""Settings that have moved: what an earlier version stored is read as today's; what a person writes is refused.

A key of `MOVED` may stand at the top or in any section ("data.problem.kind").
"""

from __future__ import annotations

from typing import Any

MOVED = {
    "problem.kind": "mistakes.kind",
    "problem.retry_rate": "mistakes.rate",
    "problem.include_current": "mistakes.include_current",
    "problem.error_free_share": "mistakes.error_free_share",
}
"""Former path -> today's, both from the section in which they stand."""
PLAIN_METHOD = "retry"
"""The method of which documents have one solution, as the generator wrote it."""
FORMER_METHOD = {"name": PLAIN_METHOD}
"""What all data was made by before it had `method`."""


def moved_to(path: str) -> str | None:
    """Where the setting of a former path ("data.problem.retry_rate") is now, None if it is none."""
    for former, now in MOVED.items():
        if path == former or path.endswith(f".{former}"):
            return path.removesuffix(former) + now
    return None


def upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """What a run or a corpus has stored, with today's keys; the same content where it has them already."""
    made = {key: upgraded(value) if isinstance(value, dict) else value for key, value in content.items()}
    for former, now in MOVED.items():
        section, _, key = former.partition(".")
        new_section, _, new_key = now.partition(".")
        if isinstance(made.get(section), dict) and key in made[section]:
            value = made[section].pop(key)
            if content.get("stage") != "probe":  # its problems never had mistakes
                made.setdefault(new_section, {})[new_key] = value
    if {"windows_per_block", "vocabulary"} <= made.keys():  # a run's data; a corpus names its layout instead
        made.setdefault("method", dict(FORMER_METHOD))
    if made.get("name") == "in_context" and "moduli" in made:  # documents before there was `plain` had no such share
        made.setdefault("plain", 0.25 if made.get("strategy") == "cot" else 0.0)  # of cot all documents are alike
    return made
