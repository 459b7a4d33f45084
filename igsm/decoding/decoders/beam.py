"""Beam-search multinomial sampling (the paper's beams)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count
from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Beam(NamedDecoder):
    """Beam search whose candidates are drawn."""

    word = "beam"
    head = r"beam(?P<beams>\d+)"
    lines = (("beam4", "beam-search multinomial sampling with 4 beams (the paper's)"),)
    examples = ("beam4",)
    has_temperature = True

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        beams = count(found, "beams", 1, 256)
        if beams == 1 and (settings["temperature"] != 1 or settings["top_k"]):
            raise InputError(f"decoder '{found.string}': one beam is greedy decoding, which has no temperature")
        return cls(beams=beams, sampling=beams > 1, **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`. One beam is greedy decoding."""
        if self.beams == 1:
            from igsm.decoding.rows import RowDecoder

            return RowDecoder(engine, vocabulary.end)
        from igsm.decoding.beam import BeamDecoder

        return BeamDecoder(
            engine, vocabulary.end, sampling=self.sampling, temperature=self.temperature, top_k=self.top_k
        )
