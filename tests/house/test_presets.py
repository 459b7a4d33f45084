"""Every shipped preset of probing and fine-tuning is complete (those of pretraining: tests/training)."""

from __future__ import annotations

from pathlib import Path

import pytest

from igsm.config import load_config
from igsm.probing.config import ProbeConfig
from igsm.training.config import FinetuneConfig

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize("path", sorted((CONFIGS / "probe").rglob("*.yaml")), ids=str)
def test_probe_preset(path: Path) -> None:
    """Guards against a preset that names an unknown key or cannot be divided into micro-batches."""
    config = load_config(ProbeConfig, path)
    assert config.training.batch % (config.training.micro_batch or config.training.batch) == 0


@pytest.mark.parametrize("path", sorted((CONFIGS / "finetune").rglob("*.yaml")), ids=str)
def test_finetune_preset(path: Path) -> None:
    config = load_config(FinetuneConfig, path)
    assert config.data.mistakes.kind != "none", "a fine-tuning preset without mistakes teaches nothing about them"
    assert config.training.batch % (config.training.micro_batch or config.training.batch) == 0
