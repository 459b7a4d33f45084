"""Training a model of ours on other people's step-by-step text."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Generator
from pathlib import Path

import torch

from igsm.corpus.manifest import LEFT_OUT_REFUSED, LEFT_OUT_WARNED
from igsm.errors import InputError
from igsm.model import GPT
from igsm.seeds import torch_seed
from igsm.text.training_rows import Windows, read_segments
from igsm.text.words import Words
from igsm.training.distributed import Ranks
from igsm.training.loop import train
from igsm.training.objective import Batch, next_token_batch
from igsm.training.task import Outcome, Task
from igsm.training.text_config import TextConfig


def train_text(config: TextConfig, path: str | Path, ranks: Ranks) -> Outcome:
    """Train in the run folder `path`, from its newest checkpoint if there is one.

    Raises:
        InputError, TrainingError: see `loop.train`; a file that cannot be read.
    """
    data = config.data
    rows = list(read_segments(Path(data.source)))
    files = [Path(file) for file in data.vocabulary_of or [data.source]]
    texts = (text for file in files for pieces in read_segments(file) for text, _ in pieces)
    words = Words.of(texts, data.most_words)
    shape = config.model
    if shape.vocabulary_size not in (None, len(words.words)):
        raise InputError(f"model.vocabulary_size is {shape.vocabulary_size}, the text has {len(words.words)} words")
    config = config.model_copy(update={"model": shape.model_copy(update={"vocabulary_size": len(words.words)})})
    torch.manual_seed(torch_seed(config.seed, "initial weights"))

    windows = Windows(rows, words, data.context, data.seed, data.source)
    _check_fit(windows.too_long, len(rows), data.context, ranks.first)

    def batches(step: int) -> Generator[Batch]:
        """Every step's windows from a step on."""
        size = config.training.batch
        for number in itertools.count(step):
            ids, loss = windows.read(number * size, size)
            yield next_token_batch(torch.from_numpy(ids), torch.from_numpy(loss))

    task = Task(model=GPT(config.model), batches=batches, seed=config.seed, vocabulary=words.content())
    return train(task, config.training, path, resolved=config, tracking=config.tracking, ranks=ranks)


def _check_fit(too_long: int, rows: int, context: int, first: bool) -> None:
    """As `igsm.preflight.fit.check_fit`: say that rows are left out, and refuse to leave out half of them."""
    if too_long < LEFT_OUT_WARNED * rows:
        return
    said = (
        f"data.context={context}: {too_long / rows:.0%} of {rows:,} rows are longer and are left out; set a larger one"
    )
    if too_long >= LEFT_OUT_REFUSED * rows:
        raise InputError(said)
    if first:
        print(f"mistakes: warning: {said}", file=sys.stderr)
