"""Settings of training, and of runs."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from igsm.config import Config
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.errors import InputError
from igsm.model.config import LoRAConfig, ModelConfig

Beta = Annotated[float, Field(ge=0, lt=1)]


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
    betas: tuple[Beta, Beta] = Field(default=(0.9, 0.98), strict=False)
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
    precision: Literal["auto", "float32", "bfloat16", "bfloat16_residual", "bfloat16_linear", "bfloat16_products"] = (
        "auto"
    )
    """bfloat16_residual: autocast, the residual stream in bfloat16 too. bfloat16_linear: products with weights only,
    attention in float32. bfloat16_products: those and the products of attention (windows of up to 512 tokens), for
    compiled models on a CPU. auto: bfloat16 on CUDA; on the CPU bfloat16_products where it has instructions for that
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

    def must_be_shared(self, processes: int, *names: str) -> None:
        """Raise InputError for a setting (a number of windows or rows) that so many processes cannot share alike."""
        for name in names:
            number = getattr(self, name)
            if number % processes:
                raise InputError(f"training.{name} ({number}) must be a multiple of the {processes} processes")


class TrackingConfig(Config):
    """wandb as a second place for the metrics; `metrics.jsonl` has them in every case."""

    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    """auto: online with a login and a network, offline with a login only, disabled without a login."""
    project: str = "mistakes"


class Start(NamedTuple):
    """The model that a run starts from."""

    name: str
    """Run folder or checkpoint, as it was given."""
    model: ModelConfig
    data: DataConfig
    """What it was trained on last."""
    vocabulary: Vocabulary


class RunConfig(Config):
    """What every run says: where its weights start, which of them are trained, on what, and how.

    A declaration for each stage, since each knows other keys: pretraining (random weights, all of them), fine-tuning
    (weights of a run; all of them or low-rank updates), probing (weights of a run; low-rank updates and a head).
    """

    stage: Literal["pretrain", "finetune", "probe", "copilot"]
    """What made a run, kept in its `config.yaml`."""
    seed: int = 1
    """Of the initial weights, or those of the updates (and dropout); the data has its own."""
    training: TrainingConfig
    tracking: TrackingConfig = TrackingConfig()

    length_setting: ClassVar[str] = "data.context"
    """What says how long a row is."""
    predicts_tokens: ClassVar[bool] = True

    @property
    def start(self) -> str | None:
        """Run folder or checkpoint whose weights it starts from; None: random ones."""
        return getattr(self, "from_", None)

    @property
    def continued(self) -> str | None:
        """Run folder or checkpoint whose training it goes on with, under another schedule; None: its own only."""
        return getattr(self, "continue_from", None)

    @property
    def updates(self) -> LoRAConfig | None:
        """The low-rank updates that are trained; None: all weights."""
        return getattr(self, "lora", None)

    @property
    def companion(self) -> ModelConfig | None:
        """The shape of a second network that is trained beside the model; None: there is none."""
        return None

    def log_bytes(self, rows: int) -> int:
        """Bytes of host memory for what is kept from step to step of the `rows` windows that a process takes."""
        return 0

    @property
    def shape(self) -> ModelConfig:
        """The model's, once the config is resolved."""
        model: ModelConfig | None = getattr(self, "model", None)
        assert model is not None
        return model

    @property
    def rows(self) -> DataConfig:
        """What it is trained on: documents in rows of `context` tokens."""
        raise NotImplementedError

    def filled_in(self, start: Start | None, vocabulary: Vocabulary) -> Self:
        """The config with everything filled in that follows from the rest; see `igsm.training.settings.resolve`.

        Raises:
            InputError: settings that do not go together.
        """
        raise NotImplementedError

    @model_serializer(mode="wrap")
    def _in_reading_order(self, serialised: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Where it starts first, the recipe last."""
        content = serialised(self)
        first, last = (
            {key: content.pop(key) for key in keys if key in content}
            for keys in (("stage", "from", "continue_from", "random_weights", "seed"), ("training", "tracking"))
        )
        return first | content | last


class PretrainConfig(RunConfig):
    """A pretraining run: `mistakes pretrain CONFIG`."""

    stage: Literal["pretrain"] = "pretrain"
    continue_from: str | None = None
    """Run folder or checkpoint whose training this run goes on with, weights, optimizer and data order, to train
    longer: see `igsm.training.continuation`."""
    data: DataConfig
    model: ModelConfig

    @property
    def rows(self) -> DataConfig:
        return self.data

    def filled_in(self, start: Start | None, vocabulary: Vocabulary) -> Self:
        if self.data.tuning_round:
            raise InputError("data.tuning_round: pretraining is round 0; leave it out")
        filled: dict[str, Any] = {"data": self.data.resolved()}
        if self.model.vocabulary_size is None:
            filled["model"] = self.model.model_copy(update={"vocabulary_size": vocabulary.size})
        elif self.model.vocabulary_size != vocabulary.size:
            raise InputError(
                f"model.vocabulary_size is {self.model.vocabulary_size}, "
                f"the {self.data.vocabulary} vocabulary has {vocabulary.size} ids; leave it out"
            )
        return self.model_copy(update=filled)


class FinetuneConfig(RunConfig):
    """A fine-tuning run: `mistakes finetune CONFIG from=runs/x`."""

    stage: Literal["finetune"] = "finetune"
    from_: str = Field(alias="from")
    """Run folder or checkpoint of the model to start from."""
    data: DataConfig
    model: ModelConfig | None = None
    """The base model's shape, filled in from there."""
    lora: LoRAConfig | None = None
    """Train low-rank updates only; None: all weights."""

    @property
    def rows(self) -> DataConfig:
        return self.data

    def filled_in(self, start: Start | None, vocabulary: Vocabulary) -> Self:
        assert start is not None
        if self.lora is not None and self.lora.empty:
            raise InputError("lora: all ranks are 0, nothing would be trained; give one, or leave lora out")
        return self.model_copy(update=gone_on(self.data, self.model, start))


def gone_on(data: DataConfig, model: ModelConfig | None, start: Start) -> dict[str, Any]:
    """`data` and `model` of a run that goes on from another one's model on windows of its own, filled in.

    Raises:
        InputError: another vocabulary, shape or round of data than follow from the start.
    """
    ours = load_vocabulary(data.problem, data.vocabulary)
    if (ours.kind, ours.names_fingerprint) != (start.vocabulary.kind, start.vocabulary.names_fingerprint):
        raise InputError(
            f"{start.name}: was trained on another vocabulary ({start.data.vocabulary}, lexicon "
            f"{start.data.problem.problem_class.lexicon}) than data.vocabulary ({data.vocabulary}, lexicon "
            f"{data.problem.problem_class.lexicon}); choose the same"
        )
    if model not in (None, start.model):
        raise InputError(f"model: is that of {start.name}; leave it out")
    tuning_round = start.data.tuning_round + 1
    if data.tuning_round not in (0, tuning_round):
        raise InputError(f"data.tuning_round: from {start.name} it is {tuning_round}; leave it out")
    return {"model": start.model, "data": data.resolved().model_copy(update={"tuning_round": tuning_round})}
