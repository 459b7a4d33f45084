"""Every shipped preset of probing and fine-tuning is complete (those of pretraining: tests/training)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.config import command
from igsm.config import load_config
from igsm.errors import InputError
from igsm.probing.config import ProbeConfig
from igsm.training.config import FinetuneConfig
from igsm.training.copilot_config import CopilotRunConfig

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


@pytest.mark.parametrize("path", sorted((CONFIGS / "copilot").rglob("*.yaml")), ids=str)
def test_copilot_preset(path: Path) -> None:
    config = load_config(CopilotRunConfig, path)
    assert config.training.batch % (config.training.micro_batch or config.training.batch) == 0


PRESETS = [
    path for stage in ("pretrain", "finetune", "probe", "copilot") for path in sorted((CONFIGS / stage).rglob("*.yaml"))
]


@pytest.mark.parametrize("path", PRESETS, ids=str)
def test_what_a_preset_is_for_is_known(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards: `mistakes config` that prints a preset of one stage as another's."""
    command(path)
    assert capsys.readouterr().out.startswith(f"stage: {path.relative_to(CONFIGS).parts[0]}\n")


def test_a_stage_that_there_is_not_is_one_line() -> None:
    with pytest.raises(InputError, match="stage: 'finetun' is none; did you mean 'finetune'?"):
        command(CONFIGS / "finetune" / "lora.yaml", ["stage=finetun"])
