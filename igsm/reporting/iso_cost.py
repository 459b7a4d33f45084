"""Accuracy against compute: what a way of decoding reaches with 1 to 16 times the tokens of greedy decoding.

The cost of a solution is the tokens that are generated for it, thrown away ones included, and those that a detector,
verifier or second model reads; each passes once through a network. The prompt, which costs one parallel pass of each
network, is counted apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from igsm.reporting.results import Result
from igsm.statistics import t_interval

BUDGETS = (1, 2, 4, 8, 16)
"""Times the tokens of greedy decoding."""
OVER = 1.1
"""A setting may cost up to 10 % more than its budget: nobody can choose how many tokens a solution takes."""
GREEDY = "greedy"
Seed: TypeAlias = int | str | None
"""Of a run, or its folder where that is not known."""


@dataclass(frozen=True)
class Point:
    """A decoder of a model: tokens a problem, and accuracy."""

    generated: float
    verifier: float
    prefix: float | None
    accuracy: float

    @property
    def tokens(self) -> float:
        return self.generated + self.verifier


@dataclass(frozen=True)
class Setting:
    """A decoder of a way of training: means over its seeds.

    Attributes:
        interval: of the accuracy, over seeds.
        gain: in accuracy over greedy decoding of the same run; None where no seed has both.
        gain_interval: over seeds. It is paired, so it is narrower than that of the accuracy.
    """

    model: str
    decoder: str
    seeds: int
    cost: float
    point: Point
    interval: tuple[float, float] | None
    gain: float | None
    gain_interval: tuple[float, float] | None


@dataclass(frozen=True)
class Curve:
    """A way of decoding with all its settings, e.g. votes of 2 to 16.

    Attributes:
        model, family: of training and of decoding.
        points: (cost, accuracy) of its settings, means over seeds, by cost.
        at: accuracy at each of `BUDGETS`; None below its first setting.
        area: mean over the logarithm of the cost.
        interval: of the area, over seeds.
    """

    model: str
    family: str
    points: tuple[tuple[float, float], ...]
    at: tuple[float | None, ...]
    area: float | None
    interval: tuple[float, float] | None

    @property
    def name(self) -> str:
        return f"{self.model}, {self.family}"


@dataclass(frozen=True)
class IsoCost:
    """Settings and curves, and the cells that their numbers are means over."""

    cells: tuple[str, ...]
    settings: tuple[Setting, ...]
    curves: tuple[Curve, ...]


def family_of(decoder: str) -> str:
    """A decoder's name without the number that is its budget: "vote8" -> "vote", "regret-p50" -> "regret-p"."""
    return re.sub(r"-p\d+$", "-p", re.sub(r"^([a-z_]+)\d+", r"\1", decoder))


def iso_cost(results: Sequence[Result]) -> IsoCost | None:
    """The settings and curves of evaluations; None without greedy decoding of the first model, or anything beside it.

    Args:
        results: in rows of ways of training, or of these with the decoder behind a comma; of all whose learned
            detector's tokens were not counted (older evaluations) nothing is known.
    """
    by_seed: dict[tuple[str, str], dict[Seed, dict[str, Result]]] = {}
    for result in results:
        if not _known(result):
            continue
        model = result.row.removesuffix(f", {result.decoder}")
        seed = str(result.run) if result.seed is None else result.seed
        by_seed.setdefault((model, result.decoder), {}).setdefault(seed, {})[result.cell] = result
    first = next((model for model, decoder in by_seed if decoder == GREEDY), None)
    if first is None or len(by_seed) < 2:
        return None
    common = set.intersection(*(set(cells) for seeds in by_seed.values() for cells in seeds.values()))
    cells = tuple(dict.fromkeys(result.cell for result in results if result.cell in common))
    if not cells:
        return None
    points = {
        key: {seed: _point([own[cell] for cell in cells]) for seed, own in seeds.items()}
        for key, seeds in by_seed.items()
    }
    unit = fmean(point.tokens for point in points[first, GREEDY].values())
    settings = tuple(
        _setting(*key, own, {} if key[1] == GREEDY else points.get((key[0], GREEDY), {}), unit)
        for key, own in points.items()
    )
    return IsoCost(cells, settings, tuple(_curves(points, unit)))


def _setting(model: str, decoder: str, own: Mapping[Seed, Point], greedy: Mapping[Seed, Point], unit: float) -> Setting:
    gains = [own[seed].accuracy - greedy[seed].accuracy for seed in own if seed in greedy]
    mean = _mean([*own.values()])
    interval = t_interval([point.accuracy for point in own.values()])
    gain = fmean(gains) if gains else None
    return Setting(model, decoder, len(own), mean.tokens / unit, mean, interval, gain, t_interval(gains))


def _known(result: Result) -> bool:
    """Whether its tokens were counted: evaluations of before count those of learned detectors, or of a second model, as
    missing or 0."""
    learned = result.settings.get("detector") is not None or "+" in result.decoder
    read = result.numbers.mean("verifier_tokens")
    return result.numbers.mean("generated_tokens") is not None and (not learned or bool(read))


def _point(results: Sequence[Result]) -> Point:
    """Over cells."""
    return _mean(
        [
            Point(
                one.numbers.mean("generated_tokens") or 0.0,
                one.numbers.mean("verifier_tokens") or 0.0,
                one.numbers.mean("prefix_tokens"),
                one.numbers.mean("accuracy") or 0.0,
            )
            for one in results
        ]
    )


def _mean(points: Sequence[Point]) -> Point:
    prefixes = [point.prefix for point in points if point.prefix is not None]
    return Point(
        fmean(point.generated for point in points),
        fmean(point.verifier for point in points),
        fmean(prefixes) if len(prefixes) == len(points) else None,
        fmean(point.accuracy for point in points),
    )


def _curves(points: Mapping[tuple[str, str], Mapping[Seed, Point]], unit: float) -> Iterator[Curve]:
    families: dict[tuple[str, str], list[str]] = {}
    for model, decoder in points:
        families.setdefault((model, family_of(decoder)), []).append(decoder)
    for (model, family), decoders in families.items():
        named = [GREEDY, *decoders] if (model, GREEDY) in points and family != GREEDY else decoders
        every = [points[model, decoder] for decoder in named]
        seeds = [seed for seed in every[0] if all(seed in own for own in every)]
        if not seeds:
            continue
        own = [sorted((one[seed].tokens / unit, one[seed].accuracy) for one in every) for seed in seeds]
        areas = [area for area in map(area_under, own) if area is not None]
        mean = sorted(
            (fmean(one[seed].tokens for seed in seeds) / unit, fmean(one[seed].accuracy for seed in seeds))
            for one in every
        )
        ats = [[value_at(one, budget) for one in own] for budget in BUDGETS]
        yield Curve(
            model,
            family,
            tuple(mean),
            tuple(fmean(v for v in at if v is not None) if None not in at else None for at in ats),
            fmean(areas) if len(areas) == len(seeds) else None,
            t_interval(areas) if len(areas) == len(seeds) else None,
        )


def value_at(points: Sequence[tuple[float, float]], cost: float) -> float | None:
    """The accuracy at a cost, of (cost, accuracy) by cost: straight in its logarithm between settings."""
    if points[0][0] > cost:
        return points[0][1] if points[0][0] <= OVER * cost else None
    for (before, low), (after, high) in zip(points, points[1:], strict=False):
        if cost < after:
            share = math.log(cost / before) / math.log(after / before)
            return low + share * (high - low)
    return points[-1][1]


def area_under(points: Sequence[tuple[float, float]]) -> float | None:
    """The mean of `value_at` over the logarithm of the cost, within `BUDGETS`; None where that begins below it."""
    low, high = BUDGETS[0], BUDGETS[-1]
    if value_at(points, low) is None:
        return None
    places = [low, *(cost for cost, _ in points if low < cost < high), high]
    values = [value_at(points, place) or 0.0 for place in places]
    pieces = ((values[i] + values[i + 1]) / 2 * math.log(places[i + 1] / places[i]) for i in range(len(places) - 1))
    return math.fsum(pieces) / math.log(high / low)
