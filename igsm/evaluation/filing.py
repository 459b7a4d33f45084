"""Where an evaluation lies: where one under its settings was begun, else in a new folder beside those under others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from igsm.grading.evaluations import SUMMARY, read_evaluation
from igsm.grading.metrics import Json
from igsm.rundir import RunFolder, read_jsonl

PARTIAL = "generations.partial.jsonl"

# What evaluations of one cell and decoder can differ in, and how the folder's name says it.
_ENDS: dict[str, Callable[[Json], str]] = {
    "checkpoint": lambda settings: str(settings["checkpoint"]),
    "weights": lambda settings: f"weights{settings['weights'][:8]}",
    "detector": lambda settings: f"detector{str(settings['detector'])[:8]}",
    "copilot": lambda settings: f"of{str(settings['copilot'])[:8]}",
    "copilot_weight": lambda settings: f"lambda{settings['copilot_weight']:g}",
    "model": lambda settings: f"with{str(settings['model'])[:8]}",
    "test_set": lambda settings: f"problems{settings['test_set'][:8]}",
    "context": lambda settings: f"context{settings['context']}",
    "precision": lambda settings: str(settings["precision"]),
    "seed": lambda settings: f"seed{settings['seed']}",
}
CHOICES = ("context", "precision", "seed")
"""Settings that the user chooses."""

Digest = Callable[[int], str]


def find_folder(run: RunFolder, settings: Json, usual: Json, digest: Digest) -> Path:
    """The folder of an evaluation, which need not exist yet.

    A finished one with enough problems is also found where it was made under another default context or precision, as
    long as neither was chosen.

    Args:
        settings: of the evaluation, see `evaluate`.
        usual: the default settings, of those that can be chosen and the checkpoint.
        digest: of the first n problems of the test set.

    Raises:
        InputError: a damaged summary.
    """
    base = run.evaluation(settings["cell"], settings["decoder"])
    found = []
    for folder in sorted(base.parent.glob("*/")):
        if folder.name == base.name or folder.name.startswith(f"{base.name}-"):
            there = settings_in(folder)
            if there is not None and next(_differences(there, settings, digest), None) is None:
                found.append((any(there.settings.get(key) != settings[key] for key in CHOICES), folder))
    if found:
        return min(found)[1]
    keys = {key for key, value in usual.items() if settings[key] != value}
    for number in count(1):
        name = "-".join([base.name, *(end(settings) for key, end in _ENDS.items() if key in keys)])
        folder = base.with_name(name if number <= len(_ENDS) else f"{name}-{number}")
        there = settings_in(folder)
        if there is None:
            return folder
        keys |= {*_differences(there, settings, digest)} & {*_ENDS}
    raise AssertionError


class Occupant(NamedTuple):
    """The settings of the evaluation in a folder, and whether it is finished."""

    settings: Json
    finished: bool


def settings_in(folder: Path) -> Occupant | None:
    """Of the evaluation that is finished or begun in a folder; None when there is none."""
    if (folder / SUMMARY).is_file():
        return Occupant(read_evaluation(folder).settings, True)
    partial = folder / PARTIAL
    head = next(read_jsonl(partial), None) if partial.is_file() else None
    return Occupant(head, False) if head and {"cell", "n"} <= head.keys() else None


def _differences(occupant: Occupant, settings: Json, digest: Digest) -> Iterator[str]:
    """The settings in which two evaluations differ; what an old one does not say is not held against it."""
    there = occupant.settings
    for key in ("cell", "decoder"):
        if there.get(key) != settings[key]:
            yield key
            return
    model = "weights" if "weights" in there else "checkpoint"  # the same weights are the same model wherever they lie
    if there.get(model) != settings[model]:
        yield model if there.get("checkpoint") == settings["checkpoint"] else "checkpoint"
    if "detector" in there and there["detector"] != settings["detector"]:
        yield "detector"
    for key in ("copilot", "copilot_weight", "model"):
        if there.get(key) != settings.get(key):
            yield key
    if there.get("seed", settings["seed"]) != settings["seed"]:
        yield "seed"
    elif "test_set" in there and there["test_set"] != digest(there["n"]):
        yield "test_set"
    enough = occupant.finished and there["n"] >= settings["n"]
    for key in ("context", "precision"):
        same_choice = enough and key not in (*there.get("chosen", ()), *settings["chosen"])
        if not same_choice and there.get(key, settings[key]) != settings[key]:
            yield key
