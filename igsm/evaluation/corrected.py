"""What a Copilot does to its Pilot's tokens on windows of the test split, by class of the right token.

The errors before each token are the true ones, as in training; in decoding the Copilot is fed its own output.

The squared error of p + lambda f is a parabola in lambda, E|l|^2 - 2 lambda E<f, l> + lambda^2 E|f|^2, so three means
say it all: it falls up to E<f, l> / E|f|^2 and is below that of the Pilot up to twice as much.

Theorem 4.1 of arXiv 2505.16270 is about one id of the vocabulary at a time. There the Pilot's error l has the bias
E[l] and a variance, the Copilot's, f - l, too. If the Copilot's bias is below the root of the Pilot's squared bias
plus variance, then some lambda above 0 lowers the squared error. `Bias` says where that condition holds, and where
the measured parabola falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

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
WEIGHTS = (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)
"""Lambda of `Correction.right`: the paper's."""


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


@dataclass(frozen=True)
class Bias:
    """Ids of one class, as numbers that the theorem is about; sums over the ids, of means over all tokens of answers.

    Of several runs (`pooled`): counts added up, other numbers as means.

    Attributes:
        ids: those whose probability or error is not always 0.
        pilot_bias, pilot_variance: of l; the biases squared.
        copilot_bias, copilot_variance: of f - l.
        condition: ids at which the theorem's condition holds.
        lower: of these, ids at which some lambda above 0 does lower the squared error.
        lower_elsewhere: of the others, ids at which one does.
        limit: up to this lambda the squared error of the class is below that of the Pilot alone.
    """

    ids: int
    pilot_bias: float
    pilot_variance: float
    copilot_bias: float
    copilot_variance: float
    condition: int
    lower: int
    lower_elsewhere: int
    limit: float


class Correction(NamedTuple):
    """What a Copilot does to its Pilot's tokens.

    Attributes:
        classes: by class of the right token, and of all tokens (`ALL`).
        biases: by class of the id, and of all ids (`ALL`).
        right: share of tokens that are right at each lambda of `WEIGHTS`.
    """

    classes: dict[str, Corrected]
    biases: dict[str, Bias]
    right: dict[float, float]


def corrected(path: str | Path, windows: int, weight: float) -> Correction:
    """Measure it.

    Args:
        path: run of `mistakes copilot`, or a checkpoint of one.
        windows: of the test split.
        weight: lambda of `Correction.classes`.

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
    moments = torch.zeros(5, pair.pilot.config.vocabulary_size or 0, dtype=torch.float64)
    right = torch.zeros(len(WEIGHTS), dtype=torch.int64)
    ranks = Ranks(torch.device("cpu"))
    with torch.inference_mode():
        for batch in held_out_batches(config.data, training, ranks, vocabulary)():
            for part in named(batch).parts(ROWS):
                _, entry = objective.noted(part)
                _, found = objective.predicted(entry)
                each = torch.stack(measures(found, entry.errors, entry.probabilities, entry.targets, weight), -1)
                own = entry.carrying
                sums.index_add_(0, classes[entry.targets[own]], each[own].double())
                moments += products(entry.errors[own], found[own])
                p, targets = entry.probabilities[own], entry.targets[own]
                right += torch.stack([((p + one * found[own]).argmax(-1) == targets).sum() for one in WEIGHTS])
    rows = {name: row for name, row in zip(names, sums, strict=True) if row[0]} | {ALL: sums.sum(0)}
    tokens = int(sums[:, 0].sum())
    moments = moments[:, : len(classes)]  # others are padding
    of = {name: bias(moments[:, classes == number], tokens) for number, name in enumerate(names)}
    return Correction(
        {name: summed(row) for name, row in rows.items()},
        {name: one for name, one in of.items() if one.ids} | {ALL: bias(moments, tokens)},
        {one: count / max(1, tokens) for one, count in zip(WEIGHTS, right.tolist(), strict=True)},
    )


def pooled(found: Sequence[Correction]) -> Correction:
    """Several runs as one: tokens of all of them; an id of two runs counts as two."""
    classes = {
        name: summed(sum((sums_of(one.classes[name]) for one in found if name in one.classes), torch.zeros(7)))
        for name in _names(one.classes for one in found)
    }
    biases = {
        name: _pooled_bias([one.biases[name] for one in found if name in one.biases])
        for name in _names(one.biases for one in found)
    }
    tokens = [one.classes[ALL].tokens for one in found]
    right = {
        weight: sum(count * one.right[weight] for count, one in zip(tokens, found, strict=True)) / max(1, sum(tokens))
        for weight in found[0].right
    }
    return Correction(classes, biases, right)


def _names(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Of classes, `ALL` last."""
    names = dict.fromkeys(name for row in rows for name in row if name != ALL)
    return [*names, ALL]


def _pooled_bias(rows: list[Bias]) -> Bias:
    columns: list[tuple[Any, ...]] = list(zip(*(astuple(row) for row in rows), strict=True))
    values: list[Any] = [sum(column) if isinstance(column[0], int) else fmean(column) for column in columns]
    return Bias(*values)


def products(errors: Tensor, found: Tensor) -> Tensor:
    """Sums over tokens of l, l^2, f, f^2 and l f, float64 [5, ids], of l and f [tokens, ids]."""
    l, f = errors.double(), found.double()  # noqa: E741
    return torch.stack([one.sum(0) for one in (l, l * l, f, f * f, l * f)])


def bias(moments: Tensor, tokens: int) -> Bias:
    """Of some ids.

    Args:
        moments: of `products` [5, ids].
        tokens: over which it was summed.
    """
    used = (moments[1] > 0) | (moments[3] > 0)
    error, squared, f, size, agreement = moments[:, used] / max(1, tokens)
    variance = squared - error**2
    copilot_bias = (f - error) ** 2
    copilot_variance = size - 2 * agreement + squared - copilot_bias
    condition, lower = copilot_bias < squared, agreement > 0
    total = float(size.sum())
    return Bias(
        ids=int(used.sum()),
        pilot_bias=float((error**2).sum()),
        pilot_variance=float(variance.sum()),
        copilot_bias=float(copilot_bias.sum()),
        copilot_variance=float(copilot_variance.sum()),
        condition=int(condition.sum()),
        lower=int((condition & lower).sum()),
        lower_elsewhere=int((~condition & lower).sum()),
        limit=max(0.0, 2 * float(agreement.sum()) / total) if total else 0.0,
    )


def measures(found: Tensor, errors: Tensor, p: Tensor, targets: Tensor, weight: float) -> list[Tensor]:
    """Of each token what is added up, in the order of `Corrected`; each [B, T]."""
    was, now = (one.argmax(-1) == targets for one in (p, p + weight * found))
    products = [(one * other).sum(-1) for one, other in ((errors, errors), (found, errors), (found, found))]
    return [torch.ones_like(products[0]), *(one.float() for one in (~was, ~was & now, was & ~now)), *products]


def sums_of(one: Corrected) -> Tensor:
    """What `summed` takes."""
    counts, means = astuple(one)[:4], astuple(one)[4:]
    return torch.tensor([*counts, *(one.tokens * mean for mean in means)], dtype=torch.float64)


def summed(sums: Tensor) -> Corrected:
    tokens, wrong, put_right, put_wrong = (int(value) for value in sums[:4])
    return Corrected(tokens, wrong, put_right, put_wrong, *(sums[4:] / max(1, tokens)).tolist())
