"""The language model (torch only): what it computes, how it is stored, how it leaves for other libraries.

`igsm.model.config` needs no torch: the names below are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igsm.model.checkpoint import load_model, save_checkpoint
    from igsm.model.config import ModelConfig
    from igsm.model.gpt import GPT

__all__ = ["GPT", "ModelConfig", "load_model", "save_checkpoint"]

_PLACES = {
    "GPT": "gpt",
    "ModelConfig": "config",
    "load_model": "checkpoint",
    "save_checkpoint": "checkpoint",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
