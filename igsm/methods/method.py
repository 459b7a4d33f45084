"""What a way of learning from mistakes is: its documents, its batches, what it minimises, how it decodes.

A method is its settings: a `Config` that stands in config.yaml as `data.method`, with its name. Processes that make
data read it too, so torch, training and decoding are imported inside the functions that need them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from igsm.config import Config
from igsm.mistakes.layout import PLAIN, Layout, Mark
from igsm.seeds import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor, nn

    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import Vocabulary
    from igsm.model import GPT
    from igsm.model.contract import LanguageModel
    from igsm.training.config import TrainingConfig
    from igsm.training.objective import Batch, Objective


@dataclass(frozen=True)
class StepWindows:
    """One process's windows of a step, as `Method.batch` gets them.

    Attributes:
        tokens: a model's ids, int64 [B, T].
        roles: bits of `igsm.mistakes.layout.Role`, uint8 [B, T].
        numbers: of the windows in the data; a window has the same number whatever the ranks and resumes.
        progress: share of the training steps that are done, from 0; None for held-out windows, which get no noise.
        data, training, vocabulary: of the run.
    """

    tokens: Tensor
    roles: Tensor
    numbers: range
    progress: float | None
    data: DataConfig
    training: TrainingConfig
    vocabulary: Vocabulary

    def streams(self, what: str) -> Iterator[np.random.Generator]:
        """A random stream for each window, named by what it is for."""
        for number in self.numbers:
            yield numpy_generator(*self.data.stream_of(what, number))


class Method(Config):
    """A way of learning from mistakes; its fields are its settings.

    A method overrides what is not as in plain next-token prediction.

    Attributes:
        line: one line that says what it is.
        source: the paper, with its section.
    """

    line: ClassVar[str]
    source: ClassVar[str]
    name: str

    @property
    def prompt(self) -> tuple[Mark, ...]:
        """Marks that stand behind the prompt where a solution is asked for."""
        return ()

    def examples(self, data: DataConfig, vocabulary: Vocabulary) -> list[int]:
        """A model's ids of whole documents that stand before the prompt where a solution is asked for."""
        return []

    def resolved(self) -> Self:
        """The method with what its settings come to once and for all. Raises InputError for a run without verdicts."""
        return self

    def held_out(self) -> Self:
        """The method for windows of the test split."""
        return self

    def layout(self) -> Layout:
        """What its documents look like."""
        return PLAIN

    @property
    def marks(self) -> frozenset[Mark]:
        """The marks that a model needs ids for."""
        return self.layout().marks | set(self.prompt)

    def carrying(self, windows: StepWindows) -> Tensor:
        """Which tokens carry loss, bool [B, T]: here those of the roles that `training` names."""
        from igsm.training.objective import carries_loss

        return carries_loss(windows.roles, windows.training)

    def batch(self, windows: StepWindows) -> Batch:
        """What a step computes with: here the next token, loss on those that carry it."""
        from igsm.training.objective import next_token_batch

        return next_token_batch(windows.tokens, self.carrying(windows))

    def objective(self, model: nn.Module) -> Objective:
        """What is minimised, around the model: here the cross-entropy."""
        from igsm.training.objective import CrossEntropy

        return CrossEntropy(model)

    def decode(self, model: GPT) -> LanguageModel:
        """What is decoded in the place of the trained model: here itself."""
        return model
