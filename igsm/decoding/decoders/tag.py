"""Greedy decoding with a tag of one's own behind the prompt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder
from igsm.mistakes.layout import Mark

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Tag(NamedDecoder):
    """The most probable token, where the solution is asked for with another mark than the method's."""

    word = "tag"
    head = r"tag_(?P<tag>good|bad|none)"
    lines = (("tag_bad", "greedy, with [bad] behind the prompt in the place of the method's mark; tag_good, tag_none"),)
    examples = ("tag_good", "tag_bad", "tag_none")
    word_by_word = True

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(prompt=() if found["tag"] == "none" else (Mark[found["tag"].upper()],), **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.rows import RowDecoder

        return RowDecoder(engine, vocabulary.end)
