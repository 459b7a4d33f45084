"""Settings of training and of a pretraining run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from igsm.config import Config
from igsm.corpus.config import DataConfig
from igsm.model.config import ModelConfig


class TrainingConfig(Config):
    """The recipe. The defaults are those of Part 2.2 appendix D where it gives one."""

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    """Windows of one optimizer step, over all GPUs."""
    micro_batch: int | None = Field(default=None, ge=1)
    """Windows of one forward pass on one GPU; None: all of the GPU's share of the batch at once."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon: matrices inside the blocks by Muon, everything else by AdamW, at the same learning rate."""
    learning_rate: float = Field(default=0.002, gt=0)
    betas: tuple[float, float] = Field(default=(0.9, 0.98), strict=False)
    weight_decay: float = Field(default=0.05, ge=0)
    """Decoupled; on every tensor of two dimensions, the embedding among them, never on biases and norms."""
    schedule: Literal["cosine", "wsd", "linear", "constant"] = "cosine"
    warmup_steps: int = Field(default=1000, ge=0)
    final_ratio: float = Field(default=0.01, ge=0, le=1)
    """Learning rate of the last step, relative to the highest."""
    decay_share: float = Field(default=0.2, gt=0, le=1)
    """wsd only: share of all steps in which the learning rate falls, at the end."""
    gradient_clip: float | None = Field(default=None, gt=0)

    label_masking: Literal["none", "parameter", "step"] = "none"
    """Which tokens of a mistake carry no loss: none, the wrong parameter's name, or the whole wrong step."""
    loss_on: Literal["all", "solution"] = "all"

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "bfloat16_residual", "bfloat16_linear"] = "auto"
    """bfloat16_residual: autocast, the residual stream in bfloat16 too. bfloat16_linear: products with weights only,
    attention in float32. auto: bfloat16 on CUDA; on the CPU bfloat16_linear where it has instructions for that
    (AVX512-BF16, AMX) and the model is compiled, else float32."""
    compile: Literal["auto", "off", "default", "max-autotune-no-cudagraphs"] = "auto"
    """auto: torch.compile on CUDA only."""
    attention: Literal["auto", "cudnn", "flash"] = "auto"
    """Which fused attention is tried first on CUDA; auto: cudnn."""
    deterministic: bool = False
    """Only deterministic CUDA kernels, so that a resumed run is bit-exact on a GPU as it is on the CPU."""
    threads: int | None = Field(default=None, ge=1)
    """Threads that compute on the CPU. None: one for models below a million weights, which more only slow down; else
    as many as torch takes, which is a core each or OMP_NUM_THREADS."""
    workers: int = Field(default=0, ge=0)
    """Processes that generate data ahead; 0: in the training process."""

    log_every: int = Field(default=10, ge=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    keep_last: int = Field(default=2, ge=1)
    keep_every: int | None = Field(default=None, ge=1)
    """Steps whose multiples' checkpoints are kept for ever, besides the last ones."""
    evaluate_every: int = Field(default=1000, ge=1)
    held_out_windows: int = Field(default=0, ge=0)
    """Windows of the test split for the held-out loss; 0: no held-out loss."""
    evaluate_problems: int = Field(default=0, ge=0)
    """Test problems generated and graded at every evaluation; 0: none."""
    skip_bad_steps: int = Field(default=0, ge=0)
    """How many steps of a run may be left out because their loss or gradient is not finite or explodes."""
    explosion_loss: float = Field(default=20.0, gt=0)
    """Mean loss (nats a token) above which a step counts as bad."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.schedule != "constant" and self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps ({self.warmup_steps}) must be less than steps ({self.steps})")
        return self


class TrackingConfig(Config):
    """wandb as a second place for the metrics; `metrics.jsonl` has them in every case."""

    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    """auto: online with a login and a network, offline with a login only, disabled without a login."""
    project: str = "mistakes"


class PretrainConfig(Config):
    """A pretraining run: `mistakes pretrain CONFIG`."""

    stage: Literal["pretrain"] = "pretrain"
    """What made a run, kept in its `config.yaml`: pretrain, finetune or probe."""
    seed: int = 1
    """Of the initial weights (and dropout); the data has its own."""
    data: DataConfig
    model: ModelConfig
    training: TrainingConfig
    tracking: TrackingConfig = TrackingConfig()
