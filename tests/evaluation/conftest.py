"""A run folder with an untrained model, and a cache of test sets of its own."""

from __future__ import annotations

import pytest
import torch

from igsm.corpus.config import DataConfig
from igsm.evaluation.runs import load_run
from igsm.model import ModelConfig
from igsm.training.config import PretrainConfig, TrainingConfig
from tests.evaluation.helpers import NANO
from tests.untrained import write_untrained


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.set_num_threads(1)


@pytest.fixture
def train(tmp_path):
    """Writes an untrained model as the checkpoint of a step, other weights for every seed; returns its folder."""

    def write(step=5, seed=0):
        training = TrainingConfig(steps=step, batch=2, warmup_steps=1)
        shape = ModelConfig(layers=1, heads=1, head_size=8)
        config = PretrainConfig(data=DataConfig(problem=NANO, context=55), model=shape, training=training)
        return write_untrained(tmp_path / "run", config, step, seed)

    return write


@pytest.fixture
def run(tmp_path, train):
    """The run folder, loaded."""
    train()
    return load_run(tmp_path / "run")
