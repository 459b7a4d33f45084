"""The transformer: GPT-2's or Llama's block with rotary positions (Part 2.2 appendix D)."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.errors import InputError
from igsm.model.blocked_attention import LONGEST, blocked_attention
from igsm.model.config import ModelConfig
from igsm.model.contract import Inputs, KeysValues, Memory, Remembering, look_back, number_slots
from igsm.model.gelu import gelu
from igsm.model.rotary import rotate, rotation

NORM_EPSILON = 1e-5
CANON_WINDOW = 4
"""Tokens that a Canon layer mixes, the token itself included."""


class RMSNorm(nn.RMSNorm):
    """RMS normalisation in float32 whatever the dtype of the input; what it returns has LayerNorm's dtype.

    That is float32 under autocast, else the input's.
    """

    def forward(self, x: Tensor) -> Tensor:
        y = F.rms_norm(x.float(), tuple(self.normalized_shape), self.weight.float(), self.eps)
        return y if torch.is_autocast_enabled(x.device.type) else y.to(x.dtype)


def norm(config: ModelConfig) -> nn.Module:
    """The normalisation of a shape's architecture."""
    if config.architecture == "gpt2":
        return nn.LayerNorm(config.width, eps=NORM_EPSILON)
    return RMSNorm(config.width, eps=NORM_EPSILON)


class Canon(Remembering):
    """x plus a causal convolution of x over the last four tokens, each channel for itself (arXiv 2512.17351)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kept = Inputs(width)
        # Conv1d's layout, oldest token first; not a matrix, so Muon leaves it to AdamW.
        self.weight = nn.Parameter(torch.empty(width, 1, CANON_WINDOW))

    def forward(self, x: Tensor, memory: Memory | None) -> Tensor:
        weight = self.weight[:, 0].flip(1).to(x.dtype).unbind(1)
        y = x * (1 + weight[0])
        most = CANON_WINDOW - 1
        before = look_back(x, most) if memory is None else memory.recall(self.slot, x, most)
        for back, earlier in enumerate(before, start=1):
            y = torch.addcmul(y, earlier, weight[back])
        return y


class Attention(Remembering):
    """Multi-head causal self-attention with one fused query/key/value projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.architecture == "gpt2"
        self.heads, self.head_size = config.heads, config.head_size
        self.kept = KeysValues(config.heads, config.head_size)
        self.dropout = config.dropout
        self.in_float32 = False
        """Whether attention itself stays in float32 under autocast (set by the trainer)."""
        self.in_blocks = False
        """Whether its products, and no more, are in bfloat16 all the same (set by the trainer)."""
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=bias)
        self.output = nn.Linear(config.width, config.width, bias=bias)
        self.query_norm: nn.Module = nn.Identity()
        self.key_norm: nn.Module = nn.Identity()
        if config.qk_norm:
            self.query_norm = RMSNorm(config.head_size, eps=NORM_EPSILON)
            self.key_norm = RMSNorm(config.head_size, eps=NORM_EPSILON)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, memory: Memory | None) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, self.head_size)
        cast: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        in_float32 = self.in_float32 and torch.is_autocast_enabled(x.device.type)
        if in_float32:
            qkv, cast = qkv.float(), torch.autocast(x.device.type, enabled=False)
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))
        q = rotate(self.query_norm(q).to(v.dtype), cosine, sine)
        k = rotate(self.key_norm(k).to(v.dtype), cosine, sine)
        with cast:
            if memory is not None:
                mixed = memory.attend(self.slot, q, k, v)
            elif in_float32 and self.in_blocks and length <= LONGEST and not self.dropout:
                mixed = blocked_attention(q, k, v)
            else:
                dropout = self.dropout if self.training else 0.0
                mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(batch, length, width)
        return F.dropout(self.output(mixed), self.dropout, self.training)


class MLP(nn.Module):
    """GPT-2's two-layer GELU (tanh form) network, or Llama's gated SiLU one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bias = config.architecture == "gpt2"
        self.dropout = config.dropout
        self.up = nn.Linear(config.width, config.mlp_width, bias=bias)
        self.gate = None if bias else nn.Linear(config.width, config.mlp_width, bias=False)
        self.down = nn.Linear(config.mlp_width, config.width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.gate is None:
            hidden = gelu(self.up(x))
        else:
            hidden = F.silu(self.gate(x)) * self.up(x)
        return F.dropout(self.down(hidden), self.dropout, self.training)


class Block(nn.Module):
    """Pre-norm residual block."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention_norm = norm(config)
        self.attention = Attention(config)
        self.mlp_norm = norm(config)
        self.mlp = MLP(config)
        self.attention_canon = Canon(config.width) if config.canon in ("A", "AC") else None
        self.mlp_canon = Canon(config.width) if config.canon in ("C", "AC") else None

    def matrices(self) -> Mapping[nn.Parameter, int]:
        """What Muon trains, see `igsm.model.trained`: query, key and value are three matrices."""
        fused = self.attention.qkv.weight
        return {one: 3 if one is fused else 1 for one in self.parameters() if one.dim() == 2}

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, memory: Memory | None) -> Tensor:
        y = self.attention_norm(x)
        if self.attention_canon is not None:
            y = self.attention_canon(y, memory)
        x = x + self.attention(y, cosine, sine, memory)
        y = self.mlp_norm(x)
        if self.mlp_canon is not None:
            y = self.mlp_canon(y, memory)
        return x + self.mlp(y)


class GPT(nn.Module):
    """Decoder-only language model on token ids; it has no maximum length.

    Initial weights are GPT-2's: normal with deviation 0.02, divided by sqrt(2 * layers) for the projections
    that write to the residual stream; biases 0; Canon layers as Conv1d. They come from torch's global
    generator: seed it before.

    Raises:
        InputError: if `config.vocabulary_size` is missing.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.vocabulary_size is None:
            raise InputError("model.vocabulary_size is missing: give it, or take it from the data's vocabulary")
        self.config = config
        self.residual_dtype: torch.dtype | None = None
        """Dtype of the residual stream under autocast if it is not the embedding's (set by the trainer)."""
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = norm(config)
        self.output = None if config.tied else nn.Linear(config.width, config.vocabulary_size, bias=False)
        self.output_update: Any = None
        """A low-rank update of the output matrix (`igsm.model.lora.LoRAOutput`), None without one."""
        self.sharp_matrix: Tensor | None
        self.register_buffer("sharp_matrix", None, persistent=False)  # float32, in a copy of low precision only
        self.slots = number_slots(self)
        """What a decoder's cache must keep of each token."""
        self._initialise()

    def _initialise(self) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                residual = name.endswith(("attention.output", "mlp.down"))
                deviation = 0.02 / (2 * self.config.layers) ** 0.5 if residual else 0.02
                if module is self.embedding:
                    deviation = self.config.embedding_deviation
                nn.init.normal_(module.weight, std=deviation)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, Canon):
                nn.init.uniform_(module.weight, -(CANON_WINDOW**-0.5), CANON_WINDOW**-0.5)  # Conv1d's

    def hidden(
        self,
        ids: Tensor,
        *,
        positions: Tensor | None = None,
        memory: Memory | None = None,
        seen: list[Tensor] | None = None,
    ) -> Tensor:
        """Final normed states [B, T, width] of ids [B, T].

        Args:
            ids: token ids, int64 or int32.
            positions: [T] or [B, T]; 0..T-1 by default. Only differences of positions matter.
            memory: where the layers find earlier tokens, in place of those before in `ids`.
            seen: gets the embedded ids and what comes out of each block, not normed: each [B, T, width].
        """
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device)
        cosine, sine = rotation(positions, self.config.head_size, self.config.rotary_base)
        x = self.embedding(ids)
        if self.residual_dtype is not None and torch.is_autocast_enabled(ids.device.type):
            x = x.to(self.residual_dtype)
        x = F.dropout(x, self.config.dropout, self.training)
        if seen is not None:
            seen.append(x)
        for block in self.blocks:
            x = block(x, cosine, sine, memory)
            if seen is not None:
                seen.append(x)
        return self.final_norm(x)

    @property
    def output_matrix(self) -> Tensor:
        """[vocabulary_size, width]: the embedding, where the two are tied; without a low-rank update."""
        return self.embedding.weight if self.output is None else self.output.weight

    @property
    def merged_output_matrix(self) -> Tensor:
        """[vocabulary_size, width]: `output_matrix` with its low-rank update, if it has one."""
        return self.output_matrix if self.output_update is None else self.output_matrix + self.output_update.update()

    def head(self, states: Tensor) -> Tensor:
        """Logits [..., vocabulary_size] of final normed states [..., width]."""
        if self.sharp_matrix is not None:
            return F.linear(states.float(), self.sharp_matrix)
        logits = F.linear(states, self.output_matrix)
        return logits if self.output_update is None else logits + self.output_update(states)

    def forward(self, ids: Tensor, *, positions: Tensor | None = None, memory: Memory | None = None) -> Tensor:
        """Logits [B, T, vocabulary_size]; the arguments are those of `hidden`."""
        return self.head(self.hidden(ids, positions=positions, memory=memory))

    def for_decoding(self, dtype: torch.dtype) -> GPT:
        """A copy that computes in `dtype`, its logits always in float32: ties in bfloat16 are frequent."""
        copied = copy.deepcopy(self)
        copied.residual_dtype = None  # a trainer's float32 residual stream needs its autocast
        copied.to(dtype)
        if dtype != torch.float32:
            copied.sharp_matrix = self.merged_output_matrix.detach().float().clone()
        return copied
