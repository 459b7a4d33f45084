"""A run folder with a tiny untrained model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from igsm.config import load_config
from igsm.model import GPT, save_checkpoint
from igsm.training.config import PretrainConfig
from igsm.training.settings import resolve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "base"
    shape = ["model.layers=1", "model.heads=2", "model.canon=none", "training.steps=200"]
    config, vocabulary = resolve(load_config(PretrainConfig, ROOT / "configs/pretrain/nano.yaml", shape))
    torch.manual_seed(0)
    save_checkpoint(folder / "checkpoints" / "step_1", GPT(config.model), {}, config, vocabulary.content())
    return folder
