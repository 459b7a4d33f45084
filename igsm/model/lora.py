"""Low-rank updates of a frozen model: LoRA on query, value, embedding and output matrix (Part 2.2, Result 7).

The layers keep their own names and weights, so that a model with zero-initialised updates has the base
model's state and computes exactly what it computes. Input embedding and output matrix have updates of their own
even where they are tied, so that merging unties the two.

Without an update of the output matrix a word that the base model never saw as a target cannot be learnt: all rows
of such words have been trained alike, until weight decay has left nothing else of them (measured after 24,000 steps
of mini: the row of BACK, norm 4.03, within 0.0005 of those of ids that do not occur).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.errors import InputError
from igsm.model.config import LoRAConfig
from igsm.model.gpt import GPT
from igsm.model.huggingface import exported_rows, with_mean_rows
from igsm.rundir import atomic_write, write_json

MARK = "lora_"
"""Part of the name of every trained tensor of an update."""


class LoRAEmbedding(nn.Embedding):
    """An embedding [V, W] plus `scale * A @ B` with A [V, r] zero and B [r, W] random at first."""

    lora_a: nn.Parameter
    lora_b: nn.Parameter
    scale: float

    @classmethod
    def wrap(cls, base: nn.Embedding, rank: int, scale: float) -> LoRAEmbedding:
        layer = cls(base.num_embeddings, base.embedding_dim, _weight=base.weight, _freeze=True)
        layer.lora_a = nn.Parameter(base.weight.new_zeros(base.num_embeddings, rank))
        layer.lora_b = nn.Parameter(base.weight.new_empty(rank, base.embedding_dim).normal_(std=0.02))
        layer.scale = scale
        return layer

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids) + self.scale * (F.embedding(ids, self.lora_a) @ self.lora_b)

    def merged(self) -> Tensor:
        """The weights [V, W] that a plain embedding needs to compute the same."""
        return self.weight + self.scale * (self.lora_a @ self.lora_b)


class LoRAOutput(nn.Module):
    """What is added to the logits: `scale * B @ A` of the states, with A [r, W] random and B [V, r] zero at first."""

    def __init__(self, base: Tensor, rank: int, scale: float) -> None:
        super().__init__()
        vocabulary, width = base.shape
        self.lora_a = nn.Parameter(base.new_empty(rank, width).normal_(std=width**-0.5))
        self.lora_b = nn.Parameter(base.new_zeros(vocabulary, rank))
        self.scale = scale

    def forward(self, states: Tensor) -> Tensor:
        return self.scale * F.linear(F.linear(states, self.lora_a), self.lora_b)

    def update(self) -> Tensor:
        """What it adds to the output matrix [V, W]."""
        return self.scale * (self.lora_b @ self.lora_a)


class LoRAQueryKeyValue(nn.Linear):
    """The fused projection W -> 3W with updates of rank r on its query third and its value third.

    Each update is `scale * B @ A` with A [r, W] random and B [W, r] zero at first.
    """

    lora_query_a: nn.Parameter
    lora_query_b: nn.Parameter
    lora_value_a: nn.Parameter
    lora_value_b: nn.Parameter
    scale: float

    @classmethod
    def wrap(cls, base: nn.Linear, rank: int, scale: float) -> LoRAQueryKeyValue:
        with torch.device("meta"):
            layer = cls(base.in_features, base.out_features, bias=base.bias is not None)
        layer.weight, layer.bias = base.weight, base.bias
        width, deviation = base.in_features, base.in_features**-0.5
        layer.lora_query_a = nn.Parameter(base.weight.new_empty(rank, width).normal_(std=deviation))
        layer.lora_query_b = nn.Parameter(base.weight.new_zeros(width, rank))
        layer.lora_value_a = nn.Parameter(base.weight.new_empty(rank, width).normal_(std=deviation))
        layer.lora_value_b = nn.Parameter(base.weight.new_zeros(width, rank))
        layer.scale = scale
        return layer

    def forward(self, x: Tensor) -> Tensor:
        query = F.linear(F.linear(x, self.lora_query_a), self.lora_query_b)
        value = F.linear(F.linear(x, self.lora_value_a), self.lora_value_b)
        update = torch.cat((query, torch.zeros_like(query), value), dim=-1)
        return super().forward(x) + self.scale * update

    def merged(self) -> Tensor:
        """The weights [3W, W] that a plain projection needs to compute the same."""
        query, value = self.lora_query_b @ self.lora_query_a, self.lora_value_b @ self.lora_value_a
        return self.weight + self.scale * torch.cat((query, torch.zeros_like(query), value))


def add_lora(model: GPT, config: LoRAConfig) -> GPT:
    """Freeze `model` and give it updates, in place; it computes the same until they are trained.

    The random halves come from torch's global generator: seed it before.
    """
    model.requires_grad_(False)
    if config.output_rank:
        model.output_update = LoRAOutput(model.output_matrix, config.output_rank, config.scale)
    if config.embedding_rank:
        model.embedding = LoRAEmbedding.wrap(model.embedding, config.embedding_rank, config.scale)
    if config.query_value_rank:
        for block in model.blocks:
            attention: Any = block.attention
            attention.qkv = LoRAQueryKeyValue.wrap(attention.qkv, config.query_value_rank, config.scale)
    return model


@torch.no_grad()
def merge_lora(model: GPT) -> GPT:
    """A plain model that computes what `model` with its updates computes, untied if embedding or output have any."""
    update = model.output_update
    untied = model.config.tied and (isinstance(model.embedding, LoRAEmbedding) or update is not None)
    with torch.device("meta"):
        plain = GPT(model.config.model_copy(update={"tied": model.config.tied and not untied}))
    weights = {name: tensor for name, tensor in model.state_dict().items() if MARK not in name}
    if untied or update is not None:
        weights["output.weight"] = model.merged_output_matrix
    for name, module in model.named_modules():
        if isinstance(module, LoRAEmbedding | LoRAQueryKeyValue):
            weights[f"{name}.weight"] = module.merged()
    plain.load_state_dict({name: tensor.detach().clone() for name, tensor in weights.items()}, assign=True)
    return plain.requires_grad_(False).train(model.training)


# ---------------------------------------------------------------- PEFT's file format


def save_peft_adapter(folder: str | Path, model: GPT, config: LoRAConfig, n_ids: int | None = None) -> None:
    """Write the updates as a PEFT adapter of the exported Hugging Face model (`mistakes export RUN`).

    Rows that the export adds for `n_ids` ids in use (`export_model`) get the mean of the updates, as they do there.

    PEFT has one update for a fused projection: here of rank 2r, its two halves being those of query and
    value, which is exact. Names and order of rows are GPTNeoXForCausalLM's, which groups them by head.

    Raises:
        InputError: the model is not GPT-NeoX (Llama's export has no fused projection).
    """
    if not model.config.is_gpt_neox:
        raise InputError("a PEFT adapter can be written for the gpt2 architecture without qk_norm and canon only")
    prefix, tensors = "base_model.model.gpt_neox", {}
    n_rows = exported_rows(model, n_ids)
    ranks: dict[str, int] = {}
    if config.embedding_rank:
        embedding: Any = model.embedding
        tensors[f"{prefix}.embed_in.lora_embedding_A"] = with_mean_rows(embedding.lora_a, n_rows).T
        tensors[f"{prefix}.embed_in.lora_embedding_B"] = embedding.lora_b.T
        ranks["embed_in"] = config.embedding_rank
    if config.output_rank:
        output: Any = model.output_update
        tensors["base_model.model.lm_head.lora_A.weight"] = output.lora_a  # its name since transformers 5
        tensors["base_model.model.lm_head.lora_B.weight"] = with_mean_rows(output.lora_b, n_rows)
        ranks["lm_head"] = config.output_rank
    if config.query_value_rank:
        for number, block in enumerate(model.blocks):
            attention: Any = block.attention
            layer = attention.qkv
            name = f"{prefix}.layers.{number}.attention.query_key_value"
            none = torch.zeros_like(layer.lora_query_b)
            columns = (
                torch.cat((layer.lora_query_b, none, none)),
                torch.cat((none, none, layer.lora_value_b)),
            )
            b = torch.cat(columns, dim=1)
            grouped = b.view(3, attention.heads, attention.head_size, -1).transpose(0, 1).reshape(b.shape)
            tensors[f"{name}.lora_A.weight"] = torch.cat((layer.lora_query_a, layer.lora_value_a))
            tensors[f"{name}.lora_B.weight"] = grouped
        ranks["query_key_value"] = 2 * config.query_value_rank
    rank = max(ranks.values(), default=1)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "target_modules": sorted(ranks),
        "r": rank,
        "lora_alpha": rank * config.scale,
        "rank_pattern": ranks,
        "alpha_pattern": {name: own * config.scale for name, own in ranks.items()},
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    detached = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data = safetensors.torch.save(detached, {"format": "pt"})
    atomic_write(Path(folder) / "adapter_model.safetensors", data)
    write_json(Path(folder) / "adapter_config.json", settings)
