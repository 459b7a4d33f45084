"""Random weights that write right solutions: their choices are overruled, all their work is done.

Lengths then differ as in an evaluation, and retry upon regret asks its detector as often as of a trained model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from igsm.corpus.vocabulary import ANSWER_START, END, Vocabulary
from igsm.decoding.loop import Decoder
from igsm.decoding.run import Decoding
from igsm.mistakes.document import Document


def solution_ids(document: Document, vocabulary: Vocabulary) -> list[int]:
    """A model's ids of solution, answer and the end."""
    solution, answer = (
        vocabulary.encode_fragments(document.codes[part])
        for part in (slice(document.problem_end, document.solution_end), slice(document.solution_end, None))
    )
    ids: list[int] = vocabulary.from_gpt2[np.concatenate((solution, [ANSWER_START], answer, [END]))].tolist()
    return ids


class ScriptedDecoding(Decoding):
    """As `Decoding`, for decoders of one row a problem: each problem's continuation is the one given for its index."""

    scripts: Mapping[int, list[int]]

    def _worker(self, number: int, requests: int, context: int) -> Decoder:
        known = self._workers.get(number)
        worker = super()._worker(number, requests, context)
        if known is None or known[0] is not worker:
            follow(worker, self.scripts)
        return worker

    def close(self) -> None:
        for worker, _ in self._workers.values():
            del worker.start, worker.step  # else they and the worker keep each other, and its cache, alive
        super().close()


def follow(decoder: Decoder, scripts: Mapping[int, list[int]]) -> None:
    """Make a decoder write, after each step of its own, what the problem's script says instead."""
    script = torch.zeros_like(decoder.tokens)
    start, step = decoder.start, decoder.step

    def scripted_start(numbers: Tensor) -> None:
        start(numbers)
        for number in numbers.tolist():
            request = decoder.occupied[number].request
            ids = scripts[request.index]
            begin = len(request.prompt)
            script[number, begin : begin + len(ids)] = torch.tensor(ids, device=script.device)

    def scripted_step(numbers: Tensor, longest: int) -> None:
        active, position = decoder.active[numbers], decoder.length[numbers] + 1
        step(numbers, longest)
        token = torch.where(active, script[numbers, position], decoder.tokens[numbers, position])
        decoder.tokens[numbers, position] = token
        decoder.active[numbers] = active & (token != decoder.end) & (position + 1 < decoder.limit[numbers])

    decoder.start, decoder.step = scripted_start, scripted_step  # type: ignore[method-assign]
