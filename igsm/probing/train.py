"""Training a probe through the one training loop, and loading it again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from igsm.checkpoints import CONFIG, find_checkpoint, find_stored
from igsm.config import build_config
from igsm.corpus.vocabulary import Vocabulary, read_vocabulary
from igsm.corpus.workers import InOrder
from igsm.model import GPT, load_model
from igsm.model.checkpoint import load_weights
from igsm.probing.config import ProbeConfig
from igsm.probing.probe import Probe
from igsm.probing.questions import NOTHING, QuestionRow, question_rows
from igsm.probing.samples import read_samples, sample_file, sample_folder, sample_rows, stop_of
from igsm.probing.steps import step_rows
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator, torch_seed
from igsm.training.distributed import Ranks
from igsm.training.loop import train
from igsm.training.objective import Batch, batch_of
from igsm.training.settings import Resolved
from igsm.training.task import Outcome, Task


def probed_model(config: ProbeConfig) -> GPT:
    """The model that a probe starts from, or its random twin."""
    if config.random_weights:
        torch.manual_seed(torch_seed(config.seed, "random model"))
        return GPT(config.shape)
    model, _ = load_model(config.from_)
    return model


@functools.lru_cache
def _vocabulary(path: str, problem: ProblemConfig, kind: str) -> Vocabulary:
    return read_vocabulary(find_checkpoint(path), problem, cast(Any, kind))


def vocabulary_of(config: ProbeConfig, path: str | Path | None = None) -> Vocabulary:
    """The vocabulary of a probe: read from its folder `path`, or from the model that it starts from."""
    assert config.problem is not None
    assert config.vocabulary is not None
    return _vocabulary(str(path or config.from_), config.problem, config.vocabulary)


samples_of = functools.lru_cache(maxsize=2)(sample_folder)
"""`sample_folder`, looked up once."""


class QuestionBatches:
    """This process's share of every step's rows; row j of step s asks about problem number s * batch + j."""

    def __init__(self, config: ProbeConfig, ranks: Ranks, start_step: int) -> None:
        config.training.must_be_shared(ranks.world_size, "batch")
        share = config.training.batch // ranks.world_size
        self._rows = InOrder(
            functools.partial(_step_rows, config, share, ranks.rank * share),
            iter(range(start_step, config.training.steps)),
            workers=config.training.workers,
            ahead=4,
        )

    def __iter__(self) -> Iterator[Batch]:
        for rows in self._rows:
            yield _stack(rows)

    def close(self) -> None:
        self._rows.close()


@functools.lru_cache(maxsize=2)
def _source(problem: ProblemConfig, seed: int) -> ProblemSource:
    """Problems to train on, of a stream of their own: cells ("seen") and a probe's measures hold those of a seed."""
    return ProblemSource(problem, seed, purpose="training of probes")


def _step_rows(config: ProbeConfig, count: int, offset: int, step: int) -> list[QuestionRow]:
    assert config.problem is not None
    first = step * config.training.batch + offset
    vocabulary = vocabulary_of(config)
    return [first_row(config, config.problem, vocabulary, index) for index in range(first, first + count)]


def rows_about(
    config: ProbeConfig, vocabulary: Vocabulary, source: ProblemSource, index: int, random: np.random.Generator
) -> Iterator[QuestionRow]:
    """All rows of the config's questions about one problem."""
    length = config.row_length
    if config.question == "can_next":
        return question_rows(source.problem(index), vocabulary, length, random)
    return step_rows(source.record(index), source.lexicon, vocabulary, length, random, config.wrong_kinds)


def first_row(config: ProbeConfig, problem: ProblemConfig, vocabulary: Vocabulary, index: int) -> QuestionRow:
    """A row of random questions about one problem; nothing is asked about a problem too long for a row.

    The problems of a verifier, of which there are not endlessly many, come again and again, their samples in another
    order.
    """
    random = numpy_generator(config.seed, "questions", problem.split, index)
    if config.samples is not None:
        solved = read_samples(sample_file(samples_of(config), problem.split))
        rows = sample_rows(solved[index % len(solved)], config.question, stop_of(vocabulary), config.row_length, random)
    else:
        rows = rows_about(config, vocabulary, _source(problem, config.seed), index, random)
    nothing = QuestionRow(*(np.full(config.row_length, filler, np.int64) for filler in NOTHING))
    return next(rows, nothing)


def _stack(rows: list[QuestionRow]) -> Batch:
    *inputs, targets = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
    return batch_of(tuple(inputs), targets)


def held_out(config: ProbeConfig, ranks: Ranks, count: int) -> Callable[[], Iterator[Batch]]:
    """The same questions about the first `count` test problems at every call: this process's share."""
    assert config.problem is not None
    problem = config.problem.model_copy(update={"split": "test"})
    mine = range(ranks.rank, count, ranks.world_size)
    batches: list[Batch] = []

    def batch() -> Iterator[Batch]:
        if mine and not batches:
            batches.append(_stack([first_row(config, problem, vocabulary_of(config), i) for i in mine]))
        return iter(batches)

    return batch


def train_probe(run: Resolved[ProbeConfig], path: str | Path, ranks: Ranks) -> Outcome:
    """Train a probe in the run folder `path`, from its newest checkpoint if there is one.

    Args:
        run: see `igsm.training.settings.resolve`.

    Raises:
        InputError, TrainingError: see `igsm.training.loop.train`.
    """
    config, vocabulary = run
    model = probed_model(config)
    torch.manual_seed(torch_seed(config.seed, "probe"))
    task = Task(
        model=Probe(model, config.lora),
        batches=lambda step: QuestionBatches(config, ranks, step),
        held_out=held_out(config, ranks, config.training.held_out_windows)
        if config.training.held_out_windows
        else None,
        seed=config.seed,
        vocabulary=vocabulary.content(),
    )
    return train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)


def load_probe(path: str | Path, device: str | torch.device = "cpu") -> tuple[Probe, ProbeConfig]:
    """Rebuild a probe from its run folder or checkpoint alone.

    Raises:
        InputError: it is not a probe's folder, or it is damaged.
    """
    checkpoint, content = find_stored(path, "probe")
    config = build_config(ProbeConfig, content, str(checkpoint / CONFIG))
    assert config.model is not None
    with torch.device("meta"):
        probe = Probe(GPT(config.model), config.lora)
    probe.to_empty(device="cpu")
    load_weights(checkpoint, probe)
    return probe.to(device).eval(), config
