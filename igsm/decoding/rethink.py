"""Solve, judge, solve again: the model's own verdict decides whether a solution stands."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Generation
from igsm.decoding.rows import RowDecoder
from igsm.decoding.streams import uniforms


class RethinkDecoder(RowDecoder):
    """Greedy decoding; a solution that the model finds bad is generated anew by sampling.

    In the place of the end token stands "judge"; the token after it says whether good or bad is more probable. If bad
    is, the row's length is set back to the prompt. After `rounds` times the solution stands as it is.

    Args:
        judge, good, bad: token ids.
        rounds: most solutions that are given up.
        options: of `RowDecoder`, of the solutions that are generated anew.
    """

    def __init__(
        self, engine: Engine, end: int, *, judge: int, good: int, bad: int, rounds: int, **options: Any
    ) -> None:
        super().__init__(engine, end, **options)
        self.may_sample = True
        self.judge, self.good, self.bad, self.rounds = judge, good, bad, rounds
        self.first = torch.zeros_like(self.length)
        """The position of the prompt's last token."""
        self.given_up = torch.zeros_like(self.length)
        """Tokens of the solutions given up, judge included."""

    def start(self, numbers: Tensor) -> None:
        super().start(numbers)
        self.first[numbers] = self.length[numbers]
        self.given_up[numbers] = 0

    def step(self, numbers: Tensor, longest: int) -> None:
        position, active = self.length[numbers], self.active[numbers]
        batch = Batch(numbers, position, longest, 1, position + 1, self.engine.source)
        last, next_position = self.tokens[numbers, position], position + 1
        logits = self.engine.logits(last, batch)
        uniform = uniforms(self.key[numbers], self.attempt[numbers], next_position)
        choice = torch.where(self.sampling[numbers], self.draw(logits, uniform), logits.argmax(-1))
        judged = (last == self.judge) & (position > self.first[numbers])
        choice = choice.masked_fill(choice == self.end, self.judge).masked_fill(judged, self.end)
        bad = logits[:, self.bad] > logits[:, self.good]
        again = active & judged & bad & (self.attempt[numbers] < self.rounds)
        self.tokens[numbers, next_position] = torch.where(active & ~again, choice, self.tokens[numbers, next_position])
        self.given_up[numbers] += again * (position - self.first[numbers])
        self.attempt[numbers] += again
        self.sampling[numbers] |= again
        self.length[numbers] = torch.where(again, self.first[numbers], position + active)
        self.active[numbers] = again | (active & ~judged & (position + 2 < self.limit[numbers]))

    def result(self, number: int) -> Generation:
        unit = self.occupied[number]
        tokens = self.tokens[number, len(unit.request.prompt) : unit.length + 1].tolist()
        n_generated = int(self.given_up[number]) + len(tokens)
        if tokens and tokens[-1] == self.judge:  # no room for the verdict
            tokens[-1] = self.end
        tokens = [token for token in tokens if token != self.judge]
        finished = bool(tokens) and tokens[-1] == self.end
        rounds = int(self.attempt[number])
        return Generation(unit.request.index, tokens, finished, rollbacks=rounds, n_generated=n_generated)
