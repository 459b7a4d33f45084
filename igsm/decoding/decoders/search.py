"""Beam search without sampling."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Self

from igsm.decoding.decoders.beam import Beam


@dataclass(frozen=True)
class Search(Beam):
    """Beam search whose candidates are the best."""

    word = "search"
    head = r"search(?P<beams>\d+)"
    lines = (("search4", "beam search with 4 beams, without sampling"),)
    examples = ("search4",)
    has_temperature = False

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return replace(super().read(found, **settings), sampling=False)
