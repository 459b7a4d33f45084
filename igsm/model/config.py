"""The shape of a model and of its low-rank updates, as configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from igsm.config import Config
from igsm.errors import InputError


class ModelConfig(Config):
    """A decoder-only transformer: "GPT2-l-h" of Part 2.2 appendix D is `layers=l, heads=h`.

    The width is `heads * head_size`. Positions are rotary, so the model has no maximum length.
    """

    architecture: Literal["gpt2", "llama"] = "gpt2"
    """gpt2: LayerNorm and biases, GELU MLP four times as wide. llama: RMSNorm, gated SiLU MLP, no biases."""
    layers: int = Field(ge=1)
    heads: int = Field(ge=1)
    head_size: int = Field(default=64, ge=2, multiple_of=2)
    vocabulary_size: int | None = Field(default=None, ge=1)
    """Number of token ids. Left out of a preset: the training command takes it from the data's vocabulary."""
    rotary_base: float = Field(default=10000.0, gt=1)
    qk_norm: bool = False
    """Normalise queries and keys (RMS, per head) before rotating them."""
    canon: Literal["none", "A", "C", "AC"] = "none"
    """Canon layers (arXiv 2512.17351), which mix each token with the three before it: A before attention, C before the
    MLP. Part 2.2 has none."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    tied: bool = True
    """The output matrix is the input embedding."""
    embedding_deviation: float = Field(default=0.02, gt=0)
    """Standard deviation of the embedding's initial weights; 0.02 is GPT-2's."""

    @property
    def width(self) -> int:
        """Size of the residual stream."""
        return self.heads * self.head_size

    @property
    def cached_numbers(self) -> int:
        """Numbers that a decoder's cache keeps of each token: keys, values, inputs of Canon layers."""
        canons = 0 if self.canon == "none" else len(self.canon)
        return self.layers * (2 + canons) * self.width

    @property
    def multiplied_weights(self) -> int:
        """Weights that every token is multiplied with: those of the layers and of the output matrix."""
        matrices = 2 if self.architecture == "gpt2" else 3
        a_layer = 4 * self.width**2 + matrices * self.width * self.mlp_width
        return (self.vocabulary_size or 0) * self.width + self.layers * a_layer

    @property
    def unknown_to_transformers(self) -> str | None:
        """A setting in use that neither GPT-NeoX nor Llama of transformers has, if there is one."""
        if self.qk_norm:
            return "qk_norm"
        return None if self.canon == "none" else "canon"

    def must_be_exportable(self) -> None:
        """Raise InputError for a model that transformers has no class for."""
        if (setting := self.unknown_to_transformers) is not None:
            raise InputError(
                f"model.{setting}: neither GPT-NeoX nor Llama of transformers has it; cannot be exported. The presets "
                "lite, med and hard train models that can be"
            )

    @property
    def is_gpt_neox(self) -> bool:
        """Whether GPT-NeoX of transformers is the same model."""
        return self.architecture == "gpt2" and self.unknown_to_transformers is None

    @property
    def mlp_width(self) -> int:
        """Hidden size of the MLP: 4x for gpt2; 8/3x, in multiples of 64, for llama (as many weights)."""
        if self.architecture == "gpt2":
            return 4 * self.width
        return -(-8 * self.width // 3 // 64) * 64


LARGEST_LAMBDA = 10.0
"""Of what a Copilot says, in decoding."""


class CopilotConfig(Config):
    """A Copilot: a second network beside a language model, its Pilot (arXiv 2505.16270). None: the Pilot's value."""

    layers: int | None = Field(default=None, ge=2)
    """Every second one looks at the Pilot's states."""
    heads: int | None = Field(default=None, ge=1)
    head_size: int | None = Field(default=None, ge=2, multiple_of=2)
    init: Literal["random", "pilot"] = "random"
    """pilot: the layers begin as the Pilot's first ones, which must have their width."""
    rotary: bool = False
    """Rotary positions in all layers; the paper gives a Copilot no positions of its own."""
    errors: Literal["own", "zero"] = "own"
    """What it is fed: the errors before, or zeros instead (a control)."""

    def shape(self, pilot: ModelConfig) -> ModelConfig:
        """That of its layers; the vocabulary is the Pilot's.

        Raises:
            InputError: `init: pilot` of another width, or with more layers than the Pilot has.
        """
        given = {key: getattr(self, key) for key in ("layers", "heads", "head_size")}
        shape = pilot.model_copy(update={key: value for key, value in given.items() if value is not None})
        if self.init == "pilot":
            for key in ("heads", "head_size"):
                if getattr(shape, key) != getattr(pilot, key):
                    raise InputError(
                        f"copilot.{key} is {getattr(shape, key)}, the Pilot's {getattr(pilot, key)}: with "
                        "copilot.init=pilot both must be alike; leave it out, or take copilot.init=random"
                    )
            if shape.layers > pilot.layers:
                raise InputError(
                    f"copilot.layers is {shape.layers}: with copilot.init=pilot at most the Pilot's {pilot.layers}"
                )
        return shape.model_copy(update={"canon": "none"})


class LoRAConfig(Config):
    """Ranks of the updates; the paper's LoRA of rank r has r on query and value and 2r on "the embedding"."""

    query_value_rank: int = Field(default=0, ge=0)
    """Rank of the update of the query and of the value projection of every layer, each its own; 0: none."""
    embedding_rank: int = Field(default=0, ge=0)
    """Rank of the update of the input embedding; 0: none."""
    output_rank: int = Field(default=0, ge=0)
    """Rank of the update of the output matrix, also where that is the embedding; 0: none."""
    scale: float = Field(default=1.0, gt=0)
    """Factor of every update (alpha / rank in the LoRA paper's notation; the source gives none)."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to train."""
        return not (self.query_value_rank or self.embedding_rank or self.output_rank)

    def n_weights(self, base: ModelConfig) -> int:
        """Weights of the updates."""
        ids = (base.vocabulary_size or 0) + base.width
        return 4 * self.query_value_rank * base.width * base.layers + (self.embedding_rank + self.output_rank) * ids

    def merged(self, base: ModelConfig) -> ModelConfig:
        """The shape of a model with these updates merged in (`igsm.model.lora.merge_lora`)."""
        untied = base.tied and (self.embedding_rank > 0 or self.output_rank > 0)
        return base.model_copy(update={"tied": base.tied and not untied})
