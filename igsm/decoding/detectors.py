"""Detectors: "can the parameter whose definition was just begun be computed next?"

`regret.py` asks after each generated "Define A's B as". Here: the ground truth and its noisy and silent variants;
learned ones (`igsm.probing`) have the same interface.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from igsm.decoding.decoders.named import NamedDecoder
from igsm.errors import InputError
from igsm.grading.attempts import last_attempt
from igsm.grading.steps import earlier_taken_back
from igsm.seeds import numpy_generator

if TYPE_CHECKING:
    import torch

    from igsm.corpus.vocabulary import Vocabulary


@dataclass(frozen=True)
class Question:
    """A row that has just generated "Define A's B as".

    Attributes:
        index: number of the problem (of the request).
        handle: the request's handle, for the ground truth an `igsm.problems.problem.Problem`.
        prompt: the request's token ids.
        tokens: generated token ids, up to and including " as".
        sample: names the row among several of the same problem (a learned detector keeps a cache for each).
    """

    index: int
    handle: Any
    prompt: Sequence[int]
    tokens: Sequence[int]
    sample: int = 0


class Detector(Protocol):
    """What regret decoding needs."""

    def regrets(self, questions: Sequence[Question]) -> list[bool]:
        """For each question whether the parameter can NOT be computed next, so that its sentence is rolled back."""
        ...


def tokens_read(detector: Any, index: int) -> int:
    """Tokens that a detector has read of problem `index`, which is done: it forgets it. 0 of one that reads none."""
    forget = getattr(detector, "forget", None)
    return 0 if forget is None else int(forget(index))


class Silent:
    """Never regrets: regret decoding with it must equal plain decoding."""

    def regrets(self, questions: Sequence[Question]) -> list[bool]:
        return [False] * len(questions)


_DEFINITION = re.compile(r"Define (.+?) as(?= |$)(?:.*( BACK(?: \d+)?)$)?")


class GroundTruth:
    """Regrets exactly the parameters that cannot be computed next (the paper's version P).

    That includes names of no parameter and parameters that are already defined. Sentences that are taken back, and
    attempts that are given up, define nothing.

    Args:
        decode: token ids -> text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode

    def regrets(self, questions: Sequence[Question]) -> list[bool]:
        return [self.regrets_text(q.handle, self._decode(q.tokens)) for q in questions]

    @staticmethod
    def regrets_text(problem: Any, text: str) -> bool:
        """The same for a solution text that ends with "Define A's B as"."""
        names: list[Any] = []
        for sentence in last_attempt(text).text.split("."):
            found = _DEFINITION.search(sentence)
            if found is None:
                names.append(None)
            elif not found[2]:
                names.append(problem.find(found[1]))
            elif earlier := earlier_taken_back(sentence):
                del names[-earlier:]
        if not names or names[-1] is None:
            return True
        return not problem.can_next(names[-1], {name for name in names[:-1] if name is not None})


class Noisy:
    """The ground truth with errors at given rates.

    The same problem and solution so far always get the same answer, as from a learned detector. So a false alarm at a
    step with one likely continuation comes again at every retry, until none is left.

    Args:
        truth: the detector that is right.
        false_positive: probability to regret what can be computed.
        false_negative: probability to let pass what cannot.
        seed: of the errors.
    """

    def __init__(self, truth: Detector, false_positive: float, false_negative: float, seed: int = 0) -> None:
        self._truth, self._seed = truth, seed
        self._positive, self._negative = false_positive, false_negative

    def regrets(self, questions: Sequence[Question]) -> list[bool]:
        answers = []
        for question, wrong in zip(questions, self._truth.regrets(questions), strict=True):
            text = repr((list(question.prompt), list(question.tokens)))
            prefix = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
            draw = numpy_generator("noisy detector", self._seed, prefix).random()
            error = draw < (self._negative if wrong else self._positive)
            answers.append(wrong != error)
        return answers


def make_detector(
    decoder: NamedDecoder, vocabulary: Vocabulary, device: torch.device | str, units: int, context: int
) -> Detector:
    """The detector that a decoder's name asks for; None asks for the silent one.

    Args:
        units: problems decoded side by side.
        context: most tokens of prompt and solution.
    """
    wanted = decoder.detector
    if wanted is None or wanted.kind == "silent":
        return Silent()
    if wanted.kind == "learned":
        raise InputError(f"decoder '{decoder.name}': a learned detector is loaded by `mistakes eval`, not here")
    truth = GroundTruth(vocabulary.decode)
    return truth if wanted.kind == "truth" else Noisy(truth, wanted.false_positive, wanted.false_negative)
