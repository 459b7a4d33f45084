"""The language model (torch only): what it computes, how it is stored, how it leaves for other libraries.

Its settings (`igsm.model.config`) do without torch, which takes seconds to import: so does this package until one of
its names is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igsm.model.checkpoint import load_model, save_checkpoint
    from igsm.model.config import ModelConfig
    from igsm.model.gpt import GPT, Attend

__all__ = ["GPT", "Attend", "ModelConfig", "load_model", "save_checkpoint"]

_PLACES = {
    "GPT": "gpt",
    "Attend": "gpt",
    "ModelConfig": "config",
    "load_model": "checkpoint",
    "save_checkpoint": "checkpoint",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
