"""Beam search over sentences by a process reward model (arXiv 2408.03314, section 5.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from igsm.decoding.decoders.detector import DetectorName, read_verifier
from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count
from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder

WIDTH = 4
"""Next sentences that are drawn for each beam that is kept."""


@dataclass(frozen=True)
class StepBeam(NamedDecoder):
    """Candidates for the next sentence are drawn, and the best quarter of them is kept."""

    word = "step_beam"
    head = r"step_beam(?P<beams>\d+)"
    lines: ClassVar[tuple[tuple[str, str], ...]] = (
        ("step_beam4-prm@FOLDER", "4 next sentences are drawn; goes on with the best by the verifier in FOLDER"),
        ("step_beam16-prm@FOLDER", "4 for each of the 4 best so far, by the product of their steps (:min, :last)"),
    )
    examples: ClassVar[tuple[str, ...]] = ("step_beam4-prm@FOLDER",)
    has_temperature = has_detector = True
    questions: ClassVar[dict[str, str]] = {"process": "step_beam asks after each sentence whether all is right so far"}
    sampling: bool = True

    @classmethod
    def detector_of(cls, text: str, name: str, folder: str | None) -> DetectorName:
        """See `NamedDecoder`."""
        if folder is None:
            raise InputError(f"decoder '{text}': step_beam needs a verifier's folder, e.g. step_beam4-prm@runs/prm")
        return read_verifier(text, name, folder)

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        if settings["detector"] is None:
            raise InputError(f"decoder '{found.string}': step_beam needs a verifier, e.g. step_beam4-prm@runs/prm")
        beams = count(found, "beams", 2, 256)
        if beams > WIDTH and beams % WIDTH:
            raise InputError(f"decoder '{found.string}': more than {WIDTH} beams are a multiple of it, not {beams}")
        return cls(beams=beams, **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.rows import sample
        from igsm.decoding.sentences import markers_of
        from igsm.decoding.step_beam import StepBeamDecoder
        from igsm.decoding.verifiers import COMBINED

        assert self.detector is not None
        detector: Any = make(self, vocabulary, engine.device, engine.n_rows, engine.context)
        return StepBeamDecoder(
            engine,
            vocabulary.end,
            detector=detector,
            stop=markers_of(vocabulary).sentence_end,
            width=min(WIDTH, self.beams),
            combine=COMBINED[self.detector.combine],
            draw=partial(sample, temperature=self.temperature, top_k=self.top_k),
        )
