"""A Copilot by name: what stands behind the "+" of any decoder's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from igsm.errors import InputError

Fuse = Literal["probability", "logit"]
MOST = 10.0
LINES = (
    ("greedy+copilot@RUN:0.5", "any decoder, of probabilities p + 0.5 f, where f is what the Copilot in RUN says"),
    ("greedy+copilot@RUN:0.5:logit", "f is added to the logits"),
)


@dataclass(frozen=True)
class CopilotName:
    """Which Copilot, as named.

    Attributes:
        folder: its run.
        weight: what its output is multiplied with (lambda).
        fuse: what the product is added to.
    """

    folder: str
    weight: float
    fuse: Fuse = "probability"

    @property
    def name(self) -> str:
        """What results are filed under."""
        return f"copilot:{self.weight:g}" + (":logit" if self.fuse == "logit" else "")


_SUFFIX = re.compile(r"(?P<plain>.*)\+copilot(?:@(?P<folder>.+?):(?P<weight>[^:]+)(?::(?P<fuse>[a-z]+))?)?")


def split_copilot(text: str) -> tuple[str, CopilotName | None]:
    """A decoder's name without its Copilot, and that.

    Raises:
        InputError: no folder, no number or one out of range, an unknown way to fuse.
    """
    found = _SUFFIX.fullmatch(text)
    if found is None:
        if "+copilot" in text:
            raise InputError(
                f"decoder '{text}': a Copilot is named +copilot@RUN:WEIGHT, e.g. greedy+copilot@runs/x:0.5"
            )
        return text, None
    if found["folder"] is None:
        raise InputError(f"decoder '{text}': a Copilot needs its run and a weight, e.g. greedy+copilot@runs/x:0.5")
    try:
        weight = float(found["weight"])
    except ValueError:
        raise InputError(f"decoder '{text}': the weight must be a number, not '{found['weight']}'") from None
    if not 0 <= weight <= MOST:
        raise InputError(f"decoder '{text}': the weight must be 0 to {MOST:g}, not {found['weight']}")
    fuse = next((one for one in get_args(Fuse) if one == (found["fuse"] or "probability")), None)
    if fuse is None:
        raise InputError(f"decoder '{text}': what is added up is probability or logit, not '{found['fuse']}'")
    return found["plain"], CopilotName(found["folder"], weight, fuse)
