"""Detectors by name: what stands behind the "-" of a decoder's name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from igsm.decoding.verifiers import COMBINED
from igsm.errors import InputError


@dataclass(frozen=True)
class DetectorName:
    """Which detector, as named.

    Attributes:
        kind: "truth", "silent", "noisy" or "learned"; of `best` also "logprob" or "oracle".
        false_positive, false_negative: of "noisy".
        folder: of "learned".
        max_rollbacks: sentences rolled back in a solution, by a decoder that does.
        combine: how the scores of steps come to that of a solution (`igsm.decoding.verifiers.COMBINED`).
    """

    kind: str
    false_positive: float = 0.0
    false_negative: float = 0.0
    folder: str | None = None
    max_rollbacks: int = 10
    combine: str = "prod"


_NOISY = re.compile(r"noisy:(0?\.\d+|0|1):(0?\.\d+|0|1)")
_MOST_ROLLBACKS = 10**6


def read_verifier(text: str, name: str, folder: str) -> DetectorName:
    """A probe that scores solutions, of the decoder `text`: NAME or NAME:COMBINE. InputError for any other."""
    plain, _, combine = name.partition(":")
    combine = combine or next(iter(COMBINED))
    if combine not in COMBINED:
        known = ", ".join(COMBINED)
        raise InputError(f"decoder '{text}': scores of steps are combined by {known}, not '{combine}'")
    return replace(read_detector(text, plain, folder), combine=combine)


def read_detector(text: str, name: str, folder: str | None) -> DetectorName:
    """The detector `name` of the decoder `text`; with a folder a learned one. InputError for any other."""
    if folder is not None:
        # Results are filed under the name: a built-in detector's would be taken for that detector's.
        if not name or re.fullmatch(r"p\d*|silent|noisy.*", name):
            raise InputError(f"decoder '{text}': a learned detector needs a name of its own, e.g. version1@{folder}")
        return DetectorName("learned", folder=folder)
    if truth := re.fullmatch(r"p(\d*)", name):
        most = int(truth[1] or 10)
        if most > _MOST_ROLLBACKS:
            raise InputError(f"decoder '{text}': the number must be 0 to {_MOST_ROLLBACKS}, not {truth[1]}")
        return DetectorName("truth", max_rollbacks=most)
    if name == "silent":
        return DetectorName("silent")
    if noisy := _NOISY.fullmatch(name):
        return DetectorName("noisy", float(noisy[1]), float(noisy[2]))
    raise InputError(
        f"decoder '{text}': unknown detector '{name}'; known: p, p50 (ground truth), silent, noisy:0.01:0.2, "
        "NAME@FOLDER"
    )
