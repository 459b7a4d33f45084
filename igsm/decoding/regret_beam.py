"""Retry upon regret for beams.

The detector is asked about the best running beam, when it has just closed a "Define A's B as" or has
taken the lead with one nobody asked about, and about the answer before it is returned; the problem's beams wait for it.
On regret all beams go back to the end of that beam's previous sentence; that sentence is sampled anew, as one path,
then the beams search on. (Were it drawn as beams, the most probable continuation, just regretted, would nearly always
lead again.) So what is returned has passed the detector, up to `max_retries`, and a silent detector changes nothing.

Going back copies no cache: keys and values of a position stay where its beam wrote them, and the path back through the
parents says where that is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.detectors import Detector
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Generation, Unit
from igsm.decoding.regret import Markers, ask_until_quiet, next_question, sentence_start


class RegretBeamDecoder(BeamDecoder):
    """Beam search with retry upon regret; arguments as `BeamDecoder` and `RegretDecoder`."""

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        detector: Detector,
        markers: Markers,
        max_retries: int = 10,
        sampling: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, sampling=sampling, **options)
        self.may_sample = self.may_retry = True
        self.detector, self.markers, self.max_retries = detector, markers, max_retries
        device = engine.device
        self.unasked = torch.zeros(engine.all_rows, dtype=torch.bool, device=device)
        self.asking = torch.zeros(self.n_units + 1, dtype=torch.bool, device=device)
        self.waiting = torch.zeros(self.n_units + 1, dtype=torch.bool, device=device)

    def start(self, numbers: Tensor) -> None:
        super().start(numbers)
        self.unasked[self._rows(numbers)] = False
        self.waiting[numbers] = False
        self.single[numbers] = False
        self.asking[numbers] = self.max_retries > 0

    def step(self, numbers: Tensor, longest: int) -> None:
        before = self.active[numbers]
        super().step(numbers, longest)
        rows, place = self._rows(numbers), self.length[numbers][:, None]
        parent = torch.where(before[:, None], self.parent[rows, place].long(), self.beam)
        token = self.tokens[rows, place]
        closed = (token == self.markers.closing) & before[:, None]
        unasked = self.unasked[numbers[:, None] * self.engine.beams + parent] | closed
        self.unasked[rows] = unasked
        self.single[numbers] &= ~before | (token[:, 0] != self.markers.sentence_end)
        waiting = unasked[:, 0] & self.asking[numbers] & self.active[numbers]
        self.waiting[numbers] |= waiting
        self.active[numbers] &= ~waiting

    @torch.inference_mode()
    def inspect(self, numbers: list[int]) -> list[tuple[int, Generation]]:
        where = self._tensor(numbers)
        state = torch.stack((self.length[where], self.active[where].long(), self.waiting[where].long()))
        lengths, active, waiting = state.tolist()
        waits = dict(zip(numbers, waiting, strict=True))
        asked: dict[int, Unit] = {}
        holders: dict[int, list[int]] = {}
        for number, length, still_active in zip(numbers, lengths, active, strict=True):
            unit = self.occupied[number]
            unit.length = length
            if still_active:
                continue
            beam, position = (0, length) if waits[number] else self._final_place(number)
            unit.known, holders[number] = self.trace(number, beam, position)
            unit.asked = 0
            asked[number] = unit
        withdrawn = ask_until_quiet(asked, self._next_question, self._withdraw, self.detector)
        for number in withdrawn:
            self._go_back(number, holders[number])
        finished = []
        for number, unit in asked.items():
            if number in withdrawn:
                continue
            if waits[number]:
                unit.passed.add(tuple(unit.known[: unit.asked]))
                self.unasked[number * self.engine.beams] = False
                self.waiting[number] = False
                self.active[number] = True
            else:
                finished.append((number, self.result(number)))
        return finished

    def _final_place(self, number: int) -> tuple[int, int]:
        _, parent, _, count = self.final[number, 0].tolist()
        return parent, count - 2

    def _next_question(self, unit: Unit) -> int | None:
        if unit.retries >= self.max_retries:
            return None
        if unit.asked:
            unit.passed.add(tuple(unit.known[: unit.asked]))
        place = next_question(unit.known, unit.asked, self.markers)
        while place is not None and tuple(unit.known[:place]) in unit.passed:
            place = next_question(unit.known, place, self.markers)
        return place

    def _withdraw(self, unit: Unit, place: int) -> None:
        keep = sentence_start(unit.known, place - 1, self.markers)
        unit.retries += 1
        del unit.known[keep:]
        unit.length = len(unit.request.prompt) + keep - 1

    def _go_back(self, number: int, holders: list[int]) -> None:
        """Make every beam of the unit the prefix that its `known` tokens are; `holders` of the traced beam."""
        unit, beams = self.occupied[number], self.engine.beams
        rows = slice(number * beams, (number + 1) * beams)
        start, keep, length = len(unit.request.prompt), len(unit.known), unit.length
        score = torch.zeros(1, device=self.engine.device)
        if keep:
            score = self.score[number * beams + holders[keep - 1], length].clone()[None]
            self.tokens[rows, length] = unit.known[-1]
            self.engine.source[rows, start - 1] = 0
            path = torch.tensor(holders[: keep - 1], dtype=torch.uint8, device=self.engine.device)
            self.engine.source[rows, start:length] = path
            self.parent[rows, length] = holders[keep - 2] if keep > 1 else 0
        where = self._tensor([number])
        self.length[where] = length
        self._collapse(where, score)
        self.unasked[rows] = False
        self.waiting[number] = False
        self.asking[number] = unit.retries < self.max_retries
        self.attempt[number] += 1
        self.single[number] = True
        self.active[number] = True
