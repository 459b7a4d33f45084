"""Retry upon regret for beams.

Whom the detector is asked about: the leading beam, as soon as it holds a "Define A's B as" that nobody has asked about,
whether it has just written it or has just taken the lead with it; and the answer, before it is returned. The leading
beam is the best running one, and there is none when the best finished hypothesis beats it at its present length, by the
comparison that ends a search. The problem's beams wait for the detector.

What happens on regret: all beams go back to the end of the leading beam's previous sentence. The next sentence is
sampled as one path, then the beams search on. (If it were searched for, the most probable continuation would nearly
always win again, and that is the one regretted.) Finished hypotheses are asked about as well, and those that pass go
on competing. So whatever is returned has passed, up to `max_rollbacks`; a detector that never regrets changes nothing.

What going back costs: no cache is copied. The keys and values of a position stay where its beam wrote them, and the
parents lead there. Only the tokens of finished hypotheses are kept apart, since their rows are written again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from igsm.decoding.beam import NEVER, BeamDecoder
from igsm.decoding.detectors import Detector
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Generation, Unit
from igsm.decoding.regret import ask_until_quiet
from igsm.decoding.sentences import Markers, next_question, sentence_start


class RegretBeamDecoder(BeamDecoder):
    """Beam search with retry upon regret; arguments as `BeamDecoder` and `RegretDecoder`."""

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        detector: Detector,
        markers: Markers,
        max_rollbacks: int = 10,
        sampling: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, sampling=sampling, **options)
        self.may_sample = self.may_retry = True
        self.detector, self.markers, self.max_rollbacks = detector, markers, max_rollbacks
        device = engine.device
        self.unasked = torch.zeros(engine.all_rows, dtype=torch.bool, device=device)
        self.asking = torch.zeros(self.n_units + 1, dtype=torch.bool, device=device)
        self.waiting = torch.zeros(self.n_units + 1, dtype=torch.bool, device=device)

    def start(self, numbers: Tensor) -> None:
        super().start(numbers)
        self.unasked[self._rows(numbers)] = False
        self.waiting[numbers] = False
        self.single[numbers] = False
        self.asking[numbers] = self.max_rollbacks > 0

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
        best_running = self._per_length(numbers, self.score[rows[:, 0], place[:, 0]], place[:, 0] + 1)
        leading = best_running > self.final_score[numbers, 0]
        waiting = unasked[:, 0] & leading & self.asking[numbers] & self.active[numbers]
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
            unit.known, holders[number] = self.trace(number, 0, length) if waits[number] else self.hypothesis(number, 0)
            unit.asked = 0
            asked[number] = unit
        rolled_back = ask_until_quiet(asked, self._next_question, self._roll_back, self.detector)
        passed = self._passed_hypotheses(rolled_back)
        for number in rolled_back:
            self.keep(number, passed[number])
            self._go_back(number, holders[number])
        finished = []
        for number, unit in asked.items():
            if number in rolled_back:
                continue
            if waits[number]:
                unit.passed.add(tuple(unit.known[: unit.asked]))
                self.unasked[number * self.engine.beams] = False
                self.waiting[number] = False
                self.active[number] = True
            else:
                finished.append((number, self.result(number)))
        return finished

    def hypothesis(self, number: int, place: int) -> tuple[list[int], list[int]]:
        _, parent, *_ = self.final[number, place].tolist()
        if parent < self.engine.beams:
            return super().hypothesis(number, place)
        return self.occupied[number].kept[parent - self.engine.beams], []

    def _passed_hypotheses(self, numbers: set[int]) -> dict[int, dict[int, list[int]]]:
        """Of units that will go back, the finished hypotheses that pass the detector: tokens by place, by unit."""
        beams = self.engine.beams
        found: dict[int, Unit] = {}
        for number in sorted(numbers):
            unit = self.occupied[number]
            for place, finished in enumerate(self.final[number, :, 0].tolist()):
                tokens = self.hypothesis(number, place)[0] if finished else unit.regretted
                if tokens[: len(unit.regretted)] != unit.regretted:
                    found[number * beams + place] = replace(unit, known=tokens, asked=0)
        failed = ask_until_quiet(found, self._open_question, lambda *_: None, self.detector)
        passed: dict[int, dict[int, list[int]]] = {number: {} for number in numbers}
        for which, unit in found.items():
            if which not in failed:
                passed[which // beams][which % beams] = unit.known
        return passed

    def keep(self, number: int, hypotheses: dict[int, list[int]]) -> None:
        """Let these, by their present places, be the finished hypotheses of the unit, though the beams go back."""
        unit, beams = self.occupied[number], self.engine.beams
        scores = self.final_score[number].clone()
        self.final_score[number] = NEVER
        self.final[number] = 0
        for place, (old_place, tokens) in enumerate(hypotheses.items()):
            self.final_score[number, place] = scores[old_place]
            # Where a parent's number stands otherwise: which of the kept ones it is.
            entry = (1, beams + len(unit.kept), tokens[-1], len(unit.request.prompt) + len(tokens))
            self.final[number, place] = self._tensor(entry)
            unit.kept.append(tokens)

    def _next_question(self, unit: Unit) -> int | None:
        return None if unit.rollbacks >= self.max_rollbacks else self._open_question(unit)

    def _open_question(self, unit: Unit) -> int | None:
        if unit.asked:
            unit.passed.add(tuple(unit.known[: unit.asked]))
        place = next_question(unit.known, unit.asked, self.markers)
        while place is not None and tuple(unit.known[:place]) in unit.passed:
            place = next_question(unit.known, place, self.markers)
        return place

    def _roll_back(self, unit: Unit, place: int) -> None:
        keep = sentence_start(unit.known, place - 1, self.markers)
        unit.regretted = unit.known[:place]
        unit.rollbacks += 1
        unit.known = unit.known[:keep]
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
        self.asking[number] = unit.rollbacks < self.max_rollbacks
        self.attempt[number] += 1
        self.single[number] = True
        self.active[number] = True
