"""One attempt after another at the same problem (arXiv 2407.18219)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count
from igsm.mistakes.layout import Mark

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Turns(NamedDecoder):
    """Greedy; "again" in the place of the end, until there were so many attempts. The last one counts."""

    word = "turns"
    head = r"turns(?P<turns>\d+)"
    lines = (("turns3", "greedy, told [again] after each attempt until there are 3; the last one counts"),)
    examples = ("turns3",)
    marks = (Mark.AGAIN,)
    turns: int = 1

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(turns=count(found, "turns", 1, 64), **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`. InputError for a model that does not know the mark."""
        from igsm.decoding.turns import TurnsDecoder

        self.check_marks(vocabulary)
        return TurnsDecoder(engine, vocabulary.end, again=int(vocabulary.from_gpt2[Mark.AGAIN]), turns=self.turns)
