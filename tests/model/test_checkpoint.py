"""A checkpoint is whole or not there, and a model comes back from its folder alone."""

from __future__ import annotations

import builtins
import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from igsm.checkpoints import TRAINING_STATE, find_checkpoint, latest_checkpoint
from igsm.config import Config
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig, load_model, save_checkpoint
from igsm.model.checkpoint import load_training_state


class Run(Config):
    seed: int = 3
    model: ModelConfig


SHAPE = ModelConfig(layers=2, heads=2, head_size=8, vocabulary_size=64)


def saved(run: Path, step: int = 1, shape: ModelConfig = SHAPE) -> GPT:
    torch.manual_seed(step)
    model = GPT(shape).eval()
    state = {"step": step, "x": torch.ones(2)}
    save_checkpoint(run / f"checkpoints/step_{step}", model, state, Run(model=shape), {"ids": [7, 5]})
    return model


@pytest.mark.parametrize("settings", [{}, {"architecture": "llama", "qk_norm": True}, {"tied": False}, {"canon": "AC"}])
def test_a_loaded_model_computes_the_same(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Guards trap 7: buffers or tied weights lost between saving and loading."""
    model = saved(tmp_path, shape=ModelConfig(**(SHAPE.model_dump() | settings)))
    loaded, config = load_model(tmp_path)
    ids = torch.arange(30).view(1, 30)
    assert torch.equal(loaded(ids), model(ids))
    assert config["seed"] == 3
    assert not loaded.training
    assert torch.equal(load_model(tmp_path / "checkpoints/step_1")[0](ids), model(ids))


def test_training_state_comes_back(tmp_path: Path) -> None:
    saved(tmp_path)
    state = load_training_state(tmp_path / "checkpoints/step_1")
    assert state["step"] == 1
    assert torch.equal(state["x"], torch.ones(2))


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "training_state.pt", "config.yaml", "vocabulary.json", "manifest.json"]
)
@pytest.mark.parametrize("harm", ["cut", "flip", "remove"])
def test_a_damaged_checkpoint_falls_back_and_says_so(tmp_path: Path, name: str, harm: str) -> None:
    """Guards: half a file from a killed copy loaded as if it were whole."""
    saved(tmp_path, 1)
    saved(tmp_path, 2)
    file = tmp_path / "checkpoints/step_2" / name
    data = file.read_bytes()
    if harm == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif harm == "flip":
        place = data.index(b'"sha256": "') + 11 if name == "manifest.json" else len(data) // 2
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    else:
        file.unlink()
    found, broken = latest_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "step_1"
    assert len(broken) == 1
    assert "step_2" in broken[0]


def test_a_model_is_used_without_its_training_state(tmp_path: Path) -> None:
    """Guards: a run copied without what only training needs that nobody can load, or that training takes for whole."""
    saved(tmp_path, 1)
    model = saved(tmp_path, 2)
    (tmp_path / "checkpoints/step_2" / TRAINING_STATE).unlink()
    assert find_checkpoint(tmp_path).name == "step_2"
    ids = torch.arange(30).view(1, 30)
    assert torch.equal(load_model(tmp_path)[0](ids), model(ids))
    found, broken = latest_checkpoint(tmp_path)
    assert found == tmp_path / "checkpoints/step_1"
    assert "training_state.pt is missing" in broken[0]


def test_a_full_disk_leaves_nothing_and_keeps_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a half-written folder that looks like the newest checkpoint."""
    saved(tmp_path, 1)
    real = builtins.open

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> None:
            self.file.write(data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(path: Any, mode: str = "r", **kw: Any) -> Any:
        return Full(real(path, mode)) if "training_state" in str(path) else real(path, mode, **kw)

    monkeypatch.setattr(builtins, "open", full)
    with pytest.raises(OSError, match="No space"):
        saved(tmp_path, 2)
    monkeypatch.undo()
    assert [entry.name for entry in (tmp_path / "checkpoints").iterdir()] == ["step_1"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    saved(tmp_path, 1)
    assert latest_checkpoint(tmp_path) == (tmp_path / "checkpoints/step_1", [])


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        load_model(tmp_path / "nothing")
    with pytest.raises(InputError, match="with a checkpoint is expected"):
        load_model(tmp_path)
    saved(tmp_path, 1)
    config = tmp_path / "checkpoints/step_1/config.yaml"
    whole = config.read_text()
    config.write_text(whole.replace("layers: 2", "layers: 3"))
    with pytest.raises(InputError, match="checksum"):
        load_model(tmp_path / "checkpoints/step_1")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Guards: a stack trace, or strict=False filling the rest with noise."""
    from igsm.model.checkpoint import load_weights

    saved(tmp_path, 1)
    for change, message in (
        ({"layers": 3}, "missing from"),
        ({"heads": 4}, "shape of"),
        ({"layers": 1}, "not part"),
    ):
        with pytest.raises(InputError, match=message):
            load_weights(tmp_path / "checkpoints/step_1", GPT(ModelConfig(**(SHAPE.model_dump() | change))))
