"""Greedy decoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Greedy(NamedDecoder):
    """The most probable token."""

    word = "greedy"
    head = "greedy"
    lines = (("greedy", "the most probable token"),)
    examples = ("greedy",)
    word_by_word = True

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.rows import RowDecoder

        return RowDecoder(engine, vocabulary.end)
