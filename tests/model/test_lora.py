"""Low-rank updates: guards against a merge that corrupts the tied embedding (habits, trap 10)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from igsm.decoding.engine import prepare
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.model.gpt import GPT
from igsm.model.lora import add_lora, merge_lora, save_peft_adapter
from igsm.rundir import read_json

IDS = torch.arange(24).reshape(2, 12) % 16
BOTH = LoRAConfig(query_value_rank=2, embedding_rank=4, scale=0.5)
ALL = LoRAConfig(query_value_rank=2, embedding_rank=4, output_rank=3, scale=0.5)
ONE_EACH = [LoRAConfig(query_value_rank=3), LoRAConfig(embedding_rank=3), LoRAConfig(output_rank=3)]


def base_model(architecture: str = "gpt2", tied: bool = True) -> GPT:
    torch.manual_seed(0)
    config = ModelConfig(
        architecture=architecture,  # type: ignore[arg-type]
        layers=2,
        heads=2,
        head_size=8,
        vocabulary_size=16,
        tied=tied,
    )
    return GPT(config).eval()


def trained(model: GPT, config: LoRAConfig) -> GPT:
    """A model whose updates are not zero any more."""
    add_lora(model, config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
    return model


@pytest.mark.parametrize("config", [ALL, *ONE_EACH])
def test_untrained_updates_change_nothing(config: LoRAConfig) -> None:
    model = base_model()
    before = model(IDS)
    assert torch.equal(add_lora(model, config)(IDS), before)


def test_only_the_updates_are_trained_and_all_of_them_learn() -> None:
    model = trained(base_model(), ALL)
    model(IDS).square().mean().backward()
    with_gradient = {name for name, p in model.named_parameters() if p.grad is not None}
    assert with_gradient == {name for name, _ in model.named_parameters() if "lora_" in name}
    assert len(with_gradient) == 2 + 2 + 2 * 4
    assert all(p.grad.abs().sum() > 0 for p in model.parameters() if p.grad is not None)


def test_keys_are_not_updated() -> None:
    model = base_model()
    x = torch.randn(3, 16)
    before = model.blocks[0].attention.qkv(x)
    after = trained(model, LoRAConfig(query_value_rank=2)).blocks[0].attention.qkv(x)
    assert torch.equal(before[:, 16:32], after[:, 16:32])
    assert (before[:, :16] - after[:, :16]).abs().min() > 0
    assert (before[:, 32:] - after[:, 32:]).abs().min() > 0


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("config", [ALL, *ONE_EACH])
def test_merged_equals_unmerged(architecture: str, tied: bool, config: LoRAConfig) -> None:
    model = trained(base_model(architecture, tied), config)
    merged = merge_lora(model)
    assert not any("lora" in name for name in merged.state_dict())
    assert merged.config.tied == (tied and not (config.embedding_rank or config.output_rank))
    torch.testing.assert_close(merged(IDS), model(IDS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("config", [ALL, *ONE_EACH])
def test_a_copy_for_decoding_has_the_updates(config: LoRAConfig, precision: str) -> None:
    """Guards the copy in bfloat16, whose output matrix is its own: generation must see what is trained."""
    model = trained(base_model(), config)
    copied = prepare(model, "cpu", precision)
    logits = copied.head(copied.hidden(IDS))
    assert torch.allclose(logits, model(IDS), atol=1e-6 if precision == "fp32" else 0.1)
    assert not torch.allclose(logits, base_model()(IDS), atol=0.2)


def test_the_output_matrix_is_not_updated_with_the_embedding() -> None:
    model = base_model()
    output = model.embedding.weight.clone()
    merged = merge_lora(trained(model, LoRAConfig(embedding_rank=3)))
    assert merged.output is not None
    assert torch.equal(merged.output.weight, output)
    assert (merged.embedding.weight - output).abs().max() > 0.01


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_peft_computes_the_same_from_our_adapter(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    model = trained(base_model(), ALL)
    save_peft_adapter(tmp_path, model, ALL)
    hub_config = transformers.GPTNeoXConfig(
        vocab_size=16,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        hidden_act="gelu_new",
        use_parallel_residual=False,
        rotary_pct=1.0,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
    )
    theirs = transformers.GPTNeoXForCausalLM(hub_config).eval()
    ours = {name: tensor for name, tensor in model.state_dict().items() if "lora" not in name}

    def by_head(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.view(3, 2, 8, -1).transpose(0, 1).reshape(tensor.shape)

    renamed = {"gpt_neox.embed_in.weight": ours["embedding.weight"]}
    for kind in ("weight", "bias"):
        renamed[f"gpt_neox.final_layer_norm.{kind}"] = ours[f"final_norm.{kind}"]
        for i in range(2):
            here, there = f"blocks.{i}", f"gpt_neox.layers.{i}"
            renamed[f"{there}.input_layernorm.{kind}"] = ours[f"{here}.attention_norm.{kind}"]
            renamed[f"{there}.post_attention_layernorm.{kind}"] = ours[f"{here}.mlp_norm.{kind}"]
            renamed[f"{there}.attention.query_key_value.{kind}"] = by_head(ours[f"{here}.attention.qkv.{kind}"])
            renamed[f"{there}.attention.dense.{kind}"] = ours[f"{here}.attention.output.{kind}"]
            renamed[f"{there}.mlp.dense_h_to_4h.{kind}"] = ours[f"{here}.mlp.up.{kind}"]
            renamed[f"{there}.mlp.dense_4h_to_h.{kind}"] = ours[f"{here}.mlp.down.{kind}"]
    theirs.load_state_dict(renamed, strict=False)
    theirs.tie_weights()
    adapted = peft.PeftModel.from_pretrained(theirs, str(tmp_path)).eval()
    torch.testing.assert_close(adapted(IDS).logits, model(IDS), rtol=1e-4, atol=1e-4)


def test_the_adapter_says_its_ranks(tmp_path: Path) -> None:
    save_peft_adapter(tmp_path, trained(base_model(), ALL), ALL)
    settings = read_json(tmp_path / "adapter_config.json")
    assert settings["rank_pattern"] == {"embed_in": 4, "lm_head": 3, "query_key_value": 4}
    tensors = safetensors.torch.load_file(tmp_path / "adapter_model.safetensors")
    assert len(tensors) == 2 + 2 + 2 * 2


@pytest.mark.parametrize("settings", [{"architecture": "llama"}, {"qk_norm": True}, {"canon": "C"}], ids=str)
def test_an_adapter_of_what_gpt_neox_is_not_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    shape = base_model().config.model_dump() | settings
    with pytest.raises(InputError, match="gpt2 architecture without"):
        save_peft_adapter(tmp_path, trained(GPT(ModelConfig(**shape)), BOTH), BOTH)
