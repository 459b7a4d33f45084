"""Decoders by name, as `mistakes eval --decoder` takes them.

greedy            the most probable token
sample            sampling;  sample:0.7  with a temperature;  sample:0.7:50  from the 50 most probable tokens
beam4             beam-search multinomial sampling with 4 beams (the paper's)
search4           beam search with 4 beams, without sampling
regret-p          greedy with retry upon regret, ground truth, at most 10 retries; regret-p50: at most 50
regret_beam4-p    the same with 4 beams
regret-silent     a detector that never regrets
regret-noisy:0.01:0.2        the ground truth with 1 % false alarms and 20 % misses
regret-version1@FOLDER       the learned detector in FOLDER (`igsm.probing`), under a name of one's own
vote8             majority vote over 8 samples;  vote8:0.7:50  as sample:0.7:50, and so with beam4
vote8-p           the same over those samples in which the detector regrets nothing
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from igsm.errors import InputError, suggest

EXAMPLES = ("greedy", "sample", "beam4", "search4", "regret-p", "regret-p50", "regret_beam4-p", "vote8", "vote8-p")


LONGEST = 80
"""Characters of a decoder's name."""


@dataclass(frozen=True)
class DetectorName:
    """Which detector, as named.

    Attributes:
        kind: "truth", "silent", "noisy" or "learned".
        false_positive, false_negative: of "noisy".
        folder: of "learned".
    """

    kind: str
    false_positive: float = 0.0
    false_negative: float = 0.0
    folder: str | None = None


@dataclass(frozen=True)
class DecoderName:
    """A decoder's settings.

    Attributes:
        name: as it is called in folders and tables (a learned detector's folder is left out).
        beams: 1 for greedy, sampling and votes.
        sampling: draws tokens or, with beams, candidates.
        temperature, top_k: of sampling; top_k 0: all tokens.
        regret: goes back when the detector regrets.
        detector: for regret, and for a filtered vote.
        max_rollbacks: sentences rolled back in a solution.
        votes: samples a problem.
    """

    name: str
    beams: int = 1
    sampling: bool = False
    temperature: float = 1.0
    top_k: int = 0
    regret: bool = False
    detector: DetectorName | None = None
    max_rollbacks: int = 10
    votes: int = 1


_NAME = re.compile(
    r"(?:(?P<plain>greedy|sample)|(?P<kind>beam|search|vote)(?P<count>\d+)|(?P<regret>regret)(?:_beam(?P<beams>\d+))?)"
    r"(?::(?P<temperature>[\d.]+)(?::(?P<top_k>\d+))?)?(?:-(?P<detector>[^@]+))?(?:@(?P<folder>.+))?"
)
_NOISY = re.compile(r"noisy:(0?\.\d+|0|1):(0?\.\d+|0|1)")


def parse_decoder(text: str) -> DecoderName:
    """The decoder of this name; InputError for any other."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise _unknown(text)
    if len(text.partition("@")[0]) > LONGEST:
        raise InputError(f"decoder '{text[:20]}...': a name has at most {LONGEST} characters: folders are named by it")
    name = text.partition("@")[0]
    retries, detector = 10, None
    if found["detector"] or found["folder"]:
        if not found["regret"] and found["kind"] != "vote":
            raise InputError(f"decoder '{text}': only regret and vote have a detector")
        detector, retries = _parse_detector(text, found["detector"] or "", found["folder"])
    temperature, top_k = 1.0, int(found["top_k"] or 0)
    if found["temperature"]:
        if found["plain"] != "sample" and found["kind"] not in ("vote", "beam"):
            raise InputError(f"decoder '{text}': only sample, beam and vote have a temperature")
        try:
            temperature = float(found["temperature"])
        except ValueError:
            raise _unknown(text) from None
        if temperature <= 0:
            raise InputError(f"decoder '{text}': the temperature must be above 0")
    if found["regret"]:
        if detector is None:
            raise InputError(f"decoder '{text}': regret needs a detector, e.g. regret-p")
        beams = _count(text, found["beams"] or "1", 1, 256)
        return DecoderName(name, beams, beams > 1, regret=True, detector=detector, max_rollbacks=retries)
    if found["kind"] == "vote":
        votes = _count(text, found["count"], 1, 4096)
        return DecoderName(name, 1, True, temperature, top_k, detector=detector, votes=votes)
    if found["kind"]:
        beams = _count(text, found["count"], 1, 256)
        return DecoderName(name, beams, found["kind"] == "beam" and beams > 1, temperature, top_k)
    return DecoderName(name, 1, found["plain"] == "sample", temperature, top_k)


def _parse_detector(text: str, name: str, folder: str | None) -> tuple[DetectorName, int]:
    if folder is not None:
        # Results are filed under the name: a built-in detector's would be taken for that detector's.
        if not name or re.fullmatch(r"p\d*|silent|noisy.*", name):
            raise InputError(f"decoder '{text}': a learned detector needs a name of its own, e.g. version1@{folder}")
        return DetectorName("learned", folder=folder), 10
    if truth := re.fullmatch(r"p(\d*)", name):
        return DetectorName("truth"), _count(text, truth[1] or "10", 0, 10**6)
    if name == "silent":
        return DetectorName("silent"), 10
    if noisy := _NOISY.fullmatch(name):
        return DetectorName("noisy", float(noisy[1]), float(noisy[2])), 10
    raise InputError(
        f"decoder '{text}': unknown detector '{name}'; known: p, p50 (ground truth), silent, noisy:0.01:0.2, "
        "NAME@FOLDER"
    )


def _count(text: str, number: str, low: int, high: int) -> int:
    if not low <= int(number) <= high:
        raise InputError(f"decoder '{text}': the number must be {low} to {high}, not {number}")
    return int(number)


def _unknown(text: str) -> InputError:
    return InputError(f"unknown decoder '{text}'{suggest(text, EXAMPLES)}")
