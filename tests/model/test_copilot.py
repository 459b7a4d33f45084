"""The Copilot against its equations, written out by hand for three tokens; and what its positions see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from igsm.errors import InputError
from igsm.model import GPT, ModelConfig
from igsm.model.config import CopilotConfig
from igsm.model.copilot import Copilot, sources
from igsm.model.sight import Parts, Windows, parts_of
from igsm.model.trained import trained_parameters

END, START, V = 0, 1, 7
SHAPE = ModelConfig(layers=3, heads=2, head_size=4, vocabulary_size=V)


def copilot(seed: int = 1, **settings: object) -> Copilot:
    """A random one whose output is not 0, and in which every bias counts."""
    torch.manual_seed(seed)
    made = Copilot(CopilotConfig(**({"layers": 2, "heads": 1, "head_size": 6} | settings)), SHAPE)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.5)
    return made.eval()


def rows(ids: list[int]) -> Parts:
    return parts_of(torch.tensor([ids]), END, START)


def test_documents_and_answers() -> None:
    """Guards: an END that belongs to the document before it (prompts begin with one), a problem that is no answer."""
    parts = rows([3, 4, START, 5, START, 6, END, 3, START, 5, END, 4, 3])
    assert parts.documents[0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert parts.answering[0].int().tolist() == [0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0]


def test_sources_are_embeddings_in_the_problem_and_means_of_layers_behind_it() -> None:
    embedded, one, other = (torch.full((1, 3, 2), value) for value in (5.0, 1.0, 3.0))
    answering = torch.tensor([[False, True, True]])
    assert sources(embedded, [one, other], answering)[0, :, 0].tolist() == [5.0, 2.0, 2.0]


def by_hand(model: Copilot, errors: Tensor, source: Tensor) -> Tensor:
    """f of a problem of one token and an answer of two: positions 1 and 2 of three, [2, V]."""
    first, second = model.blocks

    def mlp(block, x):  # type: ignore[no-untyped-def]
        return block.mlp.down(F.gelu(block.mlp.up(block.mlp_norm(x)), approximate="tanh"))

    def attend(query: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        weights = torch.stack([query @ key / model.shape.head_size**0.5 for key in keys]).softmax(0)
        return sum(weight * value for weight, value in zip(weights, values, strict=True))  # type: ignore[return-value]

    assert model.resize is not None
    fed = [torch.zeros(model.shape.width), model.input.weight @ errors[1]]
    seen = [model.resize.weight @ one for one in source]
    # layer 1: of the answer only, each position itself and those before
    attention = first.attention
    normed = [first.attention_norm(x) for x in fed]
    states = []
    for place in range(2):
        keys = [attention.key(x) for x in normed[: place + 1]]
        values = [attention.value(x) for x in normed[: place + 1]]
        x = fed[place] + attention.output(attend(attention.query(normed[place]), keys, values))
        states.append(x + mlp(first, x))
    # layer 2: the problem's embedding, then means of the Pilot's layers up to the position itself
    attention = second.attention
    found = []
    for place in range(2):
        keys = [attention.key(x) for x in seen[: place + 2]]
        values = [attention.value(x) for x in seen[: place + 2]]
        query = attention.query(second.attention_norm(states[place]))
        x = states[place] + attention.output(attend(query, keys, values))
        found.append(model.output(model.final_norm(x + mlp(second, x))))
    return torch.stack(found)


def test_three_tokens_by_hand() -> None:
    """Guards: errors that are not shifted, positions of the problem among the errors, sources of one layer only."""
    model = copilot()
    errors, source = torch.randn(3, V), torch.randn(3, SHAPE.width)
    parts = rows([3, START, 5])
    with torch.no_grad():
        found = model(errors[None], source[None], parts)[0, 1:]
        torch.testing.assert_close(found, by_hand(model, errors, source))
        # what is not to count does not: errors of the problem and of the last position
        other = errors.clone()
        other[0], other[2] = 9.0, -9.0
        torch.testing.assert_close(model(other[None], source[None], parts)[0, 1:], found, rtol=0, atol=0)


@pytest.mark.parametrize("rotary", [False, True])
def test_a_packed_document_has_what_it_has_alone(rotary: bool) -> None:
    """Guards a window in which errors, sources or positions of one document reach another, or later ones earlier."""
    model = copilot(rotary=rotary, layers=4)
    ids = [END, 3, 4, START, 5, 6, 2, END, 4, START, 6, 6, END, 2, 2, START, 3]
    errors, source = torch.randn(len(ids), V), torch.randn(len(ids), SHAPE.width)
    with torch.no_grad():
        packed = model(errors[None], source[None], rows(ids))[0]
        for begin, stop in ((0, 7), (7, 12), (12, 17)):
            piece = slice(begin, stop)
            alone = model(errors[None, piece], source[None, piece], rows(ids[piece]))[0]
            answering = rows(ids).answering[0, piece]
            assert answering.sum() >= 2
            torch.testing.assert_close(packed[piece][answering], alone[answering], rtol=1e-4, atol=1e-5)
        later, later_source = errors.clone(), source.clone()
        later[9:], later_source[10:] = 0.0, 0.0
        kept = model(later[None], later_source[None], rows(ids))[0]
        torch.testing.assert_close(kept[:10][rows(ids).answering[0, :10]], packed[:10][rows(ids).answering[0, :10]])


def test_errors_zero_makes_it_blind_to_them() -> None:
    parts, source = rows([3, START, 5, 6]), torch.randn(1, 4, SHAPE.width)
    one, other = torch.randn(2, 1, 4, V).unbind()
    for settings, alike in (({"errors": "zero"}, True), ({}, False)):
        model = copilot(**settings)
        with torch.no_grad():
            pair = (model(one, source, parts)[0, 1:], model(other, source, parts)[0, 1:])
        assert torch.equal(*pair) == alike


def test_its_output_begins_at_zero_and_every_weight_is_trained() -> None:
    torch.manual_seed(1)
    model = Copilot(CopilotConfig(), SHAPE)
    assert model.resize is None
    parts, source = rows([3, START, 5, 6]), torch.randn(1, 4, SHAPE.width)
    assert not model(torch.randn(1, 4, V), source, parts).any()
    trained = {one.parameter: one.matrices for one in trained_parameters(model)}
    assert {trained[block.attention.key.weight] for block in model.blocks} == {1}
    assert trained[model.input.weight] == trained[model.output.weight] == 0


def test_in_blocks_it_computes_the_same_up_to_rounding() -> None:
    """Guards the masks of odd and even layers in blocks: rows of several documents, outputs and gradients."""
    torch.manual_seed(3)
    model = Copilot(CopilotConfig(layers=4), SHAPE)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    ids = [[3, START, 5, 6, END, 3, 4, START, 6], [3, 4, 5, START, 6, 5, 5, END, 3]]
    parts = parts_of(torch.tensor(ids), END, START)
    errors, source = torch.randn(2, 9, V), torch.randn(2, 9, SHAPE.width)
    found = []
    for model.in_blocks in (False, True):
        model.zero_grad()
        output = model(errors, source, parts)
        output.square().sum().backward()
        found.append([output.detach(), *(one.grad for one in model.parameters() if one.grad is not None)])
    assert not torch.equal(found[0][0], found[1][0])
    small = 1e-4 * max(float(one.norm()) for one in found[0])  # gradients that cancel out
    for one, other in zip(*found, strict=True):
        assert (one - other).norm() <= 0.02 * one.norm() + small


@pytest.mark.parametrize("in_float32", [False, True])
def test_products_with_weights_alone_may_be_in_bfloat16(in_float32: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: attention in bfloat16 where the precision bfloat16_linear says that it is not."""
    model, seen = Copilot(CopilotConfig(layers=2), SHAPE), []
    real = F.scaled_dot_product_attention

    def attention(*qkv: torch.Tensor, **masks: torch.Tensor) -> torch.Tensor:
        seen.extend(one.dtype for one in qkv)
        return real(*qkv, **masks)

    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)
    model.in_float32 = in_float32
    with torch.autocast("cpu", torch.bfloat16):
        model(torch.randn(1, 4, V), torch.randn(1, 4, SHAPE.width), rows([3, START, 5, 6]))
    assert (torch.bfloat16 not in seen) is in_float32


def test_it_can_start_as_the_pilot() -> None:
    """Guards: query, key and value taken in another order, and layers that are left out."""
    torch.manual_seed(2)
    pilot = GPT(SHAPE)
    for parameter in pilot.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model = Copilot(CopilotConfig(init="pilot"), SHAPE).eval()
    model.start_as(pilot)
    x = torch.randn(1, 5, SHAPE.width)
    parts = Parts(torch.zeros(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.bool))
    cosine, sine = torch.ones(5, 2), torch.zeros(5, 2)  # positions that turn nothing
    for own, theirs in zip(model.blocks, pilot.blocks, strict=True):
        # an even layer that looks at the normed states themselves is the Pilot's, too
        mine = own(x, theirs.attention_norm(x), None, Windows(parts))
        torch.testing.assert_close(mine, theirs(x, cosine, sine, None))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"heads": 1}, "copilot.heads is 1, the Pilot's 2"), ({"layers": 4}, "at most the Pilot's 3")],
)
def test_a_start_that_does_not_fit_is_refused(settings: dict[str, int], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        Copilot(CopilotConfig(init="pilot", **settings), SHAPE)  # type: ignore[arg-type]
