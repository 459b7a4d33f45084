"""The Copilot: a network that predicts its Pilot's errors from the errors before and the Pilot's states.

Transformer Copilot, arXiv 2505.16270, section 4 (decoder-only). In the order of a document, token y_i of the answer is
predicted at the position t that holds the token before it. There

- the Pilot's error is l_t = onehot(y_i) - p_t, a vector over the vocabulary;
- the Copilot's input is W l_(t-1), 0 at the first position of the answer;
- odd layers (the first, the third, ...) are causal self-attention over the positions of the answer;
- even layers take their keys and values from one sequence, the *sources*: the embedded tokens of the problem, then, for
  positions of the answer up to t, the mean over the Pilot's layers of what comes out of them;
- its output f_t is linear, without softmax, and is trained to be l_t.

The answer begins at the mark before the solution, which is the first position that predicts a token of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from igsm.model.config import CopilotConfig, ModelConfig
from igsm.model.contract import Inputs, KeysValues, Memory, Remembering, number_slots
from igsm.model.gpt import GPT, MLP, Block, norm
from igsm.model.rotary import rotate, rotation
from igsm.model.sight import EXTRA, Parts, Remembered, Sight, Windows


def sources(embedded: Tensor, layers: list[Tensor], answering: Tensor) -> Tensor:
    """What even layers look at [B, T, width]: embedded tokens in the problem, means over the Pilot's layers behind it.

    Args:
        embedded: [B, T, width].
        layers: what comes out of each of the Pilot's blocks, each [B, T, width].
        answering: bool [B, T].
    """
    return torch.where(answering[..., None], torch.stack(layers).mean(0), embedded)


class CopilotAttention(Remembering):
    """Attention of an odd layer (to the Copilot's own states) or of an even one (to the sources)."""

    def __init__(self, shape: ModelConfig, crossing: bool) -> None:
        super().__init__()
        bias = shape.architecture == "gpt2"
        self.crossing, self.heads, self.head_size = crossing, shape.heads, shape.head_size
        self.kept = KeysValues(shape.heads, shape.head_size + (0 if crossing else EXTRA))
        self.query, self.key, self.value, self.output = (
            nn.Linear(shape.width, shape.width, bias=bias) for _ in range(4)
        )

    def forward(self, x: Tensor, source: Tensor, turned: tuple[Tensor, Tensor] | None, sight: Sight) -> Tensor:
        other = source if self.crossing else x
        q, k, v = (
            linear(states).unflatten(-1, (self.heads, self.head_size)).transpose(1, 2)
            for linear, states in ((self.query, x), (self.key, other), (self.value, other))
        )
        if turned is not None:
            q, k = rotate(q, *turned), rotate(k, *turned)
        mixed: Tensor = self.output(sight.mix(self.slot, self.crossing, q, k, v).transpose(1, 2).flatten(2))
        return mixed

    def remember(self, source: Tensor, turned: tuple[Tensor, Tensor] | None, sight: Sight) -> None:
        """Let the memory know positions of the problem, whose own states nobody needs."""
        nothing = source.new_zeros(*source.shape[:2], self.heads, self.head_size).transpose(1, 2)
        k = v = nothing
        if self.crossing:
            k, v = (
                linear(source).unflatten(-1, (self.heads, self.head_size)).transpose(1, 2)
                for linear in (self.key, self.value)
            )
            k = k if turned is None else rotate(k, *turned)
        sight.mix(self.slot, self.crossing, nothing, k, v)


class CopilotBlock(nn.Module):
    """Pre-norm residual block, as the Pilot's but for the attention."""

    def __init__(self, shape: ModelConfig, crossing: bool) -> None:
        super().__init__()
        self.attention_norm = norm(shape)
        self.attention = CopilotAttention(shape, crossing)
        self.mlp_norm = norm(shape)
        self.mlp = MLP(shape)

    def matrices(self) -> Mapping[nn.Parameter, int]:
        """What Muon trains, see `igsm.model.trained`."""
        return {one: 1 for one in self.parameters() if one.dim() == 2}

    def forward(self, x: Tensor, source: Tensor, turned: tuple[Tensor, Tensor] | None, sight: Sight) -> Tensor:
        x = x + F.dropout(
            self.attention(self.attention_norm(x), source, turned, sight), self.mlp.dropout, self.training
        )
        y: Tensor = x + self.mlp(self.mlp_norm(x))
        return y


class _Fed(Remembering):
    """What the next position is fed, and whether this one is the answer's, kept from step to step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kept = Inputs(width + 1)


class Copilot(nn.Module):
    """Predicts errors of a Pilot. Its output begins at 0: the pair begins as the Pilot alone.

    Other initial weights are GPT-2's (`igsm.model.gpt.GPT`), from torch's global generator: seed it before.

    Args:
        config: its settings.
        pilot: the Pilot's shape.

    Raises:
        InputError: see `CopilotConfig.shape`.
    """

    def __init__(self, config: CopilotConfig, pilot: ModelConfig) -> None:
        super().__init__()
        assert pilot.vocabulary_size is not None
        self.config, self.shape = config, config.shape(pilot)
        self.rate = 1.0
        """Learning rate relative to the Pilot's, see `igsm.model.trained`."""
        self.in_blocks = self.in_float32 = False
        """Whether products of attention are in bfloat16 where the layers' are (set by the trainer)."""
        width = self.shape.width
        self.fed = _Fed(width)
        self.input = nn.Linear(pilot.vocabulary_size, width, bias=False)
        self.resize = nn.Linear(pilot.width, width, bias=False) if pilot.width != width else None
        """Of sources, where the Pilot has another width."""
        self.blocks = nn.ModuleList(CopilotBlock(self.shape, layer % 2 == 1) for layer in range(self.shape.layers))
        self.final_norm = norm(self.shape)
        self.output = nn.Linear(width, pilot.vocabulary_size, bias=False)
        self.sharp_matrix: Tensor | None
        self.register_buffer("sharp_matrix", None, persistent=False)  # float32, in a copy of low precision only
        self.slots = number_slots(self)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                residual = name.endswith(("attention.output", "mlp.down"))
                nn.init.normal_(module.weight, std=0.02 / (2 * self.shape.layers) ** 0.5 if residual else 0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.zeros_(self.output.weight)

    def start_as(self, pilot: GPT) -> None:
        """Take the weights of the Pilot's first layers; input and output stay as they are."""
        for own, theirs in zip(self.blocks, pilot.blocks, strict=False):
            assert isinstance(own, CopilotBlock)
            assert isinstance(theirs, Block)
            own.attention_norm.load_state_dict(theirs.attention_norm.state_dict())
            own.mlp_norm.load_state_dict(theirs.mlp_norm.state_dict())
            own.mlp.load_state_dict(theirs.mlp.state_dict())
            own.attention.output.load_state_dict(theirs.attention.output.state_dict())
            fused = theirs.attention.qkv.state_dict()
            pieces = {name: tensor.chunk(3) for name, tensor in fused.items()}
            for number, linear in enumerate((own.attention.query, own.attention.key, own.attention.value)):
                linear.load_state_dict({name: piece[number] for name, piece in pieces.items()})
        self.final_norm.load_state_dict(pilot.final_norm.state_dict())

    def matrices(self) -> Mapping[nn.Parameter, int]:
        """What Muon trains besides the blocks', see `igsm.model.trained`."""
        return {} if self.resize is None else dict.fromkeys(self.resize.parameters(), 1)

    def _turned(self, positions: Tensor) -> tuple[Tensor, Tensor] | None:
        return rotation(positions, self.shape.head_size, self.shape.rotary_base) if self.config.rotary else None

    def _output(self, states: Tensor) -> Tensor:
        if self.sharp_matrix is not None:
            return F.linear(states.float(), self.sharp_matrix)
        found: Tensor = self.output(states)
        return found

    def forward(self, errors: Tensor, source: Tensor, parts: Parts) -> Tensor:
        """Predicted errors [B, T, vocabulary] of whole rows; those outside answers mean nothing.

        Args:
            errors: the Pilot's at every position [B, T, vocabulary]; each position is fed the one before.
            source: see `sources`.
            parts: of the rows.
        """
        x = self.input(errors).to(source.dtype)  # autocast must not put the residual stream to bfloat16
        same = parts.documents[:, 1:] == parts.documents[:, :-1]
        fed = same & parts.answering[:, :-1] & (self.config.errors == "own")
        x = F.pad(x[:, :-1] * fed[..., None], (0, 0, 1, 0))
        source = source if self.resize is None else self.resize(source)
        turned = self._turned(torch.arange(errors.shape[1], device=errors.device))
        sight = Windows(parts, self.in_blocks, self.in_float32)
        for block in self.blocks:
            x = block(x, source, turned, sight)
        return self._output(self.final_norm(x))

    def remember(self, embedded: Tensor, positions: Tensor, memory: Memory) -> None:
        """Let the memory know tokens of the problem, at which nothing is predicted.

        Args:
            embedded: [B, T, width].
            positions: [T] or [B, T].
            memory: of the slots of this model.
        """
        memory.recall(self.fed.slot, embedded.new_zeros(*embedded.shape[:2], self.shape.width + 1), 0)
        source = embedded if self.resize is None else self.resize(embedded)
        sight = Remembered(memory, embedded.new_zeros(embedded.shape[:2], dtype=torch.bool))
        for block in self.blocks:
            assert isinstance(block, CopilotBlock)
            block.attention.remember(source, self._turned(positions), sight)

    def step(self, embedded: Tensor, layers: list[Tensor], starts: Tensor, positions: Tensor, memory: Memory) -> Tensor:
        """Predicted errors [B, 1, vocabulary] of one token a row, fed with those of the token before; 0 in the problem.

        Args:
            embedded, layers: the Pilot's, see `sources`.
            starts: which tokens are the mark before the solution, bool [B, 1].
            positions: [1] or [B, 1].
            memory: of the slots of this model.
        """
        x = embedded.new_zeros(*embedded.shape[:2], self.shape.width + 1)
        turned = self._turned(positions)
        (before,) = memory.recall(self.fed.slot, x, 1)
        answering = starts | (before[..., -1] > 0)
        source = sources(embedded, layers, answering)
        source = source if self.resize is None else self.resize(source)
        x = before[..., :-1]
        sight = Remembered(memory, answering)
        for block in self.blocks:
            x = block(x, source, turned, sight)
        found = self._output(self.final_norm(x)) * answering[..., None]
        fed = self.input(found.to(self.input.weight.dtype)) * (self.config.errors == "own")
        memory.recall(self.fed.slot, torch.cat((fed, answering[..., None].to(fed.dtype)), -1), 0)
        return found

    def for_decoding(self, dtype: torch.dtype) -> Copilot:
        """A copy that computes in `dtype`, its output in float32."""
        copied = copy.deepcopy(self).to(dtype)
        if dtype != torch.float32:
            copied.sharp_matrix = self.output.weight.detach().float().clone()
        return copied


class Pair(nn.Module):
    """A Pilot and its Copilot: what a run of both trains, and what its checkpoints hold."""

    def __init__(self, pilot: GPT, copilot: Copilot) -> None:
        super().__init__()
        self.pilot, self.copilot = pilot, copilot
