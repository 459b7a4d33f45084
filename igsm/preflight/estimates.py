"""What work takes at the least: bytes of memory and of disk. A run that these estimates refuse could not succeed."""

from __future__ import annotations

from math import lcm

from igsm.model.config import LoRAConfig, ModelConfig
from igsm.training.config import TrainingConfig

FLOAT = 4
KEPT_A_LAYER = 8
"""Values a token that a layer keeps for the backward pass, in widths of the residual stream; really 10 to 18: inputs of
the norms and projections, queries, keys, values, and the MLP's hidden layer."""
BYTES_A_POSITION = 16
"""Of a batch in the host's memory: inputs and targets as int64."""
SHARD_BYTES_A_TOKEN = 2 + 3 / 8
"""Ids and the bits of three roles."""
TEXT_BYTES_A_TOKEN = {"jsonl": 2.0, "chat": 2.0, "parquet": 0.5}
"""Half of what 300 med problems take: 4.2 bytes as JSON lines, 1.2 as Parquet."""


def n_weights(model: ModelConfig) -> int:
    """Weights of a model, its norms and biases left out."""
    looked_up = 0 if model.tied else (model.vocabulary_size or 0) * model.width
    return model.multiplied_weights + looked_up


def n_trained(model: ModelConfig, lora: LoRAConfig | None) -> int:
    """Weights that are trained: all, or those of the low-rank updates."""
    return n_weights(model) if lora is None else lora.n_weights(model)


def moments(training: TrainingConfig) -> int:
    """Numbers that the optimizer keeps for a weight: of Muon one, since few weights are AdamW's."""
    return 1 if training.optimizer == "muon" else 2


def weight_bytes(model: ModelConfig, lora: LoRAConfig | None, training: TrainingConfig) -> int:
    """Weights, gradients and the optimizer's state on the device."""
    return FLOAT * (n_weights(model) + (1 + moments(training)) * n_trained(model, lora))


def activation_bytes(model: ModelConfig, rows: int, context: int, half: bool) -> int:
    """What the forward pass of `rows` windows keeps for the backward pass, and the logits."""
    each = KEPT_A_LAYER * model.width * model.layers + (model.vocabulary_size or 0)
    return rows * context * each * (FLOAT // 2 if half else FLOAT)


def checkpoint_bytes(model: ModelConfig, lora: LoRAConfig | None, training: TrainingConfig) -> int:
    """One checkpoint: weights and the optimizer's state."""
    return FLOAT * (n_weights(model) + moments(training) * n_trained(model, lora))


def n_checkpoints(training: TrainingConfig, writing: bool = True) -> int:
    """Checkpoints on the disk at the end, those of `keep_every` among them; with the one being written."""
    saves = -(-training.steps // training.checkpoint_every)
    last = min(saves, training.keep_last + writing)
    if training.keep_every is None:
        return last
    return last + (saves - last) * training.checkpoint_every // lcm(training.keep_every, training.checkpoint_every)
