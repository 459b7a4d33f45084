"""Training curves of the page, in units and under names that readers know."""

from __future__ import annotations

from collections.abc import Sequence

from igsm.reporting.charts import CHOICE, MOST_ROWS, Spec, chosen, colour, tip
from igsm.reporting.curves import Curve, Points
from igsm.reporting.names import log_ticks, needs_log, quantity

CURVE_POINTS = 150
"""Of one curve at most: each is the mean of a stretch of steps."""
FEW_POINTS = 20
"""Of a curve whose points are shown."""


def learning_chart(key: str, curves: Sequence[Curve]) -> Spec:
    """One quantity over training: a line a run, a colour a row, dashes a family."""
    what = quantity(key)
    rows = list(dict.fromkeys(curve.row for curve in curves))[:MOST_ROWS]
    families = list(dict.fromkeys(curve.family for curve in curves))
    over_tokens = all(curve.tokens for curve in curves)
    values: list[Spec] = []
    for number, curve in enumerate(curves):
        if curve.row not in rows:
            continue
        run = {"row": curve.row, "family": curve.family, "run": number}
        run["seed"] = "not known" if curve.seed is None else str(curve.seed)
        for step, value in thinned(curve.points):
            tokens = curve.tokens * step / 1e6
            one = {**run, "step": round(step), "x": _short(tokens if over_tokens else step)}
            values.append({**one, "value": _short(what.scale * value)})
    y: Spec = {"field": "value", "type": "quantitative", "title": what.unit or None, "scale": {"zero": False}}
    heights = [one["value"] for one in values]
    if needs_log(key, heights):
        y["scale"] = {"type": "log", "nice": False}
        y["axis"] = {"values": log_ticks(min(heights), max(heights)), "format": "~r"}
    elif what.unit == "%":
        y["scale"] = {"domain": [0, 100]}
    few = all(len(curve.points) < FEW_POINTS for curve in curves)
    encoding: Spec = {
        "x": {
            "field": "x",
            "type": "quantitative",
            "title": "tokens trained on (millions)" if over_tokens else "training step",
            "axis": {"tickCount": 6},
            "scale": {"domainMin": 0},
        },
        "y": y,
        "color": {**colour(rows), "legend": {"symbolType": "stroke", "symbolStrokeWidth": 3, "symbolOpacity": 1}},
        "detail": {"field": "run"},
        "opacity": chosen(0.85),
    }
    if len(families) > 1:
        encoding["strokeDash"] = {"field": "family", "type": "nominal", "title": None}
    tips = [tip("row"), tip("family"), tip("seed", "training seed"), tip("step", form=",d")]
    tips += [tip("x", "tokens (millions)", ",.1f")] if over_tokens else []
    tips += [{"field": "value", "type": "quantitative", "title": what.title, "format": ".3~g"}]
    points = {"type": "point", "filled": True, "size": 30} if few else {"type": "point", "size": 60, "opacity": 0}
    hover = encoding if few else {name: one for name, one in encoding.items() if name != "opacity"}
    return {
        "width": "container",
        "height": 280,
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1.4},
                "params": [CHOICE],
                "encoding": encoding,
            },
            {"mark": points, "encoding": {**hover, "tooltip": tips}},
        ],
        "usermeta": {"least": 300},
    }


def thinned(points: Points) -> list[tuple[float, float]]:
    """Means of equal stretches, at most `CURVE_POINTS` of them."""
    size = max(1, -(-len(points) // CURVE_POINTS))
    stretches = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in stretches]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
