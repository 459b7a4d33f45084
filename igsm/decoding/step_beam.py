"""Beam search over sentences: the next ones are drawn, a verifier scores them, and the best are continued.

A unit has as many rows as beams. All rows of a round draw one sentence each (or the answer); then those kept are copied
to the rows that continue them. A finished solution competes with the others by its score, and draws nothing more.

Source: arXiv 2408.03314, section 5.2; keeping a quarter and drawing four for each, as its open implementation does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.detectors import Question
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Decoder, Generation
from igsm.decoding.rows import Draw, sample
from igsm.decoding.streams import uniforms


class StepVerifier(Protocol):
    """What this decoder asks: `igsm.probing.detector.LearnedDetector` of a probe for the question `process`."""

    def probabilities(self, questions: Sequence[Question]) -> list[float]:
        """Of each text so far the probability that something is wrong with it."""
        ...

    def follow(self, index: int, parents: Sequence[int]) -> None:
        """Text i of this problem goes on from what text `parents[i]` was."""
        ...


@dataclass
class Beam:
    """A solution so far.

    Attributes:
        tokens: generated.
        steps: the scores of its sentences.
        row: of its unit; None once it is finished.
    """

    tokens: list[int]
    steps: list[float]
    row: int | None


class StepBeamDecoder(Decoder):
    """See the module.

    Args:
        detector: is asked at the end of each sentence.
        stop: token that ends a sentence.
        width: sentences that are drawn for each beam; beams / width are kept.
        combine: from the scores of steps to that of a beam.
        draw: how tokens are drawn.
        options: of `Decoder`.
    """

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        detector: StepVerifier,
        stop: int,
        width: int,
        combine: Callable[[Sequence[float]], float],
        draw: Draw = sample,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, **options)
        self.detector: Any = detector
        self.stop, self.width, self.combine, self.draw = stop, width, combine, draw
        self.kept = engine.beams // width
        self.beams: dict[int, list[Beam]] = {}
        rows = engine.all_rows
        self.place = torch.zeros(rows, dtype=torch.int64, device=engine.device)
        """Of each row, the position of its last token."""
        self.running = torch.zeros(rows, dtype=torch.bool, device=engine.device)
        self.turn = torch.zeros(rows, dtype=torch.int64, device=engine.device)
        """Names each row's random numbers: no two rows of a problem and no two rounds of a row share them."""
        self.generated = torch.zeros_like(self.length)

    def _rows(self, numbers: Tensor) -> Tensor:
        """The rows of units [N]: [N * beams]."""
        beams = self.engine.beams
        return (numbers[:, None] * beams + torch.arange(beams, device=numbers.device)).flatten()

    def start(self, numbers: Tensor) -> None:
        """The prompt is read once, by the model and by the verifier."""
        rows, beams = self._rows(numbers), self.engine.beams
        self.engine.cache.copy(rows.view(-1, beams)[:, :1].expand(-1, beams).flatten(), rows)
        self.place[rows] = self.length[numbers].repeat_interleave(beams)
        self.running[rows] = True
        self.turn[rows] = torch.arange(beams, device=rows.device).repeat(len(numbers))
        self.generated[numbers] = 0
        questions = []
        for number in numbers.tolist():
            request = self.occupied[number].request
            self.beams[number] = [Beam([], [], row) for row in range(beams)]
            questions.append(Question(request.index, request.handle, request.prompt, [], 0))
        self.detector.probabilities(questions)
        for question in questions:
            self.detector.follow(question.index, [0] * beams)

    def step(self, numbers: Tensor, longest: int) -> None:
        rows, beams = self._rows(numbers), self.engine.beams
        position, running = self.place[rows], self.running[rows]
        batch = Batch(rows, position, longest, 1, position + 1, self.engine.source)
        logits = self.engine.logits(self.tokens[rows, position], batch)
        key, limit = (of[numbers].repeat_interleave(beams) for of in (self.key, self.limit))
        next_position = position + 1
        choice = self.draw(logits, uniforms(key, self.turn[rows], next_position))
        self.tokens[rows, next_position] = torch.where(running, choice, self.tokens[rows, next_position])
        self.place[rows] = position + running
        self.generated[numbers] += running.view(-1, beams).sum(1)
        running = running & (choice != self.end) & (choice != self.stop) & (position + 2 < limit)
        self.running[rows] = running
        self.active[numbers] = running.view(-1, beams).any(1)
        self.length[numbers] = self.place[rows].view(-1, beams).amax(1)

    @torch.inference_mode()
    def inspect(self, numbers: list[int]) -> list[tuple[int, Generation]]:
        """See `Decoder`; where all rows of a unit have ended their sentence, the best are continued."""
        where = self._tensor(numbers)
        lengths, active = torch.stack((self.length[where], self.active[where].long())).tolist()
        for number, length in zip(numbers, lengths, strict=True):
            self.occupied[number].length = length
        waiting = [number for number, still in zip(numbers, active, strict=True) if not still]
        self._score(waiting)
        finished = []
        for number in waiting:
            best = sorted(self.beams[number], key=lambda beam: -self.combine(beam.steps))[: self.kept]
            if all(beam.row is None for beam in best):
                self.beams[number] = best
                finished.append((number, self.result(number)))
            else:
                self._go_on(number, best)
        return finished

    def _score(self, numbers: list[int]) -> None:
        """Ask about what the rows of these units have drawn."""
        questions, asked = [], []
        for number in numbers:
            unit = self.occupied[number]
            request, first = unit.request, number * self.engine.beams
            start = len(request.prompt)
            places = self.place[first : first + self.engine.beams].tolist()
            for beam in self.beams[number]:
                if beam.row is not None:
                    beam.tokens = self.tokens[first + beam.row, start : places[beam.row] + 1].tolist()
                    questions.append(Question(request.index, request.handle, request.prompt, beam.tokens, beam.row))
                    asked.append((beam, places[beam.row] + 1 >= unit.limit))
        answers = self.detector.probabilities(questions) if questions else []
        for (beam, full), wrong in zip(asked, answers, strict=True):
            beam.steps = [*beam.steps, 1.0 - wrong]
            if full or beam.tokens[-1] == self.end:
                beam.row = None

    def _go_on(self, number: int, best: list[Beam]) -> None:
        """Draw the next sentences of the beams that are kept."""
        live = [beam for beam in best if beam.row is not None]
        parents = [beam.row or 0 for beam in live for _ in range(self.width)]
        first = number * self.engine.beams
        source, rows = self._tensor(parents) + first, torch.arange(len(parents), device=self.engine.device) + first
        self.engine.cache.copy(source, rows)
        self.tokens[rows], self.place[rows] = self.tokens[source], self.place[source]
        self.running[rows] = True
        self.turn[first : first + self.engine.beams] += self.engine.beams
        self.active[number] = True
        self.length[number] = self.place[rows].amax()
        self.occupied[number].length = int(self.length[number])
        self.detector.follow(self.occupied[number].request.index, parents)
        children = [Beam(beam.tokens, beam.steps, 0) for beam in live for _ in range(self.width)]
        for row, child in enumerate(children):
            child.row = row
        self.beams[number] = [beam for beam in best if beam.row is None] + children

    def result(self, number: int) -> Generation:
        """The best of the finished beams that were kept."""
        best = self.beams.pop(number)[0]
        unit = self.occupied[number]
        return Generation(
            unit.request.index,
            best.tokens,
            finished=best.tokens[-1] == self.end,
            n_generated=int(self.generated[number]),
            score=self.combine(best.steps),
        )
