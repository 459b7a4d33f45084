"""Self-rethinking with a judge that the model itself is (arXiv 2403.20046, section 3)."""

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
class Rethink(NamedDecoder):
    """A greedy solution; sampled anew while the model calls its own solution bad, at most so many times."""

    word = "rethink"
    head = r"rethink(?P<rounds>\d+)"
    lines = (("rethink1", "greedy; if the model judges its solution [bad], sampled anew, once; also rethink3:0.7"),)
    examples = ("rethink1",)
    has_temperature = True
    sampling: bool = True
    marks = (Mark.JUDGE, Mark.GOOD, Mark.BAD)
    rounds: int = 1

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(rounds=count(found, "rounds", 1, 64), **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`. InputError for a model that does not know the marks."""
        from functools import partial

        from igsm.decoding.rethink import RethinkDecoder
        from igsm.decoding.rows import sample

        self.check_marks(vocabulary)
        judge, good, bad = (int(vocabulary.from_gpt2[mark]) for mark in self.marks)
        draw = partial(sample, temperature=self.temperature, top_k=self.top_k)
        return RethinkDecoder(engine, vocabulary.end, judge=judge, good=good, bad=bad, rounds=self.rounds, draw=draw)
