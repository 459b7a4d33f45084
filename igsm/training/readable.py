"""Metrics of a run as people read them, while it trains and afterwards."""

from __future__ import annotations

_SHARES = ("accuracy", "always_zero", "share")
_UNITS = {"tokens_per_second": "tokens/s", "learning_rate": "learning rate"}


def title(name: str) -> str:
    """A metric's name in `metrics.jsonl` -> its name for people: "generation accuracy"."""
    return _UNITS.get(name, name.replace("_", " "))


def text(name: str, value: float) -> str:
    """A metric's value: shares in per cent."""
    if name.endswith(_SHARES):
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
