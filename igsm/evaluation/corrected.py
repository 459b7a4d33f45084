"""What a Copilot does to its Pilot's tokens on windows of the test split, by class of the right token.

The errors before each token are the true ones, as in training; in decoding the Copilot is fed its own output.

Theorem 4.1 of arXiv 2505.16270 says that some weight lambda above 0 lowers the squared error of p + lambda f. That
error is a parabola in lambda, E|l|^2 - 2 lambda E<f, l> + lambda^2 E|f|^2, so three means say it all: it falls up to
E<f, l> / E|f|^2 and is below that of the Pilot up to twice as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from igsm.checkpoints import CONFIG, find_stored
from igsm.config import build_config
from igsm.corpus.classes import TOKEN_CLASSES, token_classes
from igsm.corpus.vocabulary import SOLUTION_START, read_vocabulary
from igsm.errors import InputError
from igsm.model.checkpoint import load_model
from igsm.model.copilot import Pair
from igsm.training.copilot import CopilotObjective, load_copilot, named
from igsm.training.copilot_config import CopilotRunConfig, LogConfig
from igsm.training.distributed import Ranks
from igsm.training.windows import held_out_batches

ALL, MARK = "all", "mark"
ROWS = 16
"""Windows of one pass."""


@dataclass(frozen=True)
class Corrected:
    """Tokens of answers of one class.

    Attributes:
        tokens: how many.
        wrong: where the Pilot holds another token more probable.
        put_right: of the wrong ones, those that p + lambda f holds most probable.
        put_wrong: of the right ones, those that it does not.
        error, agreement, size: means of |l|^2, <f, l> and |f|^2.
    """

    tokens: int
    wrong: int
    put_right: int
    put_wrong: int
    error: float
    agreement: float
    size: float

    @property
    def best(self) -> float:
        """The weight at which the squared error is least; below 0 it would have to be subtracted."""
        return self.agreement / self.size if self.size else 0.0

    @property
    def limit(self) -> float:
        """Up to this weight the squared error is below that of the Pilot alone."""
        return max(0.0, 2 * self.best)

    def error_at(self, weight: float) -> float:
        """Mean squared error of p + weight * f."""
        return self.error - 2 * weight * self.agreement + weight**2 * self.size


def corrected(path: str | Path, windows: int, weight: float) -> dict[str, Corrected]:
    """By class of the right token, and of all tokens (`ALL`).

    Args:
        path: run of `mistakes copilot`, or a checkpoint of one.
        windows: of the test split.
        weight: lambda.

    Raises:
        InputError: no such run, or one whose network predicts no errors.
    """
    checkpoint, stored = find_stored(path, "copilot")
    config = build_config(CopilotRunConfig, stored, str(checkpoint / CONFIG))
    if config.loss == "cross_entropy":
        raise InputError(f"{path}: was trained with loss=cross_entropy and predicts no errors")
    vocabulary = read_vocabulary(checkpoint, config.data.problem, config.data.vocabulary)
    pair = Pair(load_model(checkpoint)[0], load_copilot(checkpoint)[0]).eval()
    plain = config.model_copy(update={"log": LogConfig(top_k=config.log.top_k)})
    objective = CopilotObjective(pair, plain, vocabulary.end, int(vocabulary.from_gpt2[SOLUTION_START]), windows)
    training = config.training.model_copy(update={"held_out_windows": windows})
    names = (*TOKEN_CLASSES, MARK)
    classes = torch.from_numpy(token_classes(vocabulary)).long() % len(names)  # -1, of marks, is the last
    sums = torch.zeros(len(names), 7, dtype=torch.float64)
    ranks = Ranks(torch.device("cpu"))
    with torch.inference_mode():
        for batch in held_out_batches(config.data, training, ranks, vocabulary)():
            for part in named(batch).parts(ROWS):
                _, entry = objective.noted(part)
                _, found = objective.predicted(entry)
                each = torch.stack(measures(found, entry.errors, entry.probabilities, entry.targets, weight), -1)
                sums.index_add_(0, classes[entry.targets[entry.carrying]], each[entry.carrying].double())
    rows = {name: row for name, row in zip(names, sums, strict=True) if row[0]} | {ALL: sums.sum(0)}
    return {name: summed(row) for name, row in rows.items()}


def measures(found: Tensor, errors: Tensor, p: Tensor, targets: Tensor, weight: float) -> list[Tensor]:
    """Of each token what is added up, in the order of `Corrected`; each [B, T]."""
    was, now = (one.argmax(-1) == targets for one in (p, p + weight * found))
    products = [(one * other).sum(-1) for one, other in ((errors, errors), (found, errors), (found, found))]
    return [torch.ones_like(products[0]), *(one.float() for one in (~was, ~was & now, was & ~now)), *products]


def summed(sums: Tensor) -> Corrected:
    tokens, wrong, put_right, put_wrong = (int(value) for value in sums[:4])
    return Corrected(tokens, wrong, put_right, put_wrong, *(sums[4:] / max(1, tokens)).tolist())
