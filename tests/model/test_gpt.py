"""The transformer computes what GPT-2 with rotary and Llama compute; its memory sees everything."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from igsm.decoding.cache import row_bytes
from igsm.decoding.engine import prepare
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig
from igsm.model.contract import Inputs, KeysValues, look_back
from igsm.model.gpt import Canon
from igsm.model.rotary import rotate, rotation


def tiny(**settings: object) -> ModelConfig:
    return ModelConfig(**{"layers": 2, "heads": 2, "head_size": 8, "vocabulary_size": 64} | settings)  # type: ignore[arg-type]


SHAPES = [{}, {"architecture": "llama"}, {"qk_norm": True}, {"tied": False}, {"canon": "AC"}]


@pytest.fixture(params=SHAPES, ids=str)
def model(request: pytest.FixtureRequest) -> GPT:
    torch.manual_seed(0)
    model = GPT(tiny(**request.param)).eval()
    for block in model.blocks:  # fresh weights attend almost evenly: too little for the tests to see
        block.attention.qkv.weight.data *= 20
        block.attention.output.weight.data *= 20
    return model


def ids(batch: int = 2, length: int = 12) -> torch.Tensor:
    return torch.randint(64, (batch, length), generator=torch.Generator().manual_seed(1))


def test_a_later_token_changes_no_earlier_logit(model: GPT) -> None:
    """Guards: attention that is not causal (loss falls fast, generation is garbage)."""
    first = ids()
    second = first.clone()
    second[:, 8:] = (second[:, 8:] + 1) % 64
    a, b = model(first), model(second)
    torch.testing.assert_close(a[:, :8], b[:, :8])
    assert not torch.allclose(a[:, 8:], b[:, 8:])


def test_only_differences_of_positions_matter(model: GPT) -> None:
    """Guards: absolute information leaking in, and [B, T] positions broadcast over the wrong axis."""
    positions = torch.arange(12)
    shifted = torch.stack([positions + 5, positions + 1000])
    torch.testing.assert_close(model(ids(), positions=shifted), model(ids()), atol=1e-4, rtol=1e-3)
    spread = model(ids(), positions=2 * positions)
    assert not torch.allclose(spread, model(ids()), atol=1e-4)


class Whole:
    """A memory of nothing: attention and looking back within the batch, and which slots were asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def attend(self, slot: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        self.asked.append(slot)
        assert q.shape == k.shape == v.shape == (2, 2, 12, 8)
        mask = torch.ones(12, 12, dtype=torch.bool).tril()
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    def recall(self, slot: int, x: torch.Tensor, back: int) -> list[torch.Tensor]:
        self.asked.append(slot)
        return look_back(x, back)


class Growing:
    """A memory of all tokens so far, one at a time."""

    def __init__(self) -> None:
        self.kept: dict[int, list[torch.Tensor]] = {}

    def attend(self, slot: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        before = self.kept.get(slot)
        known = [k, v] if before is None else [torch.cat(pair, 2) for pair in zip(before, (k, v), strict=True)]
        self.kept[slot] = known
        return F.scaled_dot_product_attention(q, *known)

    def recall(self, slot: int, x: torch.Tensor, back: int) -> list[torch.Tensor]:
        inputs = self.kept.setdefault(slot, [torch.zeros_like(x)] * back)
        inputs.append(x)
        return inputs[-2 : -2 - back : -1]


def test_a_memory_replaces_looking_back_in_the_batch_exactly(model: GPT) -> None:
    """Guards: a memory that gets unrotated keys or another layout, and two layers that share a slot."""
    memory = Whole()
    torch.testing.assert_close(model(ids(), memory=memory), model(ids()))
    assert sorted(memory.asked) == list(range(len(model.slots)))


def test_one_token_at_a_time_equals_the_full_forward(model: GPT) -> None:
    """Guards: positions not reaching the rotation when one token at a time is decoded."""
    memory = Growing()
    steps = [model(ids()[:, t : t + 1], positions=torch.tensor([t]), memory=memory) for t in range(12)]
    torch.testing.assert_close(torch.cat(steps, 1), model(ids()), atol=1e-5, rtol=1e-4)


def test_a_canon_layer_is_a_causal_convolution_beside_the_residual() -> None:
    """Guards: a window reversed or one token off, which training from scratch would never show."""
    torch.manual_seed(0)
    canon = Canon(6)
    torch.nn.init.normal_(canon.weight)
    x = torch.randn(2, 9, 6)
    convolved = F.conv1d(F.pad(x.transpose(1, 2), (3, 0)), canon.weight, groups=6).transpose(1, 2)
    torch.testing.assert_close(canon(x, None), x + convolved)


@pytest.mark.parametrize(("canon", "canons"), [("none", 0), ("A", 1), ("C", 1), ("AC", 2)])
def test_it_states_what_it_must_remember(canon: str, canons: int) -> None:
    """Guards: a layer without room in the cache, and the estimate of its memory before a model is made."""
    model, memory = GPT(tiny(canon=canon)), Whole()
    assert sorted(map(repr, model.slots)) == sorted([repr(KeysValues(2, 8)), *[repr(Inputs(16))] * canons] * 2)
    torch.testing.assert_close(model(ids(), memory=memory), model(ids()))
    assert sorted(memory.asked) == list(range(2 * (1 + canons)))
    assert row_bytes(model.slots, 10, torch.float32) == 10 * 4 * model.config.cached_numbers


def test_head_of_hidden_is_forward(model: GPT) -> None:
    torch.testing.assert_close(model.head(model.hidden(ids())), model(ids()))


def test_it_runs_beyond_any_training_length() -> None:
    """Guards: a table of positions that ends (spec: trained at 768, evaluated up to 2048)."""
    logits = GPT(tiny())(ids(1, 2048))
    assert logits.shape == (1, 2048, 64)
    assert torch.isfinite(logits).all()


def test_rotation_is_a_rotation_by_position_times_frequency() -> None:
    """Guards: interleaved instead of half-split pairs, and a wrong frequency ladder."""
    cosine, sine = rotation(torch.tensor([0, 3]), 4, 100.0)
    x = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(1, 1, 2, 4)
    rotated = rotate(x, cosine, sine)[0, 0]
    torch.testing.assert_close(rotated[0], x[0, 0, 0])
    a, b = torch.tensor(3.0), torch.tensor(0.3)
    torch.testing.assert_close(rotated[1], torch.stack([a.cos(), -b.sin(), a.sin(), b.cos()]))


def test_nothing_but_weights_is_in_the_state(model: GPT) -> None:
    """Guards trap 7: rotary tables in buffers, garbage after loading."""
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


def test_initial_weights_are_gpt2s() -> None:
    """Guards: the residual projections not scaled down with depth."""
    torch.manual_seed(0)
    model = GPT(tiny(layers=8, heads=4, head_size=32))
    attention = model.blocks[3].attention
    assert attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert attention.output.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert model.blocks[3].mlp.down.weight.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert attention.qkv.bias.abs().max() == 0


def test_parameter_count_of_the_papers_model() -> None:
    """Guards: a missing bias or an untied head; 124 M less GPT-2's position table, with 50,257 ids."""
    with torch.device("meta"):
        model = GPT(ModelConfig(layers=12, heads=12, vocabulary_size=50257))
    assert sum(p.numel() for p in model.parameters()) == 124_439_808 - 1024 * 768


def test_dropout_acts_in_training_only() -> None:
    model = GPT(tiny(dropout=0.5))
    model.eval()
    torch.testing.assert_close(model(ids()), model(ids()))
    model.train()
    assert not torch.allclose(model(ids()), model(ids()))


def test_bfloat16_autocast_stays_close(model: GPT) -> None:
    """Guards: rotary or norm computed in bfloat16, dtype mismatches between q, k and v."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids())
    assert (logits.float() - model(ids())).abs().max() < 0.02


def test_a_model_needs_its_vocabulary() -> None:
    with pytest.raises(InputError, match="vocabulary_size"):
        GPT(ModelConfig(layers=1, heads=1))


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_every_architecture_decodes_in_bfloat16(architecture: str, qk_norm: bool) -> None:
    """Guards a norm that returns float32 to a projection in bfloat16."""
    model = prepare(GPT(tiny(architecture=architecture, qk_norm=qk_norm)), "cpu", "bf16")
    states = model.hidden(torch.arange(4)[None])
    assert states.dtype == torch.bfloat16
    assert model.head(states).isfinite().all()
