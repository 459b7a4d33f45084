"""What a training run takes: tokens, those of them with loss, floating-point operations."""

from __future__ import annotations

import json
from pathlib import Path

from igsm.rundir import RunFolder
from igsm.training.config import RunConfig
from igsm.training.settings import AnyRun

WINDOWS = 64
"""That are counted to know the share of tokens with loss."""


def operations_a_token(config: RunConfig) -> float:
    """Floating-point operations of training on one token: 6 for every weight that learns.

    2 are the forward pass, 2 the gradients of the states, 2 those of the weights: a weight that is fixed and has
    learning ones before it takes 4, a network that is only read 2. Weights are those of the layers and of the output
    matrix, and of a Copilot also the matrices of what it is fed. Attention scores, norms and the optimizer are left
    out.

    Args:
        config: of a run, with its shape filled in.
    """
    model, updates = config.shape, config.updates
    if updates is not None:
        return 4.0 * model.multiplied_weights + 6.0 * updates.n_weights(model)
    own = 2.0 if getattr(config, "pilot", "trained") == "fixed" else 6.0
    return own * model.multiplied_weights + 6.0 * companion_weights(config)


def companion_weights(config: RunConfig) -> int:
    """Weights of a network beside the model that every token is multiplied with; 0 where there is none."""
    model, companion = config.shape, config.companion
    if companion is None:
        return 0
    fed = (model.vocabulary_size or 0) * companion.width  # the errors go through a matrix of their own
    resized = model.width * companion.width if companion.width != model.width else 0
    return companion.multiplied_weights + fed + resized


def with_vocabulary(config: AnyRun) -> AnyRun:
    """The config with the size of the vocabulary that its data and method need, where its model has none yet."""
    from igsm.corpus.vocabulary import load_vocabulary

    if config.shape.vocabulary_size is not None:
        return config
    data = config.rows
    size = load_vocabulary(data.problem, data.vocabulary, data.method.marks).size
    return config.model_copy(update={"model": config.shape.model_copy(update={"vocabulary_size": size})})


def share_with_loss(config: RunConfig) -> float:
    """The share of the tokens that carry loss, counted in the first windows of a run's data.

    Raises:
        InputError: data that cannot be made, such as that of a mix that waits for a run.
    """
    import torch

    from igsm.corpus.blocks import block
    from igsm.corpus.vocabulary import load_vocabulary
    from igsm.methods.method import StepWindows

    data = config.rows.resolved().model_copy(update={"windows_per_block": WINDOWS, "path": None})
    made, vocabulary = block(data, 0), load_vocabulary(data.problem, data.vocabulary, data.method.marks)
    tokens = torch.from_numpy(vocabulary.from_gpt2[made.tokens]).long()
    roles = torch.from_numpy(made.roles)
    batch = data.method.batch(StepWindows(tokens, roles, range(WINDOWS), 0.0, data, config.training, vocabulary))
    return batch.n_targets / tokens.numel()


def tokens_seen(run: Path) -> tuple[int, int] | None:
    """Tokens of a finished run, and those of them that carried loss; None where its metrics do not say."""
    folder = RunFolder(run)
    if not folder.done.is_file() or not folder.metrics.is_file():
        return None
    for line in reversed(folder.metrics.read_text(encoding="utf-8").splitlines()):
        if '"targets_seen"' in line:
            found = json.loads(line)
            return int(found["tokens_seen"]), int(found["targets_seen"])
    return None
