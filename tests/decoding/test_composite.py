"""Two models of different shapes, taken together, decode as one: what they must remember is theirs to say."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import pytest
import torch
from torch import Tensor, nn

from igsm.decoding.batch import Batch
from igsm.decoding.beam import BeamDecoder
from igsm.decoding.engine import Engine, prepare
from igsm.decoding.regret import RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder
from igsm.model import GPT
from igsm.model.contract import Memory, Part
from tests.decoding.conftest import END, sharp_model
from tests.decoding.test_regret import Rule, frequent
from tests.decoding.test_rows import by_full_forward

CONTEXT = 48
Mix = Callable[[Tensor, Tensor], Tensor]


class Together(nn.Module):
    """Two models of one vocabulary; `mix` makes one row of logits of theirs."""

    def __init__(self, models: list[GPT], mix: Mix) -> None:
        super().__init__()
        self.models, self.mix = nn.ModuleList(models), mix
        self.slots = (*models[0].slots, *models[1].slots)

    def hidden(self, ids: Tensor, *, positions: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        firsts = (0, len(self.models[0].slots))
        memories = [None if memory is None else Part(memory, first) for first in firsts]
        pairs = zip(self.models, memories, strict=True)
        return torch.cat([model.hidden(ids, positions=positions, memory=own) for model, own in pairs], -1)

    def head(self, states: Tensor) -> Tensor:
        own = states.split([model.config.width for model in self.models], -1)
        return self.mix(*(model.head(part) for model, part in zip(self.models, own, strict=True)))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.hidden(ids))

    def for_decoding(self, dtype: torch.dtype) -> Together:
        return Together([model.for_decoding(dtype) for model in self.models], self.mix)


def mean_of_probabilities(one: Tensor, other: Tensor) -> Tensor:
    return ((one.softmax(-1) + other.softmax(-1)) / 2).log()


def sum_of_logits(one: Tensor, other: Tensor) -> Tensor:
    return one + 0.5 * other


@pytest.fixture(scope="module", params=[mean_of_probabilities, sum_of_logits])
def both(request: pytest.FixtureRequest) -> Together:
    return Together([sharp_model(8), sharp_model(3, "AC", layers=3, heads=3, head_size=12)], request.param)


def test_greedy_is_the_argmax_of_full_forward_passes(both, requests):
    """Guards two models that share a layer's cache, and sizes taken from one of them."""
    decoder = RowDecoder(Engine(prepare(both, "cpu", "fp32"), 5, CONTEXT), END)
    found = {g.index: g.tokens for g in decoder.run(requests)}
    assert found == {r.index: by_full_forward(both, r.prompt) for r in requests}
    assert len(found) == 23


def fed(decoder, batch: Batch, entry: int) -> list[int]:
    """The tokens that a batch entry has been fed: its prompt, and of each later position what the beam's path holds."""
    row, beams = int(batch.rows[entry]), decoder.engine.beams
    prompt = list(decoder.occupied[row // beams].request.prompt)
    places = range(len(prompt), int(batch.position[entry]) + 1)
    first = row - row % beams
    holders = [row if beams == 1 else first + int(batch.source[row, place]) for place in places]
    return prompt + [int(decoder.tokens[holder, place]) for holder, place in zip(holders, places, strict=True)]


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-3), ("bf16", 1.0)])
@pytest.mark.parametrize("kind", [RowDecoder, BeamDecoder, RegretDecoder, RegretBeamDecoder])
def test_every_step_has_the_logits_of_a_full_forward_pass(both, requests, monkeypatch, kind, precision, most):
    """Guards both models' memories under beams and going back, and the sharpness of both heads.

    What is chosen in bfloat16 hangs on the last bits, so logits are compared, of the text that was chosen.
    """
    beams, options = (4, {}) if "Beam" in kind.__name__ else (1, {})
    if "Regret" in kind.__name__:
        options = {"detector": Rule(lambda tokens: sum(tokens) % 4 != 0), "markers": frequent(both, requests)}
    ready = prepare(both, "cpu", precision)
    decoder = kind(Engine(ready, 4 * beams, CONTEXT, beams=beams), END, **options)
    errors, rounded, logits = [], [], Engine.logits

    def compared(engine, ids, batch):
        found = logits(engine, ids, batch)
        rounded.append(torch.equal(found, found.bfloat16().float()))
        for entry, row in enumerate(batch.rows.tolist()):
            if decoder.active[row // beams]:
                expected = ready(torch.tensor([fed(decoder, batch, entry)]))[0, -1].log_softmax(-1)
                difference = found[entry].log_softmax(-1) - expected
                errors.append(float(difference[expected > -10].abs().max()))
        return found

    monkeypatch.setattr(Engine, "logits", compared)
    found = list(decoder.run(requests[: 23 if beams == 1 else 9]))
    if options:
        assert sum(generation.rollbacks for generation in found) > 5, "no regret: the test shows nothing"
    assert max(errors) < most
    assert median(errors) < most / 10
    assert not any(rounded), "logits in bfloat16: the best ones often tie"
