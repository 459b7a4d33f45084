"""Checkpoints: a folder that is either whole or not there.

`weights.safetensors` (names of the plain module), `vocabulary.json` (what the rows of the embedding stand for),
`training_state.pt`, `config.yaml` (the run's resolved config) and `manifest.json` with the size and SHA-256 of the
others, by which a file cut short is recognised.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from igsm.checkpoints import CONFIG, TRAINING_STATE, find_stored, remove_checkpoint
from igsm.config import Config, build_config, dump_yaml
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.model.gpt import GPT
from igsm.model.lora import add_lora, merge_lora
from igsm.rundir import MANIFEST, VOCABULARY, WEIGHTS


def save_checkpoint(
    folder: str | Path,
    model: nn.Module,
    training_state: dict[str, Any],
    config: Config,
    vocabulary: Mapping[str, Any],
) -> None:
    """Write a checkpoint to `folder`, replacing one of the same name.

    All files are written to a temporary folder and reach the disk before it takes its name.

    Args:
        folder: usually `RunFolder.checkpoint(step)`.
        model: the plain module, not one wrapped by torch.compile or DistributedDataParallel.
        training_state: tensors, numbers, strings, and lists and dicts of them.
        config: the run's resolved config.
        vocabulary: what the model's ids stand for, as `igsm.corpus.vocabulary.Vocabulary.content` gives it.

    Raises:
        OSError: the disk is full or not writable; nothing is left behind.
    """
    folder = Path(folder)
    state = io.BytesIO()
    torch.save(training_state, state)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    files = {
        WEIGHTS: safetensors.torch.save(weights, {"format": "pt"}),
        TRAINING_STATE: state.getvalue(),
        CONFIG: dump_yaml(config).encode(),
        VOCABULARY: json.dumps(vocabulary).encode(),
    }
    manifest = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    files[MANIFEST] = json.dumps(manifest, indent=2).encode()
    temporary = folder.with_name(f".{folder.name}.writing")
    remove_checkpoint(temporary)
    try:
        temporary.mkdir(parents=True)
        for name, data in files.items():
            with open(temporary / name, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        _sync_folder(temporary)
        remove_checkpoint(folder)
        temporary.rename(folder)
        _sync_folder(folder.parent)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_weights(checkpoint: Path, model: nn.Module, part: str | None = None) -> None:
    """Copy a checkpoint's weights into `model`.

    Args:
        part: of the model in the checkpoint, by its name there, if `model` is only that.

    Raises:
        InputError: names or shapes differ.
    """
    path = checkpoint / WEIGHTS
    try:
        weights = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if part is not None:
        weights = {name.removeprefix(f"{part}."): one for name, one in weights.items() if name.startswith(f"{part}.")}
    expected = model.state_dict()
    for name in sorted(weights.keys() | expected.keys()):
        if name not in weights or name not in expected:
            place = "missing from" if name not in weights else "not part of the model, but in"
            raise InputError(f"{path}: another model's weights: '{name}' is {place} the file")
        if weights[name].shape != expected[name].shape:
            shapes = f"{tuple(weights[name].shape)}, the model's {tuple(expected[name].shape)}"
            raise InputError(f"{path}: another model's weights: the shape of '{name}' is {shapes}")
    model.load_state_dict(weights)


def load_training_state(checkpoint: Path) -> dict[str, Any]:
    """What `save_checkpoint` was given, on the CPU. Nothing in the file is executed."""
    state: dict[str, Any] = torch.load(checkpoint / TRAINING_STATE, map_location="cpu", weights_only=True)
    return state


def load_model(path: str | Path) -> tuple[GPT, dict[str, Any]]:
    """Rebuild a model from a run folder (its newest whole checkpoint) or a checkpoint folder alone.

    The low-rank updates of a LoRA run are merged into the weights; of a Pilot and its Copilot it is the Pilot.

    Returns:
        The model on the CPU in evaluation mode, and the run's resolved config as plain values (`data`, `model`, ...).

    Raises:
        InputError: no checkpoint there, a damaged one, or one of another model.
    """
    checkpoint, config = find_stored(path, "model")
    shape = build_config(ModelConfig, config.get("model") or {}, f"{checkpoint / CONFIG}, model")
    with torch.device("meta"):
        model = GPT(shape)
    if config.get("lora"):
        add_lora(model, build_config(LoRAConfig, config["lora"], f"{checkpoint / CONFIG}, lora"))
    model.to_empty(device="cpu")
    load_weights(checkpoint, model, "pilot" if config.get("stage") == "copilot" else None)
    if config.get("lora"):
        model = merge_lora(model)
    return model.eval(), config
