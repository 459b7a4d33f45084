"""Step beams equal a slow version that keeps no cache: guards the copying of rows, their streams and the choice."""

from __future__ import annotations

import hashlib

import pytest
import torch

from igsm.decoding.engine import Engine
from igsm.decoding.loop import Request
from igsm.decoding.rows import sample
from igsm.decoding.step_beam import StepBeamDecoder
from igsm.decoding.streams import uniforms
from igsm.decoding.verifiers import COMBINED
from tests.decoding.conftest import END

STOP, CONTEXT = 7, 26


class Hashed:
    """Scores that depend on the whole text and nothing else."""

    def __init__(self) -> None:
        self.read_of: dict[int, int] = {}

    def probabilities(self, questions):
        for question in questions:
            self.read_of[question.index] = self.read_of.get(question.index, 0) + 1
        return [wrong([*question.prompt, *question.tokens]) for question in questions]

    def forget(self, index):
        return self.read_of.pop(index)

    def follow(self, index, parents):
        pass


def wrong(text: list[int]) -> float:
    return hashlib.blake2b(bytes(text), digest_size=1).digest()[0] / 256


@torch.no_grad()
def slowly(model, request: Request, beams: int, combine) -> tuple[list[int], int]:
    """Tokens and how many were generated."""
    prompt, width = list(request.prompt), min(4, beams)
    rows = [(prompt, [])] * beams
    finished, generated, round_ = [], 0, 0
    while True:
        found = list(finished)
        for number, (text, steps) in enumerate(rows):
            text = list(text)
            while True:
                logits = model(torch.tensor([text]))[:, -1]
                key, turn, place = (torch.tensor([x]) for x in (request.key, round_ * beams + number, len(text)))
                text.append(int(sample(logits, uniforms(key, turn, place))))
                generated += 1
                if text[-1] in (END, STOP) or len(text) >= CONTEXT:
                    break
            done = text[-1] == END or len(text) >= CONTEXT
            found.append((text, [*steps, 1 - wrong(text)], done))
        best = sorted(found, key=lambda one: -combine(one[1]))[: beams // width]
        if all(one[2] for one in best):
            return best[0][0][len(prompt) :], generated
        finished = [one for one in best if one[2]]
        rows = [one[:2] for one in best if not one[2] for _ in range(width)]
        round_ += 1


@pytest.mark.parametrize(("beams", "combine"), [(2, "prod"), (4, "prod"), (8, "min")])
def test_step_beams_equal_a_search_without_a_cache(any_model, requests, beams, combine):
    some = requests[4:9]
    options = {"detector": Hashed(), "stop": STOP, "width": min(4, beams), "combine": COMBINED[combine]}
    decoder = StepBeamDecoder(Engine(any_model, 3 * beams, CONTEXT, beams=beams), END, **options)
    found = {one.index: one for one in decoder.run(some)}
    expected = {request.index: slowly(any_model, request, beams, COMBINED[combine]) for request in some}
    assert {index: (one.tokens, one.n_generated) for index, one in found.items()} == expected
    assert len({tuple(tokens) for tokens, _ in expected.values()}) > 3, "the test shows little"
    assert any(STOP in tokens[:-1] for tokens, _ in expected.values()), "no solution had several sentences"
    for one in found.values():
        assert one.n_prefix == len(requests[one.index].prompt)
        assert one.n_verified > 1
