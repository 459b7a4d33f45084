"""Unlikelihood: mistakes stay in the documents, and their words are made unlikely instead of likely."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from igsm.methods.method import Method, StepWindows
from igsm.mistakes.layout import Role

if TYPE_CHECKING:
    from torch import nn

    from igsm.training.objective import Batch, Objective

LEAST = 1e-5
"""Below this 1 - p gives no gradient, as in the authors' code: the loss of a word stays finite."""


class Unlikelihood(Method):
    """Plain documents; -log(1 - p) on words of mistakes, whatever label masking says of them; -log p on the others.

    The sum is divided by the number of both. "BACK" is learnt as ever.

    Attributes:
        tokens: the wrong words of a mistake (a name, or one number or symbol), or all of the wrong step.
        alpha: factor of the unlikelihood.
    """

    line: ClassVar[str] = "The words of mistakes are made unlikely, -log(1 - p); all else is learnt."
    source: ClassVar[str] = "arXiv 1908.04319, section 5; on unwanted texts as here: arXiv 1911.03860"
    name: Literal["unlikelihood"] = "unlikelihood"
    tokens: Literal["word", "step"] = "word"
    alpha: Annotated[float, Field(gt=0.0)] = 1.0

    def batch(self, windows: StepWindows) -> Batch:
        """Words that are to be unlikely have the weight -alpha."""
        import torch

        from igsm.training.objective import carries_loss, next_token_batch

        role = Role.MISTAKE_WORD if self.tokens == "word" else Role.MISTAKE_STEP
        unlikely = (windows.roles & int(role)) != 0
        carrying = carries_loss(windows.roles, windows.training) | unlikely
        batch = next_token_batch(windows.tokens, carrying, torch.where(unlikely, -self.alpha, 1.0))
        return replace(batch, count=torch.tensor(batch.n_targets))

    def objective(self, model: nn.Module) -> Objective:
        return _objective()(model)


@functools.cache
def _objective() -> type[Objective]:
    """The class, which needs torch."""
    import torch
    from torch.nn import functional as F

    from igsm.training.objective import IGNORE, Loss, Objective

    class UnlikelihoodObjective(Objective):
        """Also measures the mean probability of the words that are to be unlikely."""

        metrics = ("mistake_probability",)

        def forward(self, batch: Batch) -> Loss:
            assert batch.weights is not None
            logits, targets = self.logits(batch.inputs).flatten(0, -2).float(), batch.targets.flatten()
            weights = batch.weights.flatten()
            unlikely = (weights < 0) & (targets != IGNORE)
            likelihood = -F.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="none")
            other = torch.log((-torch.expm1(likelihood)).clamp(min=LEAST))
            each = weights * torch.where(unlikely, other, -likelihood)
            probability = torch.where(unlikely, likelihood.exp(), 0.0)
            return Loss(each.sum(), {"mistake_probability": (probability.sum(), unlikely.sum())})

    return UnlikelihoodObjective
