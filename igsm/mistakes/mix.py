"""Mixes of kinds: how often each kind of whole wrong step is drawn, compared with the others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from igsm.errors import InputError
from igsm.mistakes.kinds import FIRST_ERRORS, WRONG_STEPS
from igsm.rundir import read_jsonl

UNIFORM, LIKE = "uniform", "like:"


def weights_of(mix: str, where: str = "mistakes.mix") -> tuple[tuple[str, float], ...]:
    """The `config.Weights` of a mix: "uniform", or "like:RUN": like the first errors in all evaluations of a run.

    RUN may also be the folder of one evaluation. Kinds that look like the same first error share it alike. One that no
    kind looks like, e.g. of a solution that stops early, does not count.

    Args:
        where: what messages call the setting.

    Raises:
        InputError: another text, no verdicts there, or none of an error that could be made.
    """
    if mix == UNIFORM:
        return tuple((kind, 1.0) for kind in WRONG_STEPS)
    if not mix.startswith(LIKE) or mix == LIKE:
        raise InputError(f"{where}: '{mix}' is neither {UNIFORM} nor {LIKE}RUN")
    run = Path(mix.removeprefix(LIKE))
    files = [path for path in (run / "verdicts.jsonl", *sorted(run.glob("eval/*/verdicts.jsonl"))) if path.is_file()]
    if not files:
        raise InputError(f"{where}: {run}: no verdicts there; evaluate it first: mistakes eval {run}")
    counts: Counter[str] = Counter()
    for path in files:
        for verdict in read_jsonl(path):
            counts[str((verdict.get("error") or {}).get("kind"))] += 1
    alike = Counter(error for errors in FIRST_ERRORS.values() for error in errors)
    weights = {kind: sum(counts[error] / alike[error] for error in errors) for kind, errors in FIRST_ERRORS.items()}
    found = tuple((kind, weight) for kind, weight in weights.items() if weight)
    if not found:
        raise InputError(f"{where}: {run}: no first error there is a wrong step of a kind that can be made")
    return found
