"""What a file of this folder says of its decoder: how it is called, what it does, how it is built."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from igsm.decoding.decoders.beside import Beside
from igsm.decoding.decoders.detector import DetectorName, read_detector
from igsm.errors import InputError
from igsm.mistakes.layout import Mark

if TYPE_CHECKING:
    import torch

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.detectors import Detector
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder, Generation, Request
    from igsm.decoding.verifiers import Verifier

MakeDetector: TypeAlias = "Callable[[NamedDecoder, Vocabulary, torch.device | str, int, int], Detector | Verifier]"
"""(decoder, vocabulary, device, texts asked about side by side, most tokens of prompt and solution) -> its detector."""


# Names are read by sweeps, reports and `--help`, which do not wait the seconds that importing torch takes. So a file of
# this folder imports torch, and modules that do, inside its functions; a class that needs it as a base stands there
# too, or in a module beside this folder where others build on it (rows, beam, regret, ...).
@dataclass(frozen=True)
class NamedDecoder(ABC):
    """A decoder with its settings, as its name says them.

    Attributes:
        word: what messages call it.
        head: a regular expression, its own part of a name.
        lines: for the help: forms of its name, and what each does.
        examples: names that a message about an unknown one may suggest.
        has_temperature: whether a name can go on with a temperature and top_k.
        has_detector: whether a name can go on with a detector.
        questions: those that a probe may answer which is its learned detector, and what it asks.
        word_by_word: whether `decoding.live` writes the same, which shows each word as it comes.
        name: as it is called in folders and tables (a learned detector's folder is left out).
        temperature, top_k: of drawing; top_k 0: all tokens.
        detector: which one is asked, None without.
        beside: a Copilot or a second model that speaks with the model, None without.
        beams: rows a problem.
        samples: solutions a problem, of which `choose` takes one.
        sampling: whether tokens, or candidates of beams, are drawn.
        prompt: marks behind the prompt in the place of the method's; None: those.
        marks: those that it writes or reads itself.
    """

    word: ClassVar[str]
    head: ClassVar[str]
    lines: ClassVar[tuple[tuple[str, str], ...]]
    examples: ClassVar[tuple[str, ...]]
    has_temperature: ClassVar[bool] = False
    has_detector: ClassVar[bool] = False
    questions: ClassVar[dict[str, str]] = {"can_next": "regret asks whether a parameter can be computed next"}
    word_by_word: ClassVar[bool] = False
    marks: ClassVar[tuple[Mark, ...]] = ()

    name: str
    temperature: float = 1.0
    top_k: int = 0
    detector: DetectorName | None = None
    beside: Beside | None = None
    beams: int = 1
    samples: int = 1
    sampling: bool = False
    prompt: tuple[Mark, ...] | None = None

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """The decoder of a name that matches `head`.

        Args:
            found: the match, whose `string` is the name with its folder.
            settings: name, temperature, top_k and detector.

        Raises:
            InputError: a setting that makes no sense.
        """
        return cls(**settings)

    @classmethod
    def detector_of(cls, text: str, name: str, folder: str | None) -> DetectorName:
        """What stands behind the "-" of the decoder `text`. InputError for what it cannot ask."""
        return read_detector(text, name, folder)

    def check_marks(self, vocabulary: Vocabulary) -> None:
        """Raise InputError unless a model of this vocabulary has learned the marks that the decoder uses."""
        unknown = [mark for mark in (*self.marks, *(self.prompt or ())) if int(vocabulary.from_gpt2[mark]) < 0]
        if unknown:
            words = ", ".join(f"[{mark.name.lower()}]" for mark in unknown)
            raise InputError(f"decoder '{self.name}': the model was trained without {words}")

    def check_question(self, folder: str, question: str | None) -> None:
        """Raise InputError unless a probe for this question can be the decoder's detector."""
        if question not in self.questions:
            why = next(iter(self.questions.values()))
            raise InputError(
                f"decoder '{self.name}': {folder} is a probe for the question '{question}'; {why} and needs one with "
                f"question={' or '.join(self.questions)}"
            )

    def scores_solutions(self, question: str) -> bool:
        """Whether a probe for this question is asked about whole solutions, as a `Verifier`, not as a `Detector`."""
        return False

    @abstractmethod
    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """What decodes, on an engine with `beams`.

        Args:
            make: makes its detector.
        """

    def choose(
        self,
        samples: Sequence[Generation],
        request: Request,
        vocabulary: Vocabulary,
        detector: Detector | Verifier | None,
    ) -> Generation:
        """One of a problem's samples (only of a decoder that takes several), with `n_verified` for choosing.

        Args:
            samples: in order; the index of the first is the request's times their number.
            detector: of its name.
        """
        raise NotImplementedError


def count(found: re.Match[str], group: str, low: int, high: int) -> int:
    """A number in a decoder's name. InputError outside low..high."""
    number = int(found[group])
    if not low <= number <= high:
        raise InputError(f"decoder '{found.string}': the number must be {low} to {high}, not {found[group]}")
    return number
