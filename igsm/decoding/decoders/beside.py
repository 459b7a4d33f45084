"""A second model by name: what stands behind the "+" of any decoder's name, a Copilot or another run's model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from igsm.errors import InputError
from igsm.model.config import LARGEST_LAMBDA

Kind = Literal["copilot", "model"]
Fuse = Literal["probability", "logit"]
MOST: dict[Kind, float] = {"copilot": LARGEST_LAMBDA, "model": 1.0}
"""Largest weight."""
LINES = (
    ("greedy+copilot@RUN:0.5", "any decoder, of probabilities p + 0.5 f, where f is what the Copilot in RUN says"),
    ("greedy+copilot@RUN:0.5:logit", "f is added to the logits"),
    ("greedy+copilot@RUN:auto", "with the weight that does best on validation problems"),
    ("greedy+model@RUN:0.5", "of 0.5 p + 0.5 q, where q are the probabilities of the model in RUN (:logit: of logits)"),
)


@dataclass(frozen=True)
class Beside:
    """Which second model, as named.

    Attributes:
        kind: a Copilot, or a model of the same vocabulary.
        folder: its run.
        weight: of a Copilot what its output is multiplied with (lambda); of a model its share of the mean. None: chosen
            on validation problems, with `fuse` (`igsm.evaluation.chosen`).
        fuse: what is added up.
    """

    kind: Kind
    folder: str
    weight: float | None
    fuse: Fuse = "probability"

    @property
    def name(self) -> str:
        """What results are filed under."""
        weight = "auto" if self.weight is None else f"{self.weight:g}"
        return f"{self.kind}:{weight}" + (":logit" if self.fuse == "logit" else "")


_SUFFIX = re.compile(
    r"(?P<plain>.*)\+(?P<kind>copilot|model)(?:@(?P<folder>.+?):(?P<weight>[^:]+)(?::(?P<fuse>[a-z]+))?)?"
)


def split_beside(text: str) -> tuple[str, Beside | None]:
    """A decoder's name without its second model, and that.

    Raises:
        InputError: no folder, no number or one out of range, an unknown way to fuse.
    """
    found = _SUFFIX.fullmatch(text)
    if found is None:
        for start, what in (("+copilot", "Copilot"), ("+model", "second model")):
            if start in text:
                raise InputError(
                    f"decoder '{text}': a {what} is named {start}@RUN:WEIGHT, e.g. greedy{start}@runs/x:0.5"
                )
        return text, None
    kind: Kind = "copilot" if found["kind"] == "copilot" else "model"
    word = "Copilot" if kind == "copilot" else "second model"
    if found["folder"] is None:
        raise InputError(f"decoder '{text}': a {word} needs its run and a weight, e.g. greedy+{kind}@runs/x:0.5")
    fuse = next((one for one in get_args(Fuse) if one == (found["fuse"] or "probability")), None)
    if fuse is None:
        raise InputError(f"decoder '{text}': what is added up is probability or logit, not '{found['fuse']}'")
    if found["weight"] == "auto" and kind == "copilot":
        if found["fuse"]:
            raise InputError(f"decoder '{text}': auto takes what the Copilot was trained for; leave ':{fuse}' out")
        return found["plain"], Beside(kind, found["folder"], None)
    try:
        weight = float(found["weight"])
    except ValueError:
        numbers = "a number or auto" if kind == "copilot" else "a number"
        raise InputError(f"decoder '{text}': the weight must be {numbers}, not '{found['weight']}'") from None
    if not 0 <= weight <= MOST[kind]:
        raise InputError(f"decoder '{text}': the weight must be 0 to {MOST[kind]:g}, not {found['weight']}")
    return found["plain"], Beside(kind, found["folder"], weight, fuse)
