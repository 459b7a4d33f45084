"""The Mistake Log: what a Pilot noted of its newest steps (arXiv 2505.16270, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Entry(NamedTuple):
    """What a step notes of some windows, all detached and from before the update.

    Attributes:
        ids: the windows, int [B, T].
        targets: the next ids, int [B, T]; that of the last position means nothing.
        carrying: positions of answers that carry loss, bool [B, T].
        source: question and rationale, see `igsm.model.copilot.sources`, [B, T, width].
        errors: onehot(target) - p, float32 [B, T, vocabulary].
    """

    ids: Tensor
    targets: Tensor
    carrying: Tensor
    source: Tensor
    errors: Tensor

    @property
    def probabilities(self) -> Tensor:
        """The Pilot's p [B, T, vocabulary]."""
        return _with_right(-self.errors, self.targets)


def _with_right(values: Tensor, targets: Tensor) -> Tensor:
    """1 more at the right id."""
    return values.scatter_add(-1, targets[..., None], torch.ones_like(values[..., :1]))


def errors_of(logits: Tensor, targets: Tensor, top_k: int | None = None) -> Tensor:
    """onehot(target) - p [B, T, vocabulary] of logits of this shape and targets [B, T].

    Args:
        top_k: all but so many of the most probable ids count as if p were 0.
    """
    p = logits.float().softmax(-1)
    if top_k is not None:
        likely = p.topk(top_k)
        p = torch.zeros_like(p).scatter(-1, likely.indices, likely.values)
    return _with_right(-p, targets)


class MistakeLog:
    """A ring buffer in the host's memory: a window in row j of a step stands in row j of that step's round.

    Args:
        rounds: steps that are kept.
        rows: windows of a step that this process takes.
        top_k: ids of an error that are kept beside the right one; None: all.
    """

    def __init__(self, rounds: int, rows: int, top_k: int | None) -> None:
        self._rounds, self._rows, self._top_k = rounds, rows, top_k
        self.kept: dict[str, Tensor] = {}
        """What is kept, each [rows, rounds, ...]."""

    @torch.compiler.disable
    def exchange(self, entry: Entry, rows: Tensor, place: Tensor, taken: Tensor) -> Entry:
        """Keep what a step notes of the windows in some rows; what was noted of those rows at the rounds `taken`.

        Args:
            rows: of the entry's windows, int64 [B].
            place, taken: rounds, int64 [B]: where each is put, and which is then read.
        """
        rows, place, taken = rows.cpu(), place.cpu(), taken.cpu()
        for name, tensor in self._packed(entry).items():
            if name not in self.kept:
                shape = (self._rows, self._rounds, *tensor.shape[1:])
                self.kept[name] = torch.zeros(shape, dtype=tensor.dtype)
            self.kept[name][rows, place] = tensor.cpu()
        found = {name: tensor[rows, taken].to(entry.ids.device) for name, tensor in self.kept.items()}
        return self._unpacked(found, entry)

    def _packed(self, entry: Entry) -> dict[str, Tensor]:
        packed = {"ids": entry.ids.int(), "targets": entry.targets.int(), "carrying": entry.carrying}
        packed["source"] = entry.source
        if self._top_k is None:
            return packed | {"errors": entry.errors}
        likely = entry.probabilities.topk(self._top_k)
        return packed | {"likely": likely.indices.int(), "probabilities": likely.values}

    def _unpacked(self, found: Mapping[str, Tensor], like: Entry) -> Entry:
        targets = found["targets"].long()
        if self._top_k is None:
            errors = found["errors"]
        else:
            errors = torch.zeros_like(like.errors).scatter(-1, found["likely"].long(), -found["probabilities"])
            errors = _with_right(errors, targets)
        return Entry(found["ids"].long(), targets, found["carrying"], found["source"], errors)


class Looked(NamedTuple):
    """What a log says of its tokens; all [rows, rounds, T].

    Attributes:
        ids, targets: the windows and their next ids, int.
        carrying: positions of answers, bool.
        right: the Pilot's probability of the next id; 0 where top-k left it out.
        best: the id that it held most probable.
    """

    ids: Tensor
    targets: Tensor
    carrying: Tensor
    right: Tensor
    best: Tensor


def look(kept: Mapping[str, Tensor]) -> Looked:
    """What `MistakeLog.kept` says of its tokens."""
    targets = kept["targets"].long()
    if "errors" in kept:
        right = 1 - kept["errors"].gather(-1, targets[..., None])[..., 0]
        # the error at the right id is 1 - p, elsewhere -p
        best = (-kept["errors"]).scatter(-1, targets[..., None], right[..., None]).argmax(-1)
    else:
        same = kept["likely"] == targets[..., None]
        right = (kept["probabilities"] * same).sum(-1)
        best = kept["likely"][..., 0].long()
    return Looked(kept["ids"].long(), targets, kept["carrying"], right, best)
