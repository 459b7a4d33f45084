"""Decoding with a Copilot: the Pilot alone where nothing is added, and what full passes say where something is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from igsm.decoding.beam import BeamDecoder
from igsm.decoding.engine import Engine, prepare
from igsm.decoding.fusion import Fused, Mean, fused
from igsm.decoding.loop import Request
from igsm.decoding.regret import RegretDecoder
from igsm.decoding.rows import RowDecoder
from igsm.decoding.streams import problem_key
from igsm.errors import InputError
from igsm.model import GPT
from igsm.model.config import CopilotConfig
from igsm.model.copilot import Copilot, sources
from igsm.model.sight import parts_of
from tests.decoding.conftest import END, sharp_model
from tests.decoding.test_composite import fed
from tests.decoding.test_regret import Rule, frequent

START, CONTEXT, V = 7, 40, 24
KINDS = {"greedy": (RowDecoder, 1, {}), "sample": (RowDecoder, 1, {"sampling": True})}
KINDS |= {"beam": (BeamDecoder, 4, {"sampling": True}), "search": (BeamDecoder, 4, {})}


def with_copilot(pilot: GPT, weight: float, fuse: Any = "probability", silent: bool = False, **settings: Any) -> Fused:
    torch.manual_seed(5)
    copilot = Copilot(CopilotConfig(**({"layers": 4, "heads": 3, "head_size": 8} | settings)), pilot.config).eval()
    with torch.no_grad():
        for parameter in copilot.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.25)
        copilot.output.weight.mul_(0.0 if silent else 0.5)
    return Fused(pilot, copilot, START, weight, fuse)


@pytest.fixture(scope="module", params=["none", "AC"])
def pilot(request: pytest.FixtureRequest) -> GPT:
    return sharp_model({"none": 8, "AC": 3}[request.param], request.param)


@pytest.fixture(scope="module")
def prompts() -> list[Request]:
    """Prompts of many lengths that end with the mark before the solution."""
    generator = torch.Generator().manual_seed(5)
    made = []
    for index in range(14):
        problem = torch.randint(8, V, ((index * 5) % 11,), generator=generator).tolist()
        made.append(Request(index, [END, *problem, START], problem_key(1, index)))
    return made


def decoded(model: Any, prompts: list[Request], kind: str, rows: int = 3) -> dict[int, list[int]]:
    make, beams, options = KINDS[kind]
    decoder = make(Engine(prepare(model, "cpu", "fp32"), rows * beams, CONTEXT, beams=beams), END, **options)
    return {one.index: one.tokens for one in decoder.run(prompts)}


@pytest.mark.parametrize("fuse", ["probability", "logit"])
@pytest.mark.parametrize("kind", KINDS)
def test_without_weight_or_output_it_is_the_pilot_bit_for_bit(pilot, prompts, monkeypatch, kind, fuse):
    """Guards: logits that went through softmax and log, and a Copilot that stands in the Pilot's cache."""
    logits, seen = Engine.logits, []

    def noted(engine, ids, batch):
        seen[-1].append(logits(engine, ids, batch))
        return seen[-1][-1]

    monkeypatch.setattr(Engine, "logits", noted)
    models = [pilot, with_copilot(pilot, 0.0, fuse), with_copilot(pilot, 1.0, fuse, silent=True)]
    found = []
    for model in models:
        seen.append([])
        found.append(decoded(model, prompts, kind))
    assert found[0] == found[1] == found[2]
    for other in seen[1:]:
        assert len(other) == len(seen[0])
        assert all(torch.equal(one, two) for one, two in zip(seen[0], other, strict=True))
    monkeypatch.undo()
    assert decoded(with_copilot(pilot, 1.0, fuse), prompts, kind) != found[0], "a Copilot that changes nothing"


@torch.no_grad()
def by_full_passes(model: Fused, tokens: list[int]) -> torch.Tensor:
    """Logits after `tokens`: whole passes of both models, the Copilot fed what it said itself."""
    ids = torch.tensor([tokens])
    parts = parts_of(ids, END, START)
    seen: list[torch.Tensor] = []
    logits = model.pilot.head(model.pilot.hidden(ids, seen=seen))
    source = sources(seen[0], seen[1:], parts.answering)
    errors = torch.zeros(1, len(tokens), V)
    for place in range(tokens.index(START), len(tokens)):
        errors[:, place] = model.copilot(errors, source, parts)[:, place]
    return fused(logits[0, -1], errors[0, -1], model.weight, model.fuse)


@pytest.mark.parametrize(
    ("kind", "fuse", "settings"),
    [
        ("row", "probability", {}),
        ("row", "probability", {"errors": "zero"}),
        ("beam", "logit", {"rotary": True}),
        ("beam", "probability", {}),
        ("regret", "probability", {}),
    ],
    ids=str,
)
def test_every_step_has_the_logits_of_full_passes(pilot, prompts, monkeypatch, kind, fuse, settings):
    """Guards what is fed under beams and after going back, keys of the problem that are seen, and stale rows."""
    model = with_copilot(pilot, 0.7, fuse, **settings)
    make, beams = {"row": (RowDecoder, 1), "beam": (BeamDecoder, 4), "regret": (RegretDecoder, 1)}[kind]
    options: dict[str, Any] = {"sampling": True} if kind == "row" else {}
    if kind == "regret":
        rule = Rule(lambda tokens: sum(tokens) % 4 != 0)
        options = {"detector": rule, "markers": frequent(pilot, prompts), "max_rollbacks": 3}
    decoder = make(Engine(prepare(model, "cpu", "fp32"), 3 * beams, CONTEXT, beams=beams), END, **options)
    logits, calls, errors = Engine.logits, [], []

    def compared(engine, ids, batch):
        found = logits(engine, ids, batch)
        calls.append(1)
        for entry, row in enumerate(batch.rows.tolist()):
            if decoder.active[row // beams] and (len(calls) % 5 == 0 or kind == "regret") and len(errors) < 60:
                expected = by_full_passes(model, fed(decoder, batch, entry)).softmax(-1)
                errors.append(float((found[entry].softmax(-1) - expected).abs().max()))
        return found

    monkeypatch.setattr(Engine, "logits", compared)
    found = list(decoder.run(prompts[:8]))
    if kind == "regret":
        assert sum(one.rollbacks for one in found) > 2, "no regret: the test shows nothing"
    assert len(errors) > 30
    assert max(errors) < 1e-4


def test_bfloat16_keeps_logits_apart(pilot, prompts):
    """Guards: errors that are rounded on their way to the head, so that best tokens tie."""
    model = with_copilot(pilot, 0.7)
    engine = Engine(prepare(model, "cpu", "bf16"), 3, CONTEXT)
    rounded, logits = [], engine.logits
    engine.logits = lambda *arguments: rounded.append(logits(*arguments)) or rounded[-1]  # type: ignore[method-assign, func-returns-value]
    list(RowDecoder(engine, END).run(prompts))
    assert not any(torch.equal(found, found.bfloat16().float()) for found in rounded)


def test_fusing_by_hand():
    """Guards: the sign, and probabilities below 0, which sampling must not meet."""
    logits, errors = torch.tensor([0.5, 0.3, 0.2]).log() + 2.0, torch.tensor([0.0, 0.4, -0.4])
    found = fused(logits, errors, 1.0, "probability")
    torch.testing.assert_close(found.softmax(-1), torch.tensor([0.5, 0.7, 0.0]) / 1.2)
    assert found.isfinite().all()
    assert found[0] == logits[0]
    torch.testing.assert_close(fused(logits, errors, 0.5, "probability").softmax(-1), torch.tensor([0.5, 0.5, 0.0]))
    torch.testing.assert_close(fused(logits, errors, 2.0, "logit"), logits + 2.0 * errors)


def test_a_prompt_with_a_part_of_its_solution_is_refused(pilot):
    request = Request(0, [END, 9, START, 10, 11], problem_key(1, 0))
    decoder = RowDecoder(Engine(prepare(with_copilot(pilot, 1.0), "cpu", "fp32"), 1, CONTEXT), END)
    with pytest.raises(InputError, match="end where the solution begins"):
        list(decoder.run([request]))


def test_before_the_solution_the_pilot_speaks_alone(pilot):
    """Guards a Copilot that answers where it was never trained: a prompt without the mark."""
    request = Request(0, [END, 9, 10], problem_key(1, 0))
    for kind in ("greedy", "beam"):
        assert decoded(with_copilot(sharp_model(8), 0.0), [request], kind) == decoded(sharp_model(8), [request], kind)
    logits = []
    engine = Engine(prepare(with_copilot(pilot, 1.0), "cpu", "fp32"), 1, CONTEXT)
    alone = Engine(prepare(pilot, "cpu", "fp32"), 1, CONTEXT)
    for one in (engine, alone):
        decoder = RowDecoder(one, END)
        function = one.logits
        one.logits = lambda *arguments, function=function: logits.append(function(*arguments)) or logits[-1]  # type: ignore[method-assign]
        list(decoder.run([replace(request, max_new_tokens=1)]))
    assert torch.equal(*logits)


@pytest.mark.parametrize("fuse", ["probability", "logit"])
def test_the_mean_of_two_models(pilot, prompts, monkeypatch, fuse):
    """Guards: shares that are swapped, and one model reading the cache of the other."""
    other = sharp_model(11)
    assert decoded(Mean(pilot, other, 0.0, fuse), prompts, "greedy") == decoded(pilot, prompts, "greedy")
    assert decoded(Mean(pilot, other, 1.0, fuse), prompts, "greedy") == decoded(other, prompts, "greedy")
    decoder = RowDecoder(Engine(prepare(Mean(pilot, other, 0.3, fuse), "cpu", "fp32"), 3, CONTEXT), END)
    logits, compared = Engine.logits, []

    def noted(engine, ids, batch):
        found = logits(engine, ids, batch)
        for entry, row in enumerate(batch.rows.tolist()):
            if decoder.active[row] and len(compared) < 40:
                one, two = (model(torch.tensor([fed(decoder, batch, entry)]))[0, -1] for model in (pilot, other))
                mean = 0.7 * one.softmax(-1) + 0.3 * two.softmax(-1)
                expected = mean if fuse == "probability" else (0.7 * one + 0.3 * two).softmax(-1)
                compared.append(float((found[entry].softmax(-1) - expected).abs().max()))
        return found

    monkeypatch.setattr(Engine, "logits", noted)
    with torch.no_grad():
        list(decoder.run(prompts[:4]))
    assert len(compared) == 40
    assert max(compared) < 1e-5
