"""Run folders with a tiny untrained model, as training leaves them."""

from __future__ import annotations

from pathlib import Path

import torch

from igsm.config import load_config
from igsm.corpus.vocabulary import load_vocabulary
from igsm.model import GPT, ModelConfig
from igsm.model.checkpoint import save_checkpoint
from igsm.training.config import PretrainConfig

ROOT = Path(__file__).resolve().parents[1]


def tiny_nano() -> PretrainConfig:
    """The preset nano with one layer and without what the paper's models do not have."""
    config = load_config(PretrainConfig, ROOT / "configs/pretrain/nano.yaml")
    return config.model_copy(update={"model": ModelConfig(layers=1, heads=2, head_size=16)})


def write_untrained(folder: Path, config: PretrainConfig, step: int = 1, seed: int = 0) -> Path:
    """Write a model of random weights, others for every seed, as the run's checkpoint of a step; returns its folder."""
    vocabulary = load_vocabulary(config.data.problem, config.data.vocabulary)
    shape = config.model.model_copy(update={"vocabulary_size": vocabulary.size})
    torch.manual_seed(seed)
    checkpoint = folder / "checkpoints" / f"step_{step}"
    config = config.model_copy(update={"model": shape})
    save_checkpoint(checkpoint, GPT(shape), {}, config, vocabulary.content())
    return checkpoint
