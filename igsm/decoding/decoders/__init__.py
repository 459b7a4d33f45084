"""Decoders by name, as `mistakes eval --decoder` takes them. A new one is a file in this folder and its place in the
list.

A name is HEAD[:TEMPERATURE[:TOP_K]][-DETECTOR][@FOLDER][+BESIDE@RUN:WEIGHT[:logit]], BESIDE copilot or model. The head
belongs to the decoder's file, which also says which of the other parts its names may have; those mean the same
everywhere and are read here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from igsm.decoding.decoders.back import Back
from igsm.decoding.decoders.beam import Beam
from igsm.decoding.decoders.beside import LINES, split_beside
from igsm.decoding.decoders.best import Best
from igsm.decoding.decoders.greedy import Greedy
from igsm.decoding.decoders.named import NamedDecoder
from igsm.decoding.decoders.regret import Regret
from igsm.decoding.decoders.regret_beam import RegretBeam
from igsm.decoding.decoders.rethink import Rethink
from igsm.decoding.decoders.sample import Sample
from igsm.decoding.decoders.search import Search
from igsm.decoding.decoders.step_beam import StepBeam
from igsm.decoding.decoders.tag import Tag
from igsm.decoding.decoders.topp import TopP
from igsm.decoding.decoders.turns import Turns
from igsm.decoding.decoders.vote import Vote
from igsm.errors import InputError, suggest

DECODERS: tuple[type[NamedDecoder], ...] = (
    *(Greedy, Sample, TopP, Beam, Search, Regret, RegretBeam, Vote),
    *(Best, StepBeam, Rethink, Turns, Tag, Back),
)

LONGEST = 80
"""Characters of a decoder's name."""

LINE = 74
"""Characters of a line of the help."""

_REST = r"(?::(?P<temperature>[\d.]+)(?::(?P<top_k>\d+))?)?(?:-(?P<detector>[^@/]+))?(?:@(?P<folder>.+))?"


def parse_decoder(text: str) -> NamedDecoder:
    """The decoder of this name; InputError for any other."""
    plain, beside = split_beside(text)
    if beside is None:
        return _parse(text)
    decoder = _parse(plain)
    return replace(decoder, name=_short(text, f"{decoder.name}+{beside.name}"), beside=beside)


def _short(text: str, name: str) -> str:
    """The name by which results are filed, unless it is too long."""
    if len(name) > LONGEST:
        raise InputError(f"decoder '{text[:20]}...': a name has at most {LONGEST} characters: folders are named by it")
    return name


def _parse(text: str) -> NamedDecoder:
    matches = ((kind, re.fullmatch(kind.head + _REST, text)) for kind in DECODERS)
    kind, found = next(((kind, found) for kind, found in matches if found), (None, None))
    if kind is None or found is None:
        raise _unknown(text)
    name = _short(text, text.partition("@")[0])
    detector = None
    if found["detector"] or found["folder"]:
        if not kind.has_detector:
            words = _words([one for one in DECODERS if one.has_detector])
            raise InputError(f"decoder '{text}': only {words} have a detector")
        detector = kind.detector_of(text, found["detector"] or "", found["folder"])
    temperature = 1.0
    if found["temperature"]:
        if not kind.has_temperature:
            words = _words([one for one in DECODERS if one.has_temperature])
            raise InputError(f"decoder '{text}': only {words} have a temperature")
        try:
            temperature = float(found["temperature"])
        except ValueError:
            raise _unknown(text) from None
        if temperature <= 0:
            raise InputError(f"decoder '{text}': the temperature must be above 0")
    top_k = int(found["top_k"] or 0)
    return kind.read(found, name=name, temperature=temperature, top_k=top_k, detector=detector)


def decoder_lines() -> list[str]:
    """A line for each form of a name: the name, and what it does; more where that does not fit into `LINE`."""
    forms = [*(line for kind in DECODERS for line in kind.lines), *LINES]
    width = max(len(name) for name, _ in forms)
    lines = []
    for name, what in forms:
        first, *more = textwrap.wrap(what, LINE - width - 2)
        lines += [f"{name:{width}}  {first}", *(f"{'':{width}}  {line}" for line in more)]
    return lines


def _words(kinds: Sequence[type[NamedDecoder]]) -> str:
    *first, last = dict.fromkeys(kind.word for kind in kinds)
    return f"{', '.join(first)} and {last}"


def _unknown(text: str) -> InputError:
    return InputError(f"unknown decoder '{text}'{suggest(text, [one for kind in DECODERS for one in kind.examples])}")
