"""Nucleus sampling (arXiv 1904.09751)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder
from igsm.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class TopP(NamedDecoder):
    """Tokens drawn from the most probable ones, as many as have probability `p` together."""

    word = "topp"
    head = r"topp:(?P<p>0?\.\d+|0|1)"
    lines = (
        ("topp:0.9", "nucleus sampling: from the most probable tokens that have 90 % together"),
        ("topp:0.9:0.7", "with a temperature of 0.7, applied before"),
    )
    examples = ("topp:0.9",)
    has_temperature = True
    sampling: bool = True
    p: float = 1.0

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        p = float(found["p"])
        if p == 0:
            raise InputError(f"decoder '{found.string}': the probability must be above 0, at most 1")
        return cls(p=p, **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        from igsm.decoding.rows import RowDecoder

        draw = partial(nucleus, p=self.p, temperature=self.temperature, top_k=self.top_k)
        return RowDecoder(engine, vocabulary.end, sampling=True, draw=draw)


def nucleus(logits: Tensor, uniform: Tensor, p: float, temperature: float = 1.0, top_k: int = 0) -> Tensor:
    """A `rows.Draw` from the fewest most probable tokens whose probabilities sum to `p` or more, in (0, 1].

    As in transformers, the temperature is applied before, and so is `top_k` (0: all tokens). Of equally probable
    tokens those of lower ids stay.
    """
    from igsm.decoding.rows import drawn, most_probable

    probability = (most_probable(logits, top_k).double() / temperature).softmax(-1)
    ordered, order = probability.sort(dim=-1, descending=True, stable=True)
    inside = ordered.cumsum(-1) - ordered < p  # less than p lies before it
    return drawn(probability * inside.new_empty(inside.shape).scatter_(-1, order, inside), uniform)
