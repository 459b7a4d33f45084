"""Two models decoded as one: a Pilot and its Copilot (Transformer Copilot, arXiv 2505.16270, eq. 8), or any two.

The Copilot is fed what it predicted itself at the token before: true errors are not known here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from igsm.decoding.decoders.beside import Fuse
from igsm.errors import InputError
from igsm.model.contract import Memory, Part
from igsm.model.copilot import Copilot
from igsm.model.gpt import GPT


def fused(logits: Tensor, errors: Tensor, weight: float, fuse: Fuse) -> Tensor:
    """Logits of p + weight * errors, or, of `fuse: logit`, logits + weight * errors; both [..., vocabulary].

    What comes out negative is put to the least positive number; whoever samples renormalises. Where nothing is added
    the logits are those of the Pilot to the last bit.
    """
    added = weight * errors
    if fuse == "logit":
        return logits + added
    total = logits.logsumexp(-1, keepdim=True)
    sums = (logits - total).exp() + added
    return torch.where(added == 0, logits, sums.clamp_min(torch.finfo(sums.dtype).tiny).log() + total)


class Fused(nn.Module):
    """A `LanguageModel` (`igsm.model.contract`) of a Pilot and its Copilot.

    Args:
        solution_start: the id after which the Copilot speaks. Prompts end with it, or do not hold it.
        weight: lambda of eq. 8.
        fuse: what is added up.
    """

    def __init__(
        self, pilot: GPT, copilot: Copilot, solution_start: int, weight: float, fuse: Fuse = "probability"
    ) -> None:
        super().__init__()
        self.pilot, self.copilot = pilot, copilot
        self.solution_start, self.weight, self.fuse = solution_start, weight, fuse
        self.slots = (*pilot.slots, *copilot.slots)

    def hidden(self, ids: Tensor, *, positions: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """The Pilot's states and the Copilot's output [B, 1, width + vocabulary] of one token a row.

        Of more tokens, which begin a prompt, the Pilot's states alone: nobody asks for what comes next there.

        Raises:
            InputError: a prompt with a part of its solution.
        """
        assert memory is not None, "each token's Copilot needs the one before: a memory"
        starts = ids == self.solution_start
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)
        seen: list[Tensor] = []
        states = self.pilot.hidden(ids, positions=positions, memory=Part(memory, 0), seen=seen)
        embedded, *layers = seen
        own = Part(memory, len(self.pilot.slots))
        if ids.shape[1] == 1:
            return torch.cat((states, self.copilot.step(embedded, layers, starts, positions, own)), -1)
        if bool(starts.any()):
            raise InputError("a Copilot goes on from prompts that end where the solution begins; decode without it")
        self.copilot.remember(embedded, positions, own)
        return states

    def head(self, states: Tensor) -> Tensor:
        """Next-token logits [..., vocabulary]."""
        width = self.pilot.config.width
        logits = self.pilot.head(states[..., :width].to(self.pilot.output_matrix.dtype))
        return fused(logits, states[..., width:].to(logits.dtype), self.weight, self.fuse)

    def for_decoding(self, dtype: torch.dtype) -> Fused:
        """A copy that computes in `dtype`; logits and errors stay in float32."""
        parts = (self.pilot.for_decoding(dtype), self.copilot.for_decoding(dtype))
        return Fused(*parts, self.solution_start, self.weight, self.fuse)


class Mean(nn.Module):
    """A `LanguageModel` of two models of one vocabulary: the mean of what they say.

    Args:
        weight: the share of the second one.
        fuse: of which the mean is: probabilities, or logarithms of probabilities ("logit").
    """

    def __init__(self, first: GPT, second: GPT, weight: float, fuse: Fuse = "probability") -> None:
        super().__init__()
        self.first, self.second = first, second
        self.weight, self.fuse = weight, fuse
        self.slots = (*first.slots, *second.slots)

    def hidden(self, ids: Tensor, *, positions: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """The states of both [B, T, width + width]."""
        memories = (None, None) if memory is None else (Part(memory, 0), Part(memory, len(self.first.slots)))
        pairs = zip((self.first, self.second), memories, strict=True)
        return torch.cat([model.hidden(ids, positions=positions, memory=own) for model, own in pairs], -1)

    def head(self, states: Tensor) -> Tensor:
        """Next-token logits [..., vocabulary]."""
        width = self.first.config.width
        parts = ((self.first, states[..., :width]), (self.second, states[..., width:]))
        one, other = (model.head(part.to(model.output_matrix.dtype)) for model, part in parts)
        if self.weight in (0.0, 1.0):  # one of them alone, to the last bit
            return other if self.weight else one
        one, other = one.log_softmax(-1), other.log_softmax(-1)
        if self.fuse == "logit":
            return torch.lerp(one, other, self.weight)
        return torch.logaddexp(one + math.log(1 - self.weight), other + math.log(self.weight))

    def for_decoding(self, dtype: torch.dtype) -> Mean:
        """A copy that computes in `dtype`; logits stay in float32."""
        return Mean(self.first.for_decoding(dtype), self.second.for_decoding(dtype), self.weight, self.fuse)
