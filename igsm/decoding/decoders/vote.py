"""Majority vote over samples (self-consistency, arXiv 2203.11171)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.detectors import Detector
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder, Generation, Request
    from igsm.decoding.sentences import Markers


@dataclass(frozen=True)
class Vote(NamedDecoder):
    """The solution whose answer most samples have."""

    word = "vote"
    head = r"vote(?P<samples>\d+)"
    lines = (
        ("vote8", "majority vote over 8 samples; vote8:0.7:50 as sample:0.7:50"),
        ("vote8-p", "the same over those samples in which the detector regrets nothing"),
    )
    examples = ("vote8", "vote8-p")
    has_temperature = has_detector = True
    sampling: bool = True

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(samples=count(found, "samples", 1, 4096), **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.decoders.sample import Sample

        return Sample(self.name, self.temperature, self.top_k).build(engine, vocabulary, make)

    def choose(
        self, samples: Sequence[Generation], request: Request, vocabulary: Vocabulary, detector: Detector | None
    ) -> Generation:
        """The first sample with the answer that most have; ties go to the answer that came first.

        A sample without a number for an answer has no vote, unless there are only such samples. With a detector only
        samples in which it regrets no step vote, if there are any.
        """
        from igsm.decoding.sentences import split_answer

        ballots = [(sample, split_answer(sample.tokens, vocabulary)[1].strip()) for sample in samples]
        ballots = [ballot for ballot in ballots if ballot[1].isdecimal()] or ballots
        if detector is not None:
            regretted = _regretted([sample for sample, _ in ballots], request, vocabulary, detector)
            ballots = [ballot for ballot in ballots if ballot[0].index not in regretted] or ballots
        voters, answers = zip(*ballots, strict=True)
        counts = Counter(answers)
        winner = max(counts, key=lambda answer: (counts[answer], -answers.index(answer)))
        chosen: Generation = voters[answers.index(winner)]
        return chosen


def _regretted(samples: Sequence[Generation], request: Request, vocabulary: Vocabulary, detector: Detector) -> set[int]:
    """Indices of the samples with a definition that the detector regrets and the sample does not take back itself.

    All samples' next definitions are asked about at once.
    """
    from igsm.decoding.detectors import Question
    from igsm.decoding.sentences import markers_of

    markers = markers_of(vocabulary)
    back = [int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(" BACK")]
    regretted = set()
    open_samples = {sample.index: 0 for sample in samples}
    by_index = {sample.index: sample.tokens for sample in samples}
    while open_samples:
        places = {index: _next_kept(by_index[index], asked, markers, back) for index, asked in open_samples.items()}
        open_samples = {index: place for index, place in places.items() if place is not None}
        questions = [
            Question(index, request.handle, request.prompt, by_index[index][:place], index)
            for index, place in open_samples.items()
        ]
        for question, regrets in zip(questions, detector.regrets(questions) if questions else [], strict=True):
            if regrets:
                regretted.add(question.index)
                del open_samples[question.index]
    return regretted


def _next_kept(tokens: list[int], start: int, markers: Markers, back: list[int]) -> int | None:
    """`next_question`, but for definitions that go on with BACK."""
    from igsm.decoding.sentences import next_question

    place = next_question(tokens, start, markers)
    while place is not None and tokens[place : place + len(back)] == back:
        place = next_question(tokens, place, markers)
    return place
