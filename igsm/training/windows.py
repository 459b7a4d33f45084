"""Training on windows of problems: pretraining, and fine-tuning of all weights or by LoRA (Part 2.2, Result 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from igsm.checkpoints import find_checkpoint
from igsm.corpus.config import DataConfig
from igsm.corpus.loader import WindowLoader
from igsm.corpus.vocabulary import Vocabulary
from igsm.errors import InputError
from igsm.methods.method import StepWindows
from igsm.model import GPT, load_model
from igsm.model.checkpoint import load_weights
from igsm.model.lora import add_lora, save_peft_adapter
from igsm.rundir import RunFolder
from igsm.seeds import torch_seed
from igsm.training.config import FinetuneConfig, PretrainConfig, RunConfig, TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.loop import train
from igsm.training.objective import Batch
from igsm.training.settings import Resolved
from igsm.training.task import Outcome, Task

Evaluate = Callable[[nn.Module, int], dict[str, float]]


class WindowBatches:
    """The method's batches from a loader of windows.

    Args:
        start_step: of the loader's first windows; None: they are held out.
    """

    def __init__(self, loader: WindowLoader, config: TrainingConfig, start_step: int | None) -> None:
        self._loader, self._config, self._step = loader, config, start_step

    def __iter__(self) -> Iterator[Batch]:
        data = self._loader.config
        for numbers, tokens, roles in self._loader:
            progress = None
            if self._step is not None:
                progress = self._step / self._config.steps
                self._step += 1
            read = (torch.from_numpy(tokens), torch.from_numpy(roles), numbers, progress)
            yield data.method.batch(StepWindows(*read, data, self._config, self._loader.vocabulary))

    def close(self) -> None:
        self._loader.close()


def window_batches(
    data: DataConfig, config: TrainingConfig, ranks: Ranks, start_step: int, vocabulary: Vocabulary
) -> WindowBatches:
    """This process's share of every step's batch, from `start_step` on."""
    loader = WindowLoader(
        data,
        config.batch,
        rank=ranks.rank,
        world_size=ranks.world_size,
        start_step=start_step,
        workers=config.workers,
        vocabulary=vocabulary,
    )
    if loader.steps is not None and loader.steps < config.steps:
        loader.close()
        raise InputError(
            f"{data.path}: holds {loader.steps} batches of {config.batch} windows, "
            f"training.steps asks for {config.steps}"
        )
    return WindowBatches(loader, config, start_step)


def held_out_batches(
    data: DataConfig, config: TrainingConfig, ranks: Ranks, vocabulary: Vocabulary | None = None
) -> Callable[[], Iterator[Batch]]:
    """The same windows of the test split at every call: this process's share of `held_out_windows`."""
    problem = data.problem.model_copy(update={"split": "test"})
    test = data.model_copy(update={"problem": problem, "path": None, "method": data.method.held_out()})
    batches: list[Batch] = []

    def held_out() -> Iterator[Batch]:
        if not batches:
            loader = WindowLoader(
                test,
                config.held_out_windows,
                rank=ranks.rank,
                world_size=ranks.world_size,
                workers=0,
                vocabulary=vocabulary,
            )
            batches.append(next(iter(WindowBatches(loader, config, None))))
            loader.close()
        return iter(batches)

    return held_out


def window_task(
    model: nn.Module,
    data: DataConfig,
    training: TrainingConfig,
    ranks: Ranks,
    seed: int,
    vocabulary: Vocabulary,
    evaluate: Evaluate | None = None,
) -> Task:
    """Next-token prediction on windows as a task for the loop.

    Raises:
        InputError: a number of windows that the processes cannot share.
    """
    training.must_be_shared(ranks.world_size, "batch", "held_out_windows")
    return Task(
        model=model,
        batches=lambda step: window_batches(data, training, ranks, step, vocabulary),
        objective=data.method.objective,
        held_out=held_out_batches(data, training, ranks, vocabulary) if training.held_out_windows else None,
        evaluate=evaluate,
        seed=seed,
        vocabulary=vocabulary.content(),
    )


def train_windows(
    run: Resolved[PretrainConfig] | Resolved[FinetuneConfig],
    path: str | Path,
    ranks: Ranks,
    *,
    evaluate: Evaluate | None = None,
) -> Outcome:
    """Pretrain or fine-tune in the run folder `path`, from its newest checkpoint if there is one.

    A finished LoRA run also has its updates as a PEFT adapter in `adapter/`, if the model can be exported as GPT-NeoX;
    `load_model` merges them, so that every command takes the run like any other.

    Args:
        run: see `settings.resolve`.
        path: run folder.
        ranks: this process among those of the run (`distributed.join`).
        evaluate: measures the model at every evaluation, e.g. its accuracy on a few problems.

    Raises:
        InputError, TrainingError: see `loop.train`.
    """
    config, vocabulary = run
    model = _model(config)
    task = window_task(model, config.data, config.training, ranks, config.seed, vocabulary, evaluate)
    outcome = train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)
    if outcome.status == "done" and config.updates is not None and ranks.first and model.config.is_gpt_neox:
        load_weights(find_checkpoint(path), model)  # a run that was finished before has not trained this model
        save_peft_adapter(RunFolder(path).path / "adapter", model, config.updates, len(vocabulary.known))
    return outcome


def _model(config: RunConfig) -> GPT:
    """The model as the run starts: random weights or those of another run, with low-rank updates or all trained."""
    if config.start is None:
        torch.manual_seed(torch_seed(config.seed, "initial weights"))
        return GPT(config.shape)
    model, _ = load_model(config.start)
    if config.updates is None:
        return model.requires_grad_(True)
    torch.manual_seed(torch_seed(config.seed, "low-rank updates"))
    return add_lora(model, config.updates)
