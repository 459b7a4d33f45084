"""What a file of this folder says of its decoder: how it is called, what it does, how it is built."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from igsm.decoding.decoders.beside import Beside
from igsm.decoding.decoders.detector import DetectorName
from igsm.errors import InputError
from igsm.mistakes.layout import Mark

if TYPE_CHECKING:
    import torch

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.detectors import Detector
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder, Generation, Request

MakeDetector: TypeAlias = "Callable[[NamedDecoder, Vocabulary, torch.device | str, int, int], Detector]"
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
        word_by_word: whether `decoding.live` writes the same, which shows each word as it comes.
        name: as it is called in folders and tables (a learned detector's folder is left out).
        temperature, top_k: of drawing; top_k 0: all tokens.
        detector: which one is asked, None without.
        beside: a Copilot or a second model that speaks with the model, None without.
        beams: rows a problem.
        samples: solutions a problem, of which `choose` takes one.
        sampling: whether tokens, or candidates of beams, are drawn.
        prompt: marks behind the prompt in the place of the method's; None: those.
    """

    word: ClassVar[str]
    head: ClassVar[str]
    lines: ClassVar[tuple[tuple[str, str], ...]]
    examples: ClassVar[tuple[str, ...]]
    has_temperature: ClassVar[bool] = False
    has_detector: ClassVar[bool] = False
    word_by_word: ClassVar[bool] = False

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

    @abstractmethod
    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """What decodes, on an engine with `beams`.

        Args:
            make: makes its detector.
        """

    def choose(
        self, samples: Sequence[Generation], request: Request, vocabulary: Vocabulary, detector: Detector | None
    ) -> Generation:
        """One of a problem's samples (only of a decoder that takes several).

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
