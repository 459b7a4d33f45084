"""Masked thought: some tokens of the solution are hidden from the input, all of them are still to be predicted."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

import numpy as np
from pydantic import Field

from igsm.methods.method import Method, StepWindows
from igsm.mistakes.layout import Mark, Role

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.training.objective import Batch


_TokenClass = Literal["name", "letter", "number", "operator", "word"]  # those of `igsm.corpus.classes`


@functools.lru_cache(maxsize=2)
def _classes(vocabulary: Vocabulary) -> np.ndarray:
    from igsm.corpus.classes import token_classes

    return token_classes(vocabulary)


class MaskedThought(Method):
    """Input noise in solutions: every token of a solution, but no mark of a document, on its own with one probability.

    Labels stay, and so does the problem, whose masking hurts (section 4). Held-out windows and prompts have no noise.

    Attributes:
        noise: what stands in a token's place: the mark MASK; any id that texts hold, uniformly; any of its own class.
        classes: which tokens may change: of names, letters, numbers, operators, other words.
        rate: probability of a token once the schedule is through. 0.4 for GSM8K, 0.1 to 0.2 for MATH.
        warmup: share of all steps in which the probability rises linearly from 0; the paper takes two thirds.
    """

    line: ClassVar[str] = "Solution tokens of the input replaced by a mask or a random token; all labels are kept."
    source: ClassVar[str] = "arXiv 2403.02178, sections 3 and 4"
    name: Literal["masked_thought"] = "masked_thought"
    noise: Literal["mask", "random", "class"] = "mask"
    classes: Annotated[tuple[_TokenClass, ...], Field(strict=False, min_length=1)] = get_args(_TokenClass)
    rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.4
    warmup: Annotated[float, Field(ge=0.0, le=1.0)] = 0.66

    @property
    def marks(self) -> frozenset[Mark]:
        return super().marks | ({Mark.MASK} if self.noise == "mask" else set())

    def batch(self, windows: StepWindows) -> Batch:
        import torch

        batch = super().batch(windows)
        if windows.progress is None:
            return batch
        rate = self.rate * min(1.0, windows.progress / self.warmup if self.warmup else 1.0)
        vocabulary, tokens = windows.vocabulary, windows.tokens.numpy().copy()
        class_of = _classes(vocabulary)
        words = np.flatnonzero(class_of >= 0)
        noisy = ((windows.roles.numpy() & int(Role.SOLUTION)) > 0) & np.isin(tokens, words)
        members = {name: np.flatnonzero(class_of == place) for place, name in enumerate(get_args(_TokenClass))}
        if len(set(self.classes)) < len(members):
            noisy &= np.isin(tokens, np.concatenate([members[name] for name in self.classes]))
        for row, may_change, stream in zip(tokens, noisy, windows.streams(self.name), strict=True):
            changed = may_change & (stream.random(row.size) < rate)
            if self.noise == "mask":
                row[changed] = vocabulary.from_gpt2[Mark.MASK]
            elif self.noise == "class":
                of_class = class_of[row]
                for place, ids in enumerate(members.values()):
                    drawn = stream.choice(ids, row.size)
                    row[changed & (of_class == place)] = drawn[changed & (of_class == place)]
            else:
                row[changed] = stream.choice(words, row.size)[changed]
        return replace(batch, inputs=(torch.from_numpy(tokens),))
