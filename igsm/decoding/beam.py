"""Beam search and beam-search multinomial sampling with the semantics of transformers' `generate`.

As there (`num_beams`, `do_sample`, `early_stopping=False`): from the scores (sums of log-probabilities) of all
continuations of all beams, 2 * num_beams candidates are taken: the best ones, or a sample without replacement with
softmax weights; either way the best comes first. Those that end and are among the first num_beams candidates compete,
by score / generated_length ** length_penalty, for the num_beams finished hypotheses; the best num_beams others go on. A
problem is finished when its best running beam, at its present length, cannot beat its worst hypothesis.

No cache is copied: the token of beam b at a position stays in row b, with its parent's number; `source` says for each
beam in whose row each position's keys and values lie. All beams read the prompt from the first row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.engine import Engine
from igsm.decoding.loop import Decoder, Generation
from igsm.decoding.rows import most_probable
from igsm.decoding.streams import gumbel
from igsm.errors import InputError

NEVER = -1e9
"""Score of what must not be chosen; transformers' value, so that ties between impossible ones fall alike."""


class BeamDecoder(Decoder):
    """Beam search; the engine must have been made with `beams`.

    Args:
        sampling: draw the candidates (beam-search multinomial sampling) instead of taking the best.
        length_penalty: exponent of the length in a hypothesis' score.
        temperature, top_k: applied to each beam's log-probabilities, as transformers does.
        options: of `Decoder`.
    """

    def __init__(
        self,
        engine: Engine,
        end: int,
        *,
        sampling: bool = False,
        length_penalty: float = 1.0,
        temperature: float = 1.0,
        top_k: int = 0,
        **options: Any,
    ) -> None:
        if not 2 <= engine.beams <= 256:
            raise InputError(f"beam search takes 2 to 256 beams, not {engine.beams}")
        super().__init__(engine, end, **options)
        self.always_sample = self.may_sample = sampling
        self.may_retry = False
        self.length_penalty, self.temperature, self.top_k = length_penalty, temperature, top_k
        device, beams, size = engine.device, engine.beams, self.n_units + 1
        self.beam = torch.arange(beams, device=device)
        # Of each running beam: its score, and its parent at every position (both in the row of the beam).
        self.score = torch.zeros(engine.all_rows, engine.context + 1, device=device)
        self.parent = torch.zeros(engine.all_rows, engine.context + 1, dtype=torch.uint8, device=device)
        # Units that regenerate a sentence (retry upon regret): one path is sampled, the other beams are out.
        self.single = torch.zeros(size, dtype=torch.bool, device=device)
        self.prompt = torch.zeros(size, dtype=torch.int64, device=device)
        self.steps = torch.zeros(size, dtype=torch.int64, device=device)
        # Finished hypotheses, best first: score, whether there is one, parent of the last token, last token, length.
        self.final_score = torch.zeros(size, beams, device=device)
        self.final = torch.zeros(size, beams, 4, dtype=torch.int64, device=device)

    def start(self, numbers: Tensor) -> None:
        self.prompt[numbers] = self.length[numbers] + 1
        self.steps[numbers] = 0
        self.final_score[numbers] = NEVER
        self.final[numbers] = 0
        self._collapse(numbers, torch.zeros(len(numbers), device=self.engine.device))

    def _collapse(self, numbers: Tensor, score: Tensor) -> None:
        """All beams become one: the first has `score`, the others cannot be chosen."""
        rows = self._rows(numbers)
        last = self.length[numbers][:, None]
        self.score[rows, last] = NEVER
        self.score[rows[:, :1], last] = score[:, None]

    def _rows(self, numbers: Tensor) -> Tensor:
        return numbers[:, None] * self.engine.beams + self.beam

    def step(self, numbers: Tensor, longest: int) -> None:
        beams, rows = self.engine.beams, self._rows(numbers)
        position, active = self.length[numbers], self.active[numbers]
        logits = self._log_probabilities(numbers, rows, position, longest)
        total = (logits + self.score[rows, position[:, None]][..., None]).flatten(1)
        size = total.shape[1] // beams
        order = total
        if self.may_sample:
            noise = gumbel(self.key[numbers], self.attempt[numbers], position + 1, total.shape[1])
            order = total + noise * (self.single[numbers] | self.always_sample)[:, None]
        candidates = order.topk(2 * beams).indices
        score = total.gather(1, candidates)
        lost = self.single[numbers][:, None] & (torch.arange(2 * beams, device=score.device) > 0)
        if self.may_retry:
            score = score.masked_fill(lost, NEVER)
        if self.may_sample:
            score, candidates = self._best_first(score, candidates)
        parent, token = candidates // size, candidates % size

        count = position + 2  # tokens with the new one
        ends = (token == self.end) | (count >= self.limit[numbers])[:, None]
        running_score, chosen = (score + ends * NEVER).topk(beams)
        next_parent, next_token = parent.gather(1, chosen), token.gather(1, chosen)
        self._finish(numbers, active, score, parent, token, ends & ~lost, count)

        # Running beams: new tokens and parents in place; only the table of sources is reordered.
        next_parent = torch.where(active[:, None], next_parent, self.beam)
        place = (position + 1)[:, None]
        keep = ~active[:, None]
        self.tokens[rows, place] = torch.where(keep, self.tokens[rows, place], next_token)
        self.parent[rows, place] = torch.where(keep, self.parent[rows, place], next_parent.byte())
        self.score[rows, place] = torch.where(keep, self.score[rows, place], running_score)
        source = self.engine.source
        source[rows, :longest] = source[numbers[:, None] * beams + next_parent, :longest]

        self.length[numbers] = position + active
        self.steps[numbers] = self.steps[numbers] + active
        stopped = ends.all(1) | (ends[:, 0] & self.single[numbers])
        self.active[numbers] = active & self._improvable(numbers, running_score[:, 0], count) & ~stopped

    @staticmethod
    def _best_first(score: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Candidates as drawn -> by score. One path sampled alone stays first: the others can no longer be chosen."""
        score, order = score.sort(descending=True, stable=True)
        return score, candidates.gather(1, order)

    def _log_probabilities(self, numbers: Tensor, rows: Tensor, position: Tensor, longest: int) -> Tensor:
        beams = self.engine.beams
        source, flat = self.engine.source, rows.flatten()
        source[rows, position[:, None]] = self.beam.byte()  # the position being fed: each beam's own row
        batch = Batch(
            flat,
            position[:, None].expand_as(rows).flatten(),
            longest,
            beams,
            # The last token of the prompt is not prefilled but fed: every beam has it in its own row.
            (self.prompt[numbers] - 1)[:, None].expand_as(rows).flatten(),
            source,
        )
        ids = self.tokens[rows, position[:, None]].flatten()
        logits = self.engine.logits(ids, batch).log_softmax(-1)
        if self.may_sample:
            logits = most_probable(logits / self.temperature, self.top_k)
        return logits.view(len(numbers), beams, -1)

    def _finish(
        self, numbers: Tensor, active: Tensor, score: Tensor, parent: Tensor, token: Tensor, ends: Tensor, count: Tensor
    ) -> None:
        """Let the first `beams` candidates that end compete with the finished hypotheses."""
        beams = self.engine.beams
        ended = ends & (torch.arange(2 * beams, device=ends.device) < beams) & active[:, None]
        new_score = self._per_length(numbers[:, None], score, count[:, None]) + ~ended * NEVER
        columns = (ended.long(), parent, token, count[:, None].expand_as(token))
        merged_score = torch.cat((self.final_score[numbers], new_score), 1)
        merged = torch.cat((self.final[numbers], torch.stack(columns, -1)), 1)
        best, chosen = merged_score.topk(beams)
        self.final_score[numbers] = torch.where(active[:, None], best, self.final_score[numbers])
        taken = merged.gather(1, chosen[..., None].expand(-1, -1, 4))
        self.final[numbers] = torch.where(active[:, None, None], taken, self.final[numbers])

    def _improvable(self, numbers: Tensor, best_running: Tensor, count: Tensor) -> Tensor:
        worst = self.final_score[numbers].min(1).values
        all_finished = self.final[numbers][..., 0].all(1)
        return ~all_finished | (self._per_length(numbers, best_running, count) > worst)

    def _per_length(self, numbers: Tensor, score: Tensor, count: Tensor) -> Tensor:
        """The scores by which hypotheses compete, of sums of log-probabilities at `count` tokens, prompt included."""
        return score / (count - self.prompt[numbers]).to(torch.float32) ** self.length_penalty

    # ---------------------------------------------------------------- results

    def result(self, number: int) -> Generation:
        """The best finished hypothesis of a unit."""
        unit = self.occupied[number]
        tokens, _ = self.hypothesis(number, 0)
        return Generation(
            unit.request.index,
            tokens,
            finished=tokens[-1] == self.end,
            rollbacks=unit.rollbacks,
            n_generated=self.engine.beams * int(self.steps[number]),
            score=float(self.final_score[number, 0]),
        )

    def hypothesis(self, number: int, place: int) -> tuple[list[int], list[int]]:
        """A finished hypothesis: its generated tokens, and the beams that hold all but the last."""
        _, parent, token, count = self.final[number, place].tolist()
        tokens, holders = self.trace(number, parent, count - 2)
        return [*tokens, token], holders

    def trace(self, number: int, beam: int, position: int) -> tuple[list[int], list[int]]:
        """Follow a beam back from a position to the prompt: its generated tokens and the beams that hold them."""
        beams, start = self.engine.beams, len(self.occupied[number].request.prompt)
        rows = slice(number * beams, (number + 1) * beams)
        tokens = self.tokens[rows, start : position + 1].tolist()
        parents = self.parent[rows, start : position + 1].tolist()
        path, holders = [], []
        for place in range(position - start, -1, -1):
            path.append(tokens[beam][place])
            holders.append(beam)
            beam = parents[beam][place]
        return path[::-1], holders[::-1]
