"""The language model (torch only): what it computes, how it is stored, how it leaves for other libraries."""

from igsm.model.checkpoint import load_model, save_checkpoint
from igsm.model.config import ModelConfig
from igsm.model.gpt import GPT, Attend

__all__ = ["GPT", "Attend", "ModelConfig", "load_model", "save_checkpoint"]
