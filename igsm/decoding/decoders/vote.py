"""Majority vote over samples (self-consistency, arXiv 2203.11171)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from igsm.decoding.decoders.detector import DetectorName, read_detector, read_verifier
from igsm.decoding.decoders.named import MakeDetector, NamedDecoder, count
from igsm.decoding.decoders.regret import Regret

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.detectors import Detector
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder, Generation, Request
    from igsm.decoding.verifiers import Verifier


SCORING = dict.fromkeys(("process", "outcome", "step"), "it scores solutions")
"""Questions whose probes say how good a solution is."""


@dataclass(frozen=True)
class Vote(NamedDecoder):
    """The solution whose answer most samples have."""

    word = "vote"
    head = r"vote(?P<samples>\d+)"
    lines = (
        ("vote8", "majority vote over 8 samples; vote8:0.7:50 as sample:0.7:50"),
        ("vote8-p", "the same over those samples in which the detector regrets nothing"),
        ("vote8-prm@FOLDER", "each vote weighs what the verifier in FOLDER says (mistakes probe)"),
    )
    examples = ("vote8", "vote8-p")
    has_temperature = has_detector = True
    questions: ClassVar[dict[str, str]] = Regret.questions | SCORING
    sampling: bool = True

    @classmethod
    def detector_of(cls, text: str, name: str, folder: str | None) -> DetectorName:
        """See `NamedDecoder`."""
        return read_detector(text, name, None) if folder is None else read_verifier(text, name, folder)

    def scores_solutions(self, question: str) -> bool:
        """See `NamedDecoder`: a probe for can_next says whose vote does not count."""
        return question in SCORING

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(samples=count(found, "samples", 1, 4096), **settings)

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
        """The first sample with the answer that most have; ties go to the answer that came first.

        A sample without a number for an answer has no vote, unless there are only such samples. With a detector only
        samples in which it regrets no step vote, if there are any. With a verifier a vote weighs as much as the
        verifier's score, and of the answer with most weight the sample with the highest score is taken.
        """
        from igsm.decoding.verifiers import Verifier

        ballots = answered(samples, vocabulary)
        if isinstance(detector, Verifier):
            assert self.detector is not None
            return _weighted(ballots, request, detector, self.detector.combine)
        if detector is not None:
            regretted = _regretted([sample for sample, _ in ballots], request, vocabulary, detector)
            ballots = [ballot for ballot in ballots if ballot[0].index not in regretted] or ballots
        voters, answers = zip(*ballots, strict=True)
        counts = Counter(answers)
        winner = max(counts, key=lambda answer: (counts[answer], -answers.index(answer)))
        chosen: Generation = voters[answers.index(winner)]
        return chosen


def sampler(decoder: NamedDecoder, engine: Engine, vocabulary: Vocabulary) -> Decoder:
    """What draws the samples of every decoder that takes several: the same ones, with scores, whoever chooses."""
    from functools import partial

    from igsm.decoding.rows import ScoredRowDecoder, sample

    draw = partial(sample, temperature=decoder.temperature, top_k=decoder.top_k)
    return ScoredRowDecoder(engine, vocabulary.end, sampling=True, draw=draw)


def answered(samples: Sequence[Generation], vocabulary: Vocabulary) -> list[tuple[Generation, str]]:
    """The samples that have a number for an answer, with it; all of them where none has."""
    from igsm.decoding.sentences import split_answer

    ballots = [(sample, split_answer(sample.tokens, vocabulary)[1].strip()) for sample in samples]
    return [ballot for ballot in ballots if ballot[1].isdecimal()] or ballots


def solution_scores(
    samples: Sequence[Generation], request: Request, verifier: Verifier, combine: str
) -> tuple[list[float], int]:
    """The score of each sample, and the tokens that the verifier read for them."""
    from igsm.decoding.verifiers import COMBINED

    steps, read = verifier.score(request.prompt, [sample.tokens for sample in samples])
    return [COMBINED[combine](own) for own in steps], read


def _weighted(
    ballots: Sequence[tuple[Generation, str]], request: Request, verifier: Verifier, combine: str
) -> Generation:
    scores, read = solution_scores([sample for sample, _ in ballots], request, verifier, combine)
    weights: dict[str, float] = {}
    for (_, answer), score in zip(ballots, scores, strict=True):
        weights[answer] = weights.get(answer, 0.0) + score
    winner = max(weights, key=lambda answer: weights[answer])  # the first of equals
    number = max((n for n, (_, answer) in enumerate(ballots) if answer == winner), key=lambda n: (scores[n], -n))
    return replace(ballots[number][0], n_verified=read)


def _regretted(samples: Sequence[Generation], request: Request, vocabulary: Vocabulary, detector: Detector) -> set[int]:
    """Indices of the samples with a definition that the detector regrets and the sample does not take back itself.

    All samples' next definitions are asked about at once.
    """
    from igsm.decoding.detectors import Question
    from igsm.decoding.sentences import markers_of, next_kept

    markers = markers_of(vocabulary)
    back = [int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(" BACK")]
    regretted = set()
    open_samples = {sample.index: 0 for sample in samples}
    by_index = {sample.index: sample.tokens for sample in samples}
    while open_samples:
        places = {index: next_kept(by_index[index], asked, markers, back) for index, asked in open_samples.items()}
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
