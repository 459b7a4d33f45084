"""The drawing: everything the problem speaks of is there, nothing overlaps, and files are pictures."""

from __future__ import annotations

from pathlib import Path

import networkx
import pytest

from igsm.errors import InputError
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.reporting.graph_drawing import draw, visible_dependencies
from igsm.reporting.graph_layout import lay_out

pytest.importorskip("matplotlib")


def test_what_is_drawn() -> None:
    """An abstract parameter that nobody uses is no part of the problem; one that is used is, with its inputs."""
    source = ProblemSource(ProblemConfig(op=12), seed=1)
    for index in range(20):
        problem = source.problem(index)
        graph = visible_dependencies(problem)
        assert set(problem.expressions) <= set(graph)
        assert problem.needed <= set(graph)
        used = {q for e in problem.expressions.values() for q in e.inputs}
        for parameter in graph:
            assert set(graph.predecessors(parameter)) == set(problem.inputs(parameter))
            if parameter.abstract and parameter not in used | {problem.question}:
                assert graph.out_degree(parameter) > 0
        assert all(stated != target.abstract for _, target, stated in graph.edges(data="stated"))


def test_layout_keeps_nodes_apart_and_arrows_pointing_down() -> None:
    """Boxes over one another, or an arrow upwards, would be a wrong picture of the graph."""
    source = ProblemSource(ProblemConfig(difficulty="hard", op=20), seed=2)
    for index in range(10):
        graph = visible_dependencies(source.problem(index))
        layout = lay_out(graph)
        rows: dict[float, list[float]] = {}
        for x, y in layout.nodes.values():
            rows.setdefault(y, []).append(x)
            assert layout.left + 0.49 <= x <= layout.left + layout.width - 0.49
            assert -layout.depth < y <= 0
        for row in rows.values():
            row.sort()
            assert all(b - a > 0.99 for a, b in zip(row[:-1], row[1:], strict=True))
        assert set(layout.ways) == set(graph.edges)
        for (source_node, target), way in layout.ways.items():
            assert way[0] == layout.nodes[source_node]
            assert way[-1] == layout.nodes[target]
            assert all(a[1] - b[1] == pytest.approx(1) for a, b in zip(way[:-1], way[1:], strict=True))


def test_layout_of_a_single_node() -> None:
    """A problem whose every parameter is a constant has no arrows at all."""
    graph = networkx.DiGraph()
    graph.add_node("a")
    assert lay_out(graph).nodes == {"a": (0.5, 0.0)}


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_files(tmp_path: Path, ending: str, start: bytes) -> None:
    """The ending decides the format."""
    path = tmp_path / f"graph.{ending}"
    draw(ProblemSource(ProblemConfig(difficulty="nano"), seed=1).problem(0), path)
    assert path.read_bytes().startswith(start)


def test_bad_paths(tmp_path: Path) -> None:
    """One clear line, not matplotlib's traceback."""
    problem = ProblemSource(ProblemConfig(difficulty="nano"), seed=1).problem(0)
    with pytest.raises(InputError, match="must end with"):
        draw(problem, tmp_path / "graph.xyz")
    with pytest.raises(InputError, match="cannot be written"):
        draw(problem, tmp_path / "no" / "graph.png")
