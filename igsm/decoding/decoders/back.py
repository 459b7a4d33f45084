"""Greedy decoding that takes sentences back more or less readily than the model would."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from igsm.decoding.decoders.named import MakeDetector, NamedDecoder

if TYPE_CHECKING:
    from torch import Tensor

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.decoding.engine import Engine
    from igsm.decoding.loop import Decoder


@dataclass(frozen=True)
class Back(NamedDecoder):
    """The most probable token, after `bias` has been added to the logit of BACK."""

    word = "back"
    head = r"no_back|force_back(?P<bias>-?\d+(?:\.\d+)?)"
    lines = (
        ("force_back2", "greedy, with 2 added to the logit of BACK (force_back-2: subtracted)"),
        ("no_back", "greedy, and BACK is never taken"),
    )
    examples = ("force_back2", "no_back")
    bias: float = -math.inf

    @classmethod
    def read(cls, found: re.Match[str], **settings: Any) -> Self:
        """See `NamedDecoder`."""
        return cls(bias=-math.inf if found["bias"] is None else float(found["bias"]), **settings)

    def build(self, engine: Engine, vocabulary: Vocabulary, make: MakeDetector) -> Decoder:
        """See `NamedDecoder`."""
        import torch

        from igsm.decoding.rows import RowDecoder

        bias = torch.zeros(vocabulary.size, device=engine.device)
        first = int(vocabulary.from_gpt2[vocabulary.encode_text(" BACK")][0])
        if first >= 0:  # a model that has no id for it cannot say it
            bias[first] = self.bias
        return RowDecoder(engine, vocabulary.end, sampling=True, draw=partial(biased, bias=bias))


def biased(logits: Tensor, uniform: Tensor, bias: Tensor) -> Tensor:
    """A `rows.Draw`: the most probable token of `logits + bias` (bias: [vocabulary])."""
    return (logits + bias).argmax(-1)
