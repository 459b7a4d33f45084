"""Names that readers know, in place of keys: of cells, of families and of what a training measures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from igsm.reporting.paper import split_cell
from igsm.reporting.table import AVERAGE

_ORDERS = {"pq": "question after the problem", "qp": "question before the problem"}


def family_title(family: str) -> str:
    """ "med_pq" -> "Class med, question after the problem"; any other name stays as it is."""
    name, _, order = family.rpartition("_")
    return f"Class {name}, {_ORDERS[order]}" if name and order in _ORDERS else family


def cell_title(cell: str) -> str:
    """ "med_pq:op<=15 seen" -> "op ≤ 15 seen": the class stands above the columns."""
    if cell == AVERAGE:
        return "mean"
    return split_cell(cell)[1].replace("<=", " ≤ ").replace("=", " = ")


def full_title(cell: str) -> str:
    """ "med_pq:op<=15 seen" -> "op ≤ 15 seen, Class med, question after the problem": where no class stands above."""
    return f"{cell_title(cell)}, {family_title(split_cell(cell)[0])}"


def with_decoder(row: str, decoder: str) -> str:
    """The row and its decoder, which some rows' names have already."""
    return row if row.endswith(decoder) else f"{row}, {decoder}"


@dataclass(frozen=True)
class Quantity:
    """What a key of ``metrics.jsonl`` is, as written beside an axis; values are multiplied by ``scale``."""

    title: str
    unit: str = ""
    scale: float = 1.0


_QUANTITIES = {
    "loss": Quantity("Training loss", "nats per token learnt"),
    "held_out_loss": Quantity("Loss on held-out problems", "nats per token learnt"),
    "generation_accuracy": Quantity("Right solutions to test problems no harder than trained", "%", 100.0),
}


def quantity(key: str) -> Quantity:
    """The quantity of a key; of one that is not listed, its words."""
    if key in _QUANTITIES:
        return _QUANTITIES[key]
    words = key.replace("held_out_", "held-out ").replace("_", " ")
    share = "accuracy" in key
    return Quantity(words[:1].upper() + words[1:], "%" if share else "", 100.0 if share else 1.0)


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... and their tenths, from ``low`` to ``high`` (both above 0)."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def needs_log(key: str, values: Sequence[float]) -> bool:
    """Whether the first steps of a loss would flatten all others."""
    return "loss" in key and 0 < min(values) < max(values) / 10
