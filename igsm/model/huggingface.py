"""Export to Hugging Face transformers: GPT-NeoX expresses the GPT-2 block with rotary positions exactly, Llama ours.

The files are written without transformers (an extra of this package), which `compare` then loads them with. Both
transformers 4 and 5 read them: `rotary_pct` and `rope_parameters` are given, since version 4 takes a silent
default of 0.25 where the former is missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from igsm.errors import InputError
from igsm.model.gpt import GPT, NORM_EPSILON
from igsm.rundir import atomic_write

MAX_POSITIONS = 2048
"""Rotary positions have no end; this is how far the paper evaluates."""


def exported_rows(model: GPT, n_ids: int | None) -> int:
    """Rows of a model's exported embedding; see `export_model`, whose errors it raises."""
    n_rows = model.embedding.num_embeddings
    if n_ids is not None and n_rows < n_ids:
        raise InputError(f"the model knows {n_rows} ids, its data's vocabulary has {n_ids}")
    return n_rows if n_ids is None else max(n_rows, n_ids + 2)


def with_mean_rows(matrix: Tensor, n_rows: int) -> Tensor:
    """The matrix [V, W] with rows up to `n_rows` [n_rows, W], each the mean of its own."""
    return torch.cat([matrix, matrix.mean(0, keepdim=True).expand(n_rows - len(matrix), -1)])


def export_model(model: GPT, folder: Path, end_id: int, n_ids: int | None = None) -> int:
    """Write `config.json`, `generation_config.json` and `model.safetensors`.

    The two ids after those in use are those of padding and of unknown words (`igsm.model.tokenizer`). Where the model
    has no such rows, they are added to its matrices as the mean of all rows: their logit is never the largest, and
    `generate` does not draw them.

    Args:
        end_id: the model's id of the end-of-text token.
        n_ids: number of ids in use: 0 to n_ids - 1. None: all of them; padding has the end's id.

    Returns:
        Rows of the embedding written.

    Raises:
        InputError: a model that neither GPT-NeoX nor Llama expresses, or one with fewer rows than ids.
    """
    model.config.must_be_exportable()
    gpt2 = model.config.architecture == "gpt2"
    settings, weights = (_gpt_neox if gpt2 else _llama)(model)
    shape = model.config
    pad_id = end_id if n_ids is None else n_ids
    n_rows = exported_rows(model, n_ids)
    added = list(range(model.embedding.num_embeddings, n_rows))
    for name in ("gpt_neox.embed_in", "embed_out", "model.embed_tokens", "lm_head"):
        if (matrix := weights.get(f"{name}.weight")) is not None:
            weights[f"{name}.weight"] = with_mean_rows(matrix, n_rows)
    settings |= {
        "architectures": ["GPTNeoXForCausalLM" if gpt2 else "LlamaForCausalLM"],
        "vocab_size": n_rows,
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp_width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": MAX_POSITIONS,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rotary_base, "partial_rotary_factor": 1.0},
        "tie_word_embeddings": shape.tied,
        "bos_token_id": end_id,
        "eos_token_id": end_id,
        "pad_token_id": pad_id,
        "torch_dtype": "float32",
        "use_cache": True,
    }
    generation: dict[str, Any] = {"bos_token_id": end_id, "eos_token_id": end_id, "pad_token_id": pad_id}
    if added:
        generation["suppress_tokens"] = added
    (folder / "config.json").write_text(json.dumps(settings, indent=2))
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2))
    contiguous = {name: tensor.detach().cpu().float().contiguous() for name, tensor in weights.items()}
    atomic_write(folder / "model.safetensors", safetensors.torch.save(contiguous, {"format": "pt"}))
    return n_rows


def _gpt_neox(model: GPT) -> tuple[dict[str, Any], dict[str, Tensor]]:
    shape = model.config
    weights: dict[str, Any] = {"gpt_neox.embed_in.weight": model.embedding.weight}
    modules: dict[str, Any] = {"gpt_neox.final_layer_norm": model.final_norm}
    block: Any
    for i, block in enumerate(model.blocks):
        modules |= {
            f"gpt_neox.layers.{i}.input_layernorm": block.attention_norm,
            f"gpt_neox.layers.{i}.post_attention_layernorm": block.mlp_norm,
            f"gpt_neox.layers.{i}.attention.query_key_value": block.attention.qkv,
            f"gpt_neox.layers.{i}.attention.dense": block.attention.output,
            f"gpt_neox.layers.{i}.mlp.dense_h_to_4h": block.mlp.up,
            f"gpt_neox.layers.{i}.mlp.dense_4h_to_h": block.mlp.down,
        }
    for name, module in modules.items():
        for kind in ("weight", "bias"):
            tensor = getattr(module, kind)
            if name.endswith("query_key_value"):  # GPT-NeoX groups by head first, then by query, key, value
                parts = tensor.view(3, shape.heads, shape.head_size, -1).transpose(0, 1)
                tensor = parts.reshape(tensor.shape)
            weights[f"{name}.{kind}"] = tensor
    if model.output is not None:
        weights["embed_out.weight"] = model.output.weight
    settings = {
        "model_type": "gpt_neox",
        "hidden_act": "gelu_new",
        "use_parallel_residual": False,
        "rotary_pct": 1.0,
        "rotary_emb_base": shape.rotary_base,
        "layer_norm_eps": NORM_EPSILON,
        "attention_bias": True,
        "hidden_dropout": shape.dropout,
        "attention_dropout": shape.dropout,
    }
    return settings, weights


def _llama(model: GPT) -> tuple[dict[str, Any], dict[str, Tensor]]:
    shape = model.config
    weights: dict[str, Any] = {
        "model.embed_tokens.weight": model.embedding.weight,
        "model.norm.weight": model.final_norm.weight,
    }
    block: Any
    for i, block in enumerate(model.blocks):
        query, key, value = block.attention.qkv.weight.chunk(3)
        layer = {
            "input_layernorm": block.attention_norm.weight,
            "post_attention_layernorm": block.mlp_norm.weight,
            "self_attn.q_proj": query,
            "self_attn.k_proj": key,
            "self_attn.v_proj": value,
            "self_attn.o_proj": block.attention.output.weight,
            "mlp.gate_proj": block.mlp.gate.weight,
            "mlp.up_proj": block.mlp.up.weight,
            "mlp.down_proj": block.mlp.down.weight,
        }
        weights |= {f"model.layers.{i}.{name}.weight": tensor for name, tensor in layer.items()}
    if model.output is not None:
        weights["lm_head.weight"] = model.output.weight
    settings = {
        "model_type": "llama",
        "hidden_act": "silu",
        "head_dim": shape.head_size,
        "num_key_value_heads": shape.heads,
        "rope_theta": shape.rotary_base,
        "rms_norm_eps": NORM_EPSILON,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": shape.dropout,
    }
    return settings, weights


def compare(model: GPT, folder: Path, prompts: Sequence[tuple[str, list[int]]], new_tokens: int = 64) -> float:
    """Load what was exported with transformers, offline, and compare it with `model`.

    Args:
        prompts: text of a problem, and the ids of its prompt.
        new_tokens: length of the greedy continuation that must be equal.

    Returns:
        The largest difference of a logit.

    Raises:
        InputError: transformers is not installed, or the exported model is not the same.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise InputError("transformers is not installed: pip install 'mistakes[hf]'") from None
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    other = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    model = model.to("cpu").eval()
    largest = 0.0
    for text, ids in prompts:
        for written in (text, text.lstrip()):
            encoded = list(tokenizer(written)["input_ids"])
            if encoded != ids:
                place = next((i for i, (a, b) in enumerate(zip(encoded, ids, strict=False)) if a != b), len(ids))
                raise InputError(
                    f"{folder}: the exported tokenizer differs from the model's at token {place} of {written!r}"
                )
        with torch.no_grad():
            expected = greedy(model, ids, new_tokens)
            given = torch.tensor([ids])
            found = other.generate(
                given, attention_mask=torch.ones_like(given), max_new_tokens=new_tokens, do_sample=False
            )[0].tolist()
            logits = model(torch.tensor([expected]))
            there = other(torch.tensor([expected])).logits[..., : logits.shape[-1]]
            difference = (there - logits).abs().max().item()
        largest = max(largest, difference)
        scale = logits.abs().max().item()
        if difference > 1e-4 * max(1.0, scale):
            raise InputError(
                f"{folder}: logits of the exported model differ by {difference:.3g} (largest: {scale:.3g})"
            )
        end = other.generation_config.eos_token_id
        cut = expected.index(end, len(ids)) + 1 if end in expected[len(ids) :] else len(expected)
        if found[:cut] != expected[:cut]:
            raise InputError(f"{folder}: greedy generations of the exported model differ after {text!r}")
    return largest


@torch.no_grad()
def greedy(model: GPT, ids: list[int], new_tokens: int) -> list[int]:
    """`ids` and the most likely token after it, again and again; the reference, without a cache."""
    sequence = list(ids)
    for _ in range(new_tokens):
        sequence.append(int(model(torch.tensor([sequence]))[0, -1].argmax()))
    return sequence
