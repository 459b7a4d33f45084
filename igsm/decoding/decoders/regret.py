"""Retry upon regret (Part 2.2 section 3) on one row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder
from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Regret(NamedDecoder):
    """Greedy decoding that goes back where its detector regrets a definition."""

    word = "regret"
    head = "regret"
    lines: ClassVar[tuple[tuple[str, str], ...]] = (
        ("regret-p", "greedy with retry upon regret, ground truth, at most 10 retries"),
        ("regret-p50", "at most 50 retries"),
        ("regret-silent", "a detector that never regrets"),
        ("regret-noisy:0.01:0.2", "the ground truth with 1 % false alarms and 20 % misses"),
        ("regret-version1@FOLDER", "the learned detector in FOLDER (mistakes probe), under a name of one's own"),
    )
    examples: ClassVar[tuple[str, ...]] = ("regret-p", "regret-p50")
    has_detector = True

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        if settings["detector"] is None:
            raise InputError(f"decoder '{found.string}': regret needs a detector, e.g. regret-p")
        return cls(**settings)

    @property
    def max_rollbacks(self) -> int:
        """Most sentences rolled back in a solution."""
        assert self.detector is not None
        return self.detector.max_rollbacks

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.regret import RegretDecoder

        return RegretDecoder(engine, vocabulary.end, **self.asking(engine, vocabulary, make))

    def asking(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> dict[str, Any]:
        """Whom to ask, where, and how often to go back."""
        from igsm.decoding.sentences import markers_of

        detector = make(self, vocabulary, engine.device, engine.n_rows // engine.beams, engine.context)
        return {"detector": detector, "markers": markers_of(vocabulary), "max_rollbacks": self.max_rollbacks}
