"""Where the nodes and arrows of a layered graph go (Sugiyama, Tagawa and Toda, 1981)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx

Point = tuple[float, float]
_SWEEPS = 24
_BEND_WIDTH = 0.22  # of a column: the room for an arrow that passes a row


@dataclass(frozen=True)
class Layout:
    """Positions in columns (x, one node's width) and rows (y, downwards from 0).

    Attributes:
        nodes: centre of each node.
        ways: for each arrow the points it passes: source, one in each row between, target.
        left, width: extent of all nodes in columns.
        depth: number of rows.
    """

    nodes: dict[Any, Point]
    ways: dict[tuple[Any, Any], list[Point]]
    left: float
    width: float
    depth: int


def lay_out(graph: networkx.DiGraph) -> Layout:
    """Each connected part by itself, the largest on the left and the others stacked in columns beside it."""
    import networkx

    parts = [
        _lay_out_part(graph.subgraph(sorted(part)))
        for part in sorted(networkx.weakly_connected_components(graph), key=lambda part: (-len(part), min(part)))
    ]
    depth = max(part.depth for part in parts)
    whole = Layout({}, {}, 0.0, 0.0, depth)
    left, right, top = 0.0, 0.0, 0
    for part in parts:
        if top + part.depth > depth:
            left, top = right, 0
        whole.nodes.update({node: _moved(point, left - part.left, top) for node, point in part.nodes.items()})
        whole.ways.update(
            {edge: [_moved(point, left - part.left, top) for point in way] for edge, way in part.ways.items()}
        )
        right = max(right, left + part.width)
        top += part.depth
    return replace(whole, width=right)


def _moved(point: Point, right: float, down: int) -> Point:
    return point[0] + right, point[1] - down


def _lay_out_part(graph: networkx.DiGraph) -> Layout:
    """Rows by the longest way from a source; a source stands directly above the first that uses it."""
    level = _levels(graph)
    chains = {}
    neighbours: dict[Hashable, tuple[list[Hashable], list[Hashable]]] = {node: ([], []) for node in graph}
    rows: list[list[Hashable]] = [[] for _ in range(max(level.values()) + 1)]
    for node in graph:
        rows[level[node]].append(node)
    for source, target in graph.edges:
        chain: list[Hashable] = [source]
        for row in range(level[source] + 1, level[target]):
            bend = ("bend", source, target, row)
            rows[row].append(bend)
            neighbours[bend] = ([], [])
            chain.append(bend)
        chain.append(target)
        for above, below in zip(chain[:-1], chain[1:], strict=True):
            neighbours[above][1].append(below)
            neighbours[below][0].append(above)
        chains[source, target] = chain
    widths = {node: 1.0 if node in graph else _BEND_WIDTH for row in rows for node in row}
    x = _columns(rows, neighbours, widths)
    height = {node: -float(n) for n, row in enumerate(rows) for node in row}
    left = min(x[node] - widths[node] / 2 for node in x)
    right = max(x[node] + widths[node] / 2 for node in x)
    return Layout(
        {node: (x[node], height[node]) for node in graph},
        {edge: [(x[node], height[node]) for node in chain] for edge, chain in chains.items()},
        left,
        right - left,
        len(rows),
    )


def _levels(graph: networkx.DiGraph) -> dict[Any, int]:
    import networkx

    level: dict[Any, int] = {}
    for node in networkx.topological_sort(graph):
        level[node] = max((level[above] + 1 for above in graph.predecessors(node)), default=0)
    for node in graph:
        if graph.in_degree(node) == 0 and graph.out_degree(node) > 0:
            level[node] = min(level[below] for below in graph.successors(node)) - 1
    first = min(level.values())
    return {node: n - first for node, n in level.items()}


def _columns(
    rows: list[list[Any]], neighbours: dict[Any, tuple[list[Any], list[Any]]], widths: dict[Any, float]
) -> dict[Any, float]:
    """Order each row and place it, near the middle of what its members are linked with above (or below)."""
    x: dict[Any, float] = {}
    for row in rows:
        x |= _spread(row, dict.fromkeys(row, 0.0), widths)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for row in rows[1:] if side == 0 else rows[-2::-1]:
            wanted = {node: _mean((x[other] for other in neighbours[node][side]), x[node]) for node in row}
            row.sort(key=lambda node: wanted[node])
            x |= _spread(row, wanted, widths)
    return x


def _mean(values: Iterable[float], default: float) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else default


def _spread(row: list[Any], wanted: dict[Any, float], widths: dict[Any, float]) -> dict[Any, float]:
    """Places near the wanted ones that keep the row's order and overlap nowhere."""
    gaps = [(widths[a] + widths[b]) / 2 for a, b in zip(row[:-1], row[1:], strict=True)]
    rightwards = [wanted[node] for node in row]
    for i, gap in enumerate(gaps):
        rightwards[i + 1] = max(rightwards[i + 1], rightwards[i] + gap)
    leftwards = [wanted[node] for node in row]
    for i in range(len(gaps) - 1, -1, -1):
        leftwards[i] = min(leftwards[i], leftwards[i + 1] - gaps[i])
    return {node: (rightwards[i] + leftwards[i]) / 2 for i, node in enumerate(row)}
