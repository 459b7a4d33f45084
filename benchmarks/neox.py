"""transformers' GPT-NeoX with the weights of our model: what decoding is compared with."""

from __future__ import annotations

from typing import Any

import torch

from igsm.errors import InputError
from igsm.model import GPT


def neox_twin(model: GPT, context: int, end: int) -> Any:
    """A `GPTNeoXForCausalLM` that computes the same logits (architecture gpt2, without qk_norm)."""
    try:
        from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
    except ImportError:
        raise InputError("the comparison needs transformers: pip install 'mistakes[hf]'") from None
    shape = model.config
    if shape.architecture != "gpt2" or shape.qk_norm:
        raise InputError("GPT-NeoX has no twin of this model: architecture gpt2 without qk_norm is needed")
    config = GPTNeoXConfig(
        vocab_size=shape.vocabulary_size,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.mlp_width,
        hidden_act="gelu_new",
        rotary_pct=1.0,
        rotary_emb_base=shape.rotary_base,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rotary_base, "partial_rotary_factor": 1.0},
        use_parallel_residual=False,
        layer_norm_eps=1e-5,
        max_position_embeddings=context,
        tie_word_embeddings=shape.tied,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    twin = GPTNeoXForCausalLM(config).eval()
    ours, theirs = model.state_dict(), {}
    for i in range(shape.layers):
        source, target = f"blocks.{i}.", f"gpt_neox.layers.{i}."
        for kind in ("weight", "bias"):
            # Ours: all queries, all keys, all values; GPT-NeoX's: query, key, value of one head after the other.
            qkv = ours[f"{source}attention.qkv.{kind}"]
            parts = qkv.view(3, shape.heads, shape.head_size, *qkv.shape[1:])
            theirs[f"{target}attention.query_key_value.{kind}"] = parts.transpose(0, 1).reshape(qkv.shape)
            theirs[f"{target}attention.dense.{kind}"] = ours[f"{source}attention.output.{kind}"]
            theirs[f"{target}input_layernorm.{kind}"] = ours[f"{source}attention_norm.{kind}"]
            theirs[f"{target}post_attention_layernorm.{kind}"] = ours[f"{source}mlp_norm.{kind}"]
            theirs[f"{target}mlp.dense_h_to_4h.{kind}"] = ours[f"{source}mlp.up.{kind}"]
            theirs[f"{target}mlp.dense_4h_to_h.{kind}"] = ours[f"{source}mlp.down.{kind}"]
    theirs["gpt_neox.embed_in.weight"] = ours["embedding.weight"]
    theirs["gpt_neox.final_layer_norm.weight"] = ours["final_norm.weight"]
    theirs["gpt_neox.final_layer_norm.bias"] = ours["final_norm.bias"]
    head = "lm_head.weight" if "lm_head.weight" in twin.state_dict() else "embed_out.weight"  # transformers 5 or 4
    theirs[head] = ours["embedding.weight"] if shape.tied else ours["output.weight"]
    twin.load_state_dict(theirs)
    device = next(model.parameters()).device
    return twin.to(device, next(model.parameters()).dtype)


@torch.inference_mode()
def generate(
    twin: Any, prompts: list[list[int]], end: int, lengths: list[int] | None = None, **options: Any
) -> list[list[int]]:
    """What transformers' `generate` appends to each prompt.

    Args:
        prompts: of one call; they are padded on the left.
        end: id that ends a continuation.
        lengths: stop each prompt's continuation after so many tokens.
        options: of `generate`.
    """
    longest = max(map(len, prompts))
    device = next(twin.parameters()).device
    ids = torch.tensor([[end] * (longest - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device)
    if lengths is not None:
        limit = torch.tensor(lengths, device=device)

        def enough(ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return ids.shape[1] - longest >= limit.repeat_interleave(len(ids) // len(limit))

        options |= {"stopping_criteria": [enough], "max_new_tokens": max(lengths)}
    out = twin.generate(input_ids=ids, attention_mask=mask, pad_token_id=end, eos_token_id=end, **options)
    results = []
    for i, row in enumerate(out[:, longest:].tolist()):
        row = row if lengths is None else row[: lengths[i]]
        results.append(row[: row.index(end) + 1] if end in row else row)
    return results
