"""Export to Hugging Face transformers: GPT-NeoX expresses the GPT-2 block with rotary positions exactly, Llama ours.

The files are written without transformers (an extra of this package), which `compare` then loads them with. Both
transformers 4 and 5 read them: `rotary_pct` and `rope_parameters` are given, since version 4 takes a silent
default of 0.25 where the former is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from igsm.errors import InputError
from igsm.model.gpt import GPT, NORM_EPSILON

MAX_POSITIONS = 2048
"""Rotary positions have no end; this is how far the paper evaluates."""

# GPT-2's split into words; the tokenizers library applies it to the text.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def export_model(model: GPT, folder: Path, end_id: int) -> None:
    """Write `config.json`, `generation_config.json` and `model.safetensors`.

    Args:
        end_id: the model's id of the end-of-text token.

    Raises:
        InputError: a model that neither GPT-NeoX nor Llama expresses.
    """
    if (setting := model.config.unknown_to_transformers) is not None:
        raise InputError(f"model.{setting}: neither GPT-NeoX nor Llama of transformers has it; cannot be exported")
    gpt2 = model.config.architecture == "gpt2"
    settings, weights = (_gpt_neox if gpt2 else _llama)(model)
    shape = model.config
    settings |= {
        "architectures": ["GPTNeoXForCausalLM" if gpt2 else "LlamaForCausalLM"],
        "vocab_size": shape.vocabulary_size,
        "hidden_size": shape.width,
        "intermediate_size": shape.mlp_width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "max_position_embeddings": MAX_POSITIONS,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rotary_base, "partial_rotary_factor": 1.0},
        "tie_word_embeddings": shape.tied,
        "bos_token_id": end_id,
        "eos_token_id": end_id,
        "torch_dtype": "float32",
        "use_cache": True,
    }
    generation = {"bos_token_id": end_id, "eos_token_id": end_id, "pad_token_id": end_id}
    (folder / "config.json").write_text(json.dumps(settings, indent=2))
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2))
    contiguous = {name: tensor.detach().cpu().float().contiguous() for name, tensor in weights.items()}
    safetensors.torch.save_file(contiguous, folder / "model.safetensors", {"format": "pt"})


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


def export_tokenizer(
    words: Mapping[str, Sequence[int]], tokens: Mapping[int, bytes], marks: Mapping[str, int], folder: Path
) -> None:
    """Write a tokenizer that gives every known word its ids, and AutoTokenizer loads offline.

    With special tokens (the default) it makes the prompt of a problem's text: end, problem, text, solution.

    Args:
        words: word as GPT-2 splits it -> the model's ids.
        tokens: the model's id -> bytes, for all ids in `words`.
        marks: the model's ids of the marks "end", "problem", "solution", "answer".
    """
    special = {name: f"<|{'endoftext' if name == 'end' else name}|>" for name in marks}
    vocabulary = {_printable(data): i for i, data in tokens.items()} | {special[n]: i for n, i in marks.items()}
    many = sorted(tuple(_printable(tokens[i]) for i in ids) for ids in words.values() if len(ids) > 1)
    pieces = [_piece_pattern(parts, place) for parts in many for place in range(len(parts))]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    splits = [_split(_WORDS), byte_level]
    if pieces:  # one word is one stretch here, so the pattern can be anchored at both its ends
        splits.append(_split("|".join(pieces)))
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": marks[name], "content": text, "special": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for name, text in sorted(special.items(), key=lambda item: marks[item[0]])
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": special["end"], "type_id": 0}},
                {"SpecialToken": {"id": special["problem"], "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": special["solution"], "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {
                special[name]: {"id": special[name], "ids": [marks[name]], "tokens": [special[name]]}
                for name in ("end", "problem", "solution")
            },
        },
        "decoder": byte_level,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": special["end"]},
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special["end"],
        "eos_token": special["end"],
        "pad_token": special["end"],
        "unk_token": special["end"],
        "model_max_length": MAX_POSITIONS,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _piece_pattern(parts: tuple[str, ...], place: int) -> str:
    """Matches piece `place` of a word, where the word is exactly `parts` joined."""
    before, after = (re.escape("".join(some)) for some in (parts[:place], parts[place + 1 :]))
    return f"(?<=^{before}){re.escape(parts[place])}(?={after}$)" if before else f"^{re.escape(parts[0])}(?={after}$)"


def _printable(data: bytes) -> str:
    """The letters that byte-level tokenizers write bytes as: printable ones themselves, others from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return "".join(table[byte] for byte in data)


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
        encoded = list(tokenizer(text)["input_ids"])
        if encoded != ids:
            place = next((i for i, (a, b) in enumerate(zip(encoded, ids, strict=False)) if a != b), len(ids))
            raise InputError(f"{folder}: the exported tokenizer differs from the model's at token {place} of {text!r}")
        with torch.no_grad():
            expected = greedy(model, ids, new_tokens)
            given = torch.tensor([ids])
            found = other.generate(
                given, attention_mask=torch.ones_like(given), max_new_tokens=new_tokens, do_sample=False
            )[0].tolist()
            logits = model(torch.tensor([expected]))
            difference = (other(torch.tensor([expected])).logits - logits).abs().max().item()
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
