"""Structure graphs: layers, edges, numbering, and what abstract parameters stand on."""

from __future__ import annotations

import numpy as np
import pytest

from igsm.problems.structure import EDGES, LAYERS, PARAMETERS, Graph, draw_structure, new_graph
from igsm.seeds import derive_key


def edges_of(graph: Graph) -> list[tuple[int, int, int]]:
    """(layer, parent, child) in the order of their numbers."""
    found = {}
    for layer in range(graph.size[LAYERS] - 1):
        for parent in range(graph.width[layer]):
            for child in range(graph.width[layer + 1]):
                if graph.edge[layer, parent, child] >= 0:
                    found[int(graph.edge[layer, parent, child])] = (layer, parent, child)
    return [found[number] for number in range(len(found))]


def test_layers_and_edges_are_as_asked() -> None:
    """Bug guarded: an item without parent, an edge too many or too few, a layer wider than w1."""
    state, graph = derive_key("structure"), new_graph()
    choose = np.random.default_rng(1)
    for _ in range(2000):
        depth, w0 = choose.integers(2, 5), choose.integers(1, 5)
        w1 = choose.integers(w0, 5)
        n_edges = min(choose.integers((depth - 1) * w0, (depth - 1) * w1**2 + 1), 38)
        n_edges = max(n_edges, (depth - 1) * w0)
        draw_structure(state, depth, w0, w1, n_edges, choose.random(), graph)
        assert all(w0 <= w <= w1 for w in graph.width[:depth])
        edges = edges_of(graph)
        assert len(edges) == n_edges == graph.size[EDGES]
        assert edges == sorted(edges)
        children = {(layer + 1, child) for layer, _, child in edges}
        assert children == {(layer, item) for layer in range(1, depth) for item in range(graph.width[layer])}


def test_abstract_parameters_stand_on_everything_below_them() -> None:
    """Bug guarded: a closure that misses a grandchild, so that a budget is under-counted; wrong operations."""
    state, graph = derive_key("closure"), new_graph()
    for _ in range(500):
        draw_structure(state, 4, 2, 3, 14, 0.5, graph)
        abstract = {}
        number = graph.size[EDGES]
        for layer in range(3):
            for item in range(graph.width[layer]):
                for category in range(layer + 1, 4):
                    assert graph.abstract[layer, item, category] == number
                    abstract[layer, item, category] = number
                    number += 1
        assert number == graph.size[PARAMETERS]

        def stands_on(layer: int, item: int, category: int, abstract: dict = abstract) -> tuple[set[int], int]:
            found, operations = {int(abstract[layer, item, category])}, -1
            for child in range(graph.width[layer + 1]):
                edge = graph.edge[layer, item, child]
                if edge < 0:
                    continue
                found.add(int(edge))
                operations += 1
                if category > layer + 1:
                    found |= stands_on(layer + 1, child, category)[0]
                    operations += 1
            return found, max(operations, 1)

        for (layer, item, category), parameter in abstract.items():
            found, operations = stands_on(layer, item, category)
            mask = int(graph.closure[parameter])
            assert {p for p in range(62) if mask >> p & 1} == found
            assert graph.operations[parameter] == operations


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_edges_beyond_the_parents_are_uniform(p: float) -> None:
    """Bug guarded: selection sampling that favours the first absent pairs."""
    state, graph = derive_key("uniform edges"), new_graph()
    counts = np.zeros((3, 3))
    n = 6000
    for _ in range(n):
        draw_structure(state, 2, 3, 3, 5, p, graph)
        counts += graph.edge[0, :3, :3] >= 0
    # By symmetry every pair is an edge with probability 5/9.
    assert np.abs(counts / n - 5 / 9).max() < 4.5 * np.sqrt(5 / 9 * 4 / 9 / n)
