"""Retry upon regret with beams."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, count
from igsm.decoding.decoders.regret import Regret

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class RegretBeam(Regret):
    """Beam-search multinomial sampling that goes back where its detector regrets a definition."""

    head = r"regret_beam(?P<beams>\d+)"
    lines = (("regret_beam4-p", "retry upon regret with 4 beams"),)
    examples = ("regret_beam4-p",)

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        one = super().read(found, **settings)
        beams = count(found, "beams", 1, 256)
        return replace(one, beams=beams, sampling=beams > 1)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`. One beam is one row."""
        if self.beams == 1:
            return super().build(engine, vocabulary, make)
        from igsm.decoding.regret_beam import RegretBeamDecoder

        return RegretBeamDecoder(engine, vocabulary.end, **self.asking(engine, vocabulary, make))
