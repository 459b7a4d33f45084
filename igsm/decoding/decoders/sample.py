"""Sampling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Sample(NamedDecoder):
    """Tokens drawn from the model's distribution."""

    word = "sample"
    head = "sample"
    lines = (
        ("sample", "sampling"),
        ("sample:0.7", "with a temperature"),
        ("sample:0.7:50", "with a temperature, from the 50 most probable tokens"),
    )
    examples = ("sample",)
    has_temperature = True
    sampling: bool = True

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.rows import RowDecoder, sample

        draw = partial(sample, temperature=self.temperature, top_k=self.top_k)
        return RowDecoder(engine, vocabulary.end, sampling=True, draw=draw)
