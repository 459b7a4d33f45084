"""Where does a model fail more than elsewhere? Three ways to look for it in a pool of problems.

`slices`: a tree over what is counted in a problem; each batch comes from the leaf with the largest upper confidence
bound of its failure rate. `ascent`: stochastic error ascent (SEA, arXiv 2503.23361): problems near failures, near the
failures among these, and so on. `random`: what both are compared with.

What a search finds was chosen because it looked bad, so its rate is too high: `igsm.evaluation.slice_tests` tests it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from igsm.problems.slices import COUNTS, Slice
from igsm.statistics import wilson

SEARCHES = ("random", "slices", "ascent")
THRESHOLDS = 8
"""Most bounds of one count."""
LEAST_SHARE = 0.02
"""Of the pool, in a slice and outside it."""
DEEPEST = 3
"""Most splits above a leaf."""
FEWEST = 10
"""Graded problems on each side of a split."""
CLEAR = 3.0
"""Standard errors by which the sides of a split differ. It only chooses what is tested."""
NEIGHBOURS = 4
"""Problems drawn near one failure."""
KEPT = 3
"""Most slices of one search."""
TESTED = 5
"""Most slices of all of them."""
ALIKE = 0.7
"""Slices that share more of their union (Jaccard) are one."""

Grade = Callable[[Sequence[int]], Sequence[bool]]
"""Numbers of problems in the pool -> which of them the model fails."""


class Candidate(NamedTuple):
    """A slice that looked bad, with what the search saw of it."""

    where: Slice
    searches: tuple[str, ...]
    n: int
    failed: int


class Searched(NamedTuple):
    """What one search graded, in its order, and what it found."""

    name: str
    numbers: list[int]
    failed: list[bool]
    found: list[Candidate]


class Looked(NamedTuple):
    """The three searches, and the slices to be tested, the worst first."""

    searches: list[Searched]
    candidates: list[Candidate]


def look(counts: np.ndarray, grade: Grade, budget: int, draws: np.random.Generator) -> Looked:
    """Search a pool in three ways, each with the same budget.

    Args:
        counts: int[pool, len(COUNTS)], see `igsm.problems.counts`.
        budget: problems that each search may grade.
    """
    tree = _Tree(counts)
    searched = []
    for name, search in zip(SEARCHES, (_random, _by_slices, _ascend), strict=True):
        work = _Work(name, tree, grade, min(budget, len(counts)), draws)
        search(work)
        searched.append(Searched(name, work.numbers, work.failed, work.found()))
    every = sorted((one for each in searched for one in each.found), key=_badness, reverse=True)
    chosen: list[Candidate] = []
    for one in every:
        like = [i for i, other in enumerate(chosen) if tree.alike(one.where, other.where)]
        if not like:
            chosen.append(one)
        elif one.searches[0] not in chosen[like[0]].searches:
            chosen[like[0]] = chosen[like[0]]._replace(searches=chosen[like[0]].searches + one.searches)
    return Looked(searched, chosen[:TESTED])


def _badness(one: Candidate) -> float:
    return wilson(one.failed, one.n)[0]


class _Node(NamedTuple):
    where: Slice
    graded: np.ndarray
    """bool: which of the graded problems lie in it."""
    is_leaf: bool


class _Tree:
    """The pool and the bounds at which it can be split."""

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts
        self.bounds: list[tuple[str, int]] = []
        columns = []
        for number, name in enumerate(COUNTS):
            values = np.unique(np.quantile(counts[:, number], np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1)))
            for bound in sorted({int(value) for value in (*np.floor(values), *(np.floor(values) + 1))}):
                above = counts[:, number] >= bound
                if LEAST_SHARE <= above.mean() <= 1 - LEAST_SHARE:
                    self.bounds.append((name, bound))
                    columns.append(above)
        self.above = np.array(columns, np.float32).reshape(len(columns), len(counts)).T
        """0 or 1 [pool, bounds]: whether the count is at least the bound."""

    def alike(self, first: Slice, second: Slice) -> bool:
        one, other = first.holds(self.counts), second.holds(self.counts)
        return bool((one & other).sum() > ALIKE * (one | other).sum())

    def grow(self, numbers: Sequence[int], failed: Sequence[bool]) -> Iterator[_Node]:
        """The nodes of the tree that separates failures from the rest."""
        above, wrong = self.above[numbers], np.array(failed, np.float32)
        stack = [(Slice(), np.ones(len(numbers), bool), 0)]
        while stack:
            where, inside, depth = stack.pop()
            place = self._best(above[inside], wrong[inside]) if depth < DEEPEST else None
            parts = [] if place is None else self._parts(where, *self.bounds[place])
            yield _Node(where, inside, not parts)
            for part, side in zip(parts, (1, 0), strict=False):
                stack.append((part, inside & (above[:, place] == side), depth + 1))

    def _parts(self, where: Slice, name: str, bound: int) -> list[Slice]:
        parts = [where.within(name, low=bound), where.within(name, high=bound - 1)]
        large = all(part.holds(self.counts).mean() >= LEAST_SHARE for part in parts)
        return parts if large else []

    def _best(self, above: np.ndarray, wrong: np.ndarray) -> int | None:
        """The split whose sides differ most clearly, if there is one."""
        if len(above) < 2 * FEWEST or not above.shape[1]:
            return None
        n, n_above, wrong_above = len(above), above.sum(0), wrong @ above
        n_below, wrong_below, rate = n - n_above, wrong.sum() - wrong_above, wrong.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(rate * (1 - rate) * (1 / n_above + 1 / n_below))
            clear = np.abs(wrong_above / n_above - wrong_below / n_below) / error
        clear = np.where((n_above >= FEWEST) & (n_below >= FEWEST) & np.isfinite(clear), clear, 0)
        place = int(clear.argmax())
        return place if clear[place] >= CLEAR else None


class _Work:
    """What a search has graded so far."""

    def __init__(self, name: str, tree: _Tree, grade: Grade, budget: int, draws: np.random.Generator) -> None:
        self.name, self.tree, self.budget, self.draws, self._grade = name, tree, budget, draws, grade
        self.numbers: list[int] = []
        self.failed: list[bool] = []
        self.unseen = np.ones(len(tree.counts), bool)

    @property
    def left(self) -> int:
        return self.budget - len(self.numbers)

    def grade(self, numbers: Sequence[int]) -> list[bool]:
        """Grade problems, no more than the budget allows."""
        numbers = list(numbers)[: self.left]
        failed = [bool(one) for one in self._grade(numbers)]
        self.unseen[numbers] = False
        self.numbers += numbers
        self.failed += failed
        return failed

    def draw(self, n: int, where: Slice | None = None) -> list[int]:
        """Up to n problems of a slice that have not been graded."""
        open_ = self.unseen if where is None else self.unseen & where.holds(self.tree.counts)
        there = np.flatnonzero(open_)
        return [int(i) for i in self.draws.permutation(there)[:n]]

    def found(self) -> list[Candidate]:
        """The worst slices, the worst first; each fails more than the other graded problems."""
        wrong = np.array(self.failed, bool)
        every = []
        for node in self.tree.grow(self.numbers, self.failed):
            n, failed = int(node.graded.sum()), int(wrong[node.graded].sum())
            rest = len(wrong) - n
            if node.where.bounds and n and rest and failed / n > (wrong.sum() - failed) / rest:
                every.append(Candidate(node.where, (self.name,), n, failed))
        chosen: list[Candidate] = []
        for one in sorted(every, key=_badness, reverse=True):
            if not any(self.tree.alike(one.where, other.where) for other in chosen):
                chosen.append(one)
        return chosen[:KEPT]


def _random(work: _Work) -> None:
    work.grade(work.draw(work.left))


def _by_slices(work: _Work) -> None:
    """A batch at a time from the leaf with the largest rate + sqrt(2 ln t / n): t graded problems, n of them there."""
    batch = max(FEWEST, work.budget // 12)
    work.grade(work.draw(2 * batch))
    while work.left:
        wrong, best, bound = np.array(work.failed, bool), [], -1.0
        for node in work.tree.grow(work.numbers, work.failed):
            n = int(node.graded.sum())
            upper = wrong[node.graded].sum() / n + math.sqrt(2 * math.log(len(wrong)) / n) if n else math.inf
            if node.is_leaf and upper > bound and (drawn := work.draw(batch, node.where)):
                best, bound = drawn, upper
        work.grade(best or work.draw(batch))


def _ascend(work: _Work) -> None:
    """Near each failure the NEIGHBOURS nearest ungraded problems; distances in standard deviations of the counts.

    Failures among them are sources in turn. A source's descendants are what was drawn near it, near the failures among
    these, and so on; where they fail less often than the first, random quarter, its failures are no sources any more.
    """
    spread = work.tree.counts.std(0)
    scaled = (work.tree.counts[:, spread > 0] / spread[spread > 0]).astype(np.float32)
    first = work.draw(max(FEWEST, work.budget // 4))
    failed = work.grade(first)
    usual = sum(failed) / max(len(failed), 1)
    sources = [number for number, wrong in zip(first, failed, strict=False) if wrong]
    parent: dict[int, int] = {}
    descendants: dict[int, list[bool]] = defaultdict(list)
    while work.left:
        batch: list[int] = []
        while sources and len(batch) < 8 * NEIGHBOURS:
            source = sources.pop(0)
            above = descendants[parent[source]] if source in parent else []
            if len(above) >= FEWEST and sum(above) < usual * len(above):
                continue
            distance = np.where(work.unseen, ((scaled - scaled[source]) ** 2).sum(1), np.inf)
            distance[batch] = np.inf
            near = [int(i) for i in np.argsort(distance, kind="stable")[:NEIGHBOURS] if np.isfinite(distance[i])]
            parent |= dict.fromkeys(near, source)
            batch += near
        if not batch:
            batch = work.draw(8 * NEIGHBOURS)
        for number, wrong in zip(batch, work.grade(batch), strict=False):
            sources += [number] * wrong
            above_it = number
            while above_it in parent:
                above_it = parent[above_it]
                descendants[above_it].append(wrong)
