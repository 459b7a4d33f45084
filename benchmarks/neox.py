"""transformers' GPT-NeoX with the weights of our model: what decoding is compared with."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from igsm.errors import InputError
from igsm.model import GPT
from igsm.model.huggingface import export_model


def neox_twin(model: GPT, end: int) -> Any:
    """A `GPTNeoXForCausalLM` that computes the same logits (architecture gpt2, without qk_norm and Canon layers).

    It is what `mistakes export` writes, loaded on the model's device and in its dtype.
    """
    try:
        from transformers import GPTNeoXForCausalLM
    except ImportError:
        raise InputError("the comparison needs transformers: pip install 'mistakes[hf]'") from None
    if not model.config.is_gpt_neox:
        raise InputError("GPT-NeoX has no twin of this model: architecture gpt2 without qk_norm and canon is needed")
    with tempfile.TemporaryDirectory() as folder:
        export_model(model, Path(folder), end)
        twin = GPTNeoXForCausalLM.from_pretrained(folder).eval()
    parameter = next(model.parameters())
    frequencies = twin.gpt_neox.rotary_emb.inv_freq.float()  # in bfloat16 the angles of late positions would be wrong
    twin.to(parameter.device, parameter.dtype)
    twin.gpt_neox.rotary_emb.inv_freq = frequencies.to(parameter.device)
    return twin


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
