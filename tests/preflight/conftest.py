"""A run folder with a tiny untrained model."""

from __future__ import annotations

from pathlib import Path

import pytest

from igsm.config import load_config
from igsm.training.config import PretrainConfig
from tests.untrained import ROOT, write_untrained


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "base"
    shape = ["model.layers=1", "model.heads=2", "model.canon=none", "training.steps=200"]
    write_untrained(folder, load_config(PretrainConfig, ROOT / "configs/pretrain/nano.yaml", shape))
    return folder
