"""What the commands are about to do, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from igsm.corpus.config import DataConfig
from igsm.model.config import LoRAConfig, ModelConfig
from igsm.preflight import estimates
from igsm.preflight.check import Need, Work
from igsm.preflight.resources import may_have_gpu, size_of
from igsm.rundir import RunFolder
from igsm.training.config import RunConfig, TrainingConfig


@dataclass(frozen=True)
class Training:
    """A training run: pretraining, fine-tuning or a probe.

    Attributes:
        model: its shape, the size of the vocabulary included.
        context: tokens of a window or row.
        logits: whether it predicts tokens.
        processes: of the run on this machine.
        world_size: of the run in all.
        companion: the shape of a network that is trained beside the model.
        log: bytes of the host's memory for what one process keeps from step to step.
    """

    model: ModelConfig
    lora: LoRAConfig | None
    training: TrainingConfig
    context: int
    logits: bool = True
    processes: int = 1
    world_size: int = 1
    companion: ModelConfig | None = None
    log: int = 0

    @classmethod
    def of(cls, config: RunConfig, processes: int, world_size: int) -> Training:
        """That of a resolved config."""
        length, logits = config.rows.context, config.predicts_tokens
        log = config.log_bytes(-(-config.training.batch // world_size))
        run = (config.shape, config.updates, config.training, length, logits, processes, world_size)
        return cls(*run, config.companion, log)

    @property
    def rows(self) -> int:
        """Windows of a step that one process takes.

        Raises:
            InputError: they cannot be shared.
        """
        names = ("batch", "held_out_windows") if self.logits else ("batch",)
        self.training.must_be_shared(self.world_size, *names)
        return self.training.batch // self.world_size

    @property
    def on_device(self) -> list[Need]:
        """Memory of the device for one process."""
        shape = self.model if self.logits else self.model.model_copy(update={"vocabulary_size": 0})
        rows = min(self.rows, self.training.micro_batch or self.rows)
        half = self.training.precision != "float32"
        setting = "training.micro_batch" if self.training.micro_batch or self.rows > 1 else "the context"
        beside = []
        if self.companion is not None:
            size = estimates.weight_bytes(self.companion, None, self.training)
            beside = [Need(size, "those of the Copilot", "copilot.layers or copilot.heads")]
        return [
            Need(
                estimates.weight_bytes(self.model, self.lora, self.training),
                "weights, gradients and moments",
                "model.layers or model.heads",
            ),
            *beside,
            Need(
                estimates.activation_bytes(shape, rows, self.context, half),
                f"the states of {rows:,} windows of {self.context:,} tokens",
                setting,
            ),
        ]

    def work(self, folder: Path, data: DataConfig | None = None, context: str = "data.context") -> Work:
        """What `check` looks at, of all processes on this machine."""
        if may_have_gpu() and self.training.device != "cpu":
            size = estimates.n_weights(self.model) * estimates.FLOAT
            host = [Need(size, "the weights", "model.layers or model.heads")]
        else:
            host = self.on_device
        positions = self.rows * self.context * estimates.BYTES_A_POSITION
        host = [*host, Need(positions, f"a batch of {self.rows:,} windows", "training.batch")]
        if self.log:
            host.append(Need(self.log, "the mistake log", "log.rounds or log.top_k"))
        one = estimates.checkpoint_bytes(self.model, self.lora, self.training) + self.log * self.world_size
        if self.companion is not None:
            one += estimates.checkpoint_bytes(self.companion, None, self.training)
        kept = estimates.n_checkpoints(self.training)
        return Work(
            folder,
            there=size_of(RunFolder(folder).checkpoints, "step_*/*"),
            disk=[Need(one * kept, f"{kept} checkpoints", "training.keep_last or model.layers")],
            memory=[Need(need.bytes * self.processes, need.of, need.settings) for need in host],
            data=data,
            context=context,
        )


def corpus_work(folder: Path, tokens: float, form: str, setting: str) -> Work:
    """Writing so many tokens, as "shards" or in a format of `igsm.corpus.export`.

    Args:
        setting: what says how many.
    """
    shards = form == "shards"
    each = estimates.SHARD_BYTES_A_TOKEN if shards else estimates.TEXT_BYTES_A_TOKEN[form]
    need = Need(tokens * each, f"{tokens:,.0f} tokens as {form}", setting)
    return Work(folder, disk=[need], there=size_of(folder, "shard_*") if shards else 0)


def evaluation_work(model: ModelConfig, folder: Path, rows: int, context: int) -> Work:
    """Generating in `rows` rows: weights and cache, in whichever precision takes less."""
    cache = model.cached_numbers * context * rows * estimates.FLOAT / 2
    memory = [
        Need(estimates.n_weights(model) * estimates.FLOAT, "the weights", "the model"),
        Need(cache, f"the cache of {rows:,} rows", "--batch"),
    ]
    return Work(folder, memory=memory)
