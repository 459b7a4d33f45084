"""Retry upon regret (Part 2.2 section 3): go back to the end of the previous sentence and sample on.

After each generated "Define A's B as" the detector is asked. If it regrets, the row's length is set back to the end of
the previous sentence, and that sentence is generated anew by sampling; after it the decoder is greedy
again. Nothing is copied or recomputed. After `max_rollbacks` sentences rolled back nobody is asked any more.

The row does not wait for the answer: what it generated meanwhile is dropped on regret. The random numbers depend on
(problem, retry, position), so the result is the same however late the answer comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from igsm.decoding.detectors import Detector, Question
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Generation, Unit
from igsm.decoding.rows import RowDecoder
from igsm.decoding.sentences import Markers, next_question, sentence_start


class RegretDecoder(RowDecoder):
    """Greedy decoding with retry upon regret.

    Args:
        detector: is asked after each "Define A's B as".
        markers: token ids of the sentences' structure.
        max_rollbacks: most sentences rolled back in one solution.
        options: of `RowDecoder`, of the sentences that are generated anew.
    """

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        detector: Detector,
        markers: Markers,
        max_rollbacks: int = 10,
        **options: Any,
    ) -> None:
        super().__init__(engine, end, **options)
        self.may_sample = True
        self.stop_sampling_at = markers.sentence_end
        self.detector, self.markers, self.max_rollbacks = detector, markers, max_rollbacks

    @torch.inference_mode()
    def inspect(self, numbers: list[int]) -> list[tuple[int, Generation]]:
        active = self._fetch(numbers)
        rolled_back = ask_until_quiet(
            {number: self.occupied[number] for number in numbers}, self._next_question, self._roll_back, self.detector
        )
        if rolled_back:
            where = self._tensor(list(rolled_back))
            self.length[where] = self._tensor([self.occupied[number].length for number in rolled_back])
            self.attempt[where] += 1
            self.sampling[where] = True
            self.active[where] = True
        finished = []
        for number, still_active in zip(numbers, active, strict=True):
            if not still_active and number not in rolled_back:
                finished.append((number, self.result(number)))
        return finished

    def _fetch(self, numbers: list[int]) -> list[int]:
        """Bring the new tokens to the host; return for each unit whether it goes on."""
        where = self._tensor(numbers)
        units = [self.occupied[number] for number in numbers]
        starts = [len(unit.request.prompt) + len(unit.known) for unit in units]
        window = self._tensor(starts)[:, None] + torch.arange(self.sync_every, device=self.engine.device)
        new = self.tokens[where[:, None], window.clamp_max(self.engine.context)]
        lengths, active, *columns = torch.cat(
            (self.length[where][None], self.active[where].long()[None], new.T)
        ).tolist()
        for i, unit in enumerate(units):
            count = lengths[i] + 1 - starts[i]
            unit.known.extend(columns[j][i] for j in range(count))
            unit.length = lengths[i]
        return active

    def _next_question(self, unit: Unit) -> int | None:
        if unit.rollbacks >= self.max_rollbacks:
            return None
        return next_question(unit.known, unit.asked, self.markers)

    def _roll_back(self, unit: Unit, place: int) -> None:
        keep = sentence_start(unit.known, place - 1, self.markers)
        unit.rolled_back_tokens += place - keep
        unit.rollbacks += 1
        unit.asked = keep
        del unit.known[keep:]
        unit.length = len(unit.request.prompt) + keep - 1


def ask_until_quiet(
    units: dict[int, Unit],
    find: Callable[[Unit], int | None],
    roll_back: Callable[[Unit, int], None],
    detector: Detector,
) -> set[int]:
    """Ask for each unit's open questions in order, all units at once, until one is regretted or none is left.

    Returns:
        The units whose last sentence was rolled back.
    """
    rolled_back: set[int] = set()
    open_units = dict(units)
    while open_units:
        places = {number: find(unit) for number, unit in open_units.items()}
        open_units = {number: unit for number, unit in open_units.items() if places[number] is not None}
        questions = [
            Question(u.request.index, u.request.handle, u.request.prompt, u.known[: places[n]], u.request.key)
            for n, u in open_units.items()
        ]
        answers = detector.regrets(questions) if questions else []
        for number, regretted in zip(list(open_units), answers, strict=True):
            place = places[number]
            assert place is not None
            if regretted:
                roll_back(open_units.pop(number), place)
                rolled_back.add(number)
            else:
                open_units[number].asked = place
    return rolled_back
