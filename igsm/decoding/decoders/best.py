"""Best of n samples (arXiv 2110.14168)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from igsm.decoding.decoders.detector import DetectorName, read_verifier
from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count
from igsm.decoding.decoders.vote import SCORING, answered, sampler, solution_scores
from igsm.errors import InputError

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.detectors import Detector
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder, Generation, Request
    from igsm.decoding.verifiers import Verifier

LOGPROB, ORACLE = "logprob", "oracle"


@dataclass(frozen=True)
class Best(NamedDecoder):
    """The sample that a criterion likes best."""

    word = "best"
    head = r"best(?P<samples>\d+)"
    lines: ClassVar[tuple[tuple[str, str], ...]] = (
        ("best8-prm@FOLDER", "of 8 samples the best by the verifier in FOLDER (mistakes probe): product of its steps"),
        ("best8-prm:min@FOLDER", "by its lowest step (last: by its last)"),
        ("best8-logprob", "the most probable of 8 samples, by the mean over its tokens"),
        ("best8-oracle", "a right one, if there is any"),
    )
    examples: ClassVar[tuple[str, ...]] = ("best8-logprob", "best8-oracle")
    has_temperature = has_detector = True
    questions: ClassVar[dict[str, str]] = SCORING | {"can_next": "it scores solutions"}
    sampling: bool = True

    @classmethod
    def detector_of(cls, text: str, name: str, folder: str | None) -> DetectorName:
        """See `NamedDecoder`."""
        if folder is None and name in (LOGPROB, ORACLE):
            return DetectorName(name)
        if folder is None or name in (LOGPROB, ORACLE):
            raise InputError(
                f"decoder '{text}': best takes {LOGPROB}, {ORACLE}, or a verifier with its folder under a name of "
                "one's own, e.g. best8-prm@runs/prm"
            )
        return read_verifier(text, name, folder)

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        if settings["detector"] is None:
            raise InputError(f"decoder '{found.string}': best needs a criterion, e.g. best8-logprob")
        return cls(samples=count(found, "samples", 1, 4096), **settings)

    def scores_solutions(self, question: str) -> bool:
        """See `NamedDecoder`."""
        return True

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        return sampler(self, engine, vocabulary)

    def choose(
        self,
        samples: Sequence[Generation],
        request: Request,
        vocabulary: Vocabulary,
        detector: Detector | Verifier | None,
    ) -> Generation:
        """The first sample with the highest score; one without a number for an answer only where none has any."""
        from igsm.decoding.sentences import split_answer
        from igsm.decoding.verifiers import Verifier
        from igsm.grading.grade import grade

        assert self.detector is not None
        candidates, read = [sample for sample, _ in answered(samples, vocabulary)], 0
        if self.detector.kind == ORACLE:
            texts = [split_answer(sample.tokens, vocabulary) for sample in candidates]
            scores = [float(grade(request.handle, *text).correct) for text in texts]
        elif self.detector.kind == LOGPROB:
            scores = [sample.score for sample in candidates]
        else:
            assert isinstance(detector, Verifier)
            scores, read = solution_scores(candidates, request, detector, self.detector.combine)
        best = max(range(len(candidates)), key=lambda number: (scores[number], -number))
        return replace(candidates[best], n_verified=read)
