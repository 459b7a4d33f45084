"""A problem's two graphs as networkx graphs, for looking at and for checking against."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

    from igsm.problems.problem import Problem


def dependencies(problem: Problem) -> networkx.DiGraph:
    """All parameters, with an edge from each input to what is computed from it.

    Nodes carry name, value, needed, asked; edges carry stated: whether a sentence says so (else an abstract sum does).
    """
    import networkx

    graph = networkx.DiGraph()
    for p in problem.parameters:
        graph.add_node(
            p, name=problem.name(p), value=problem.value(p), needed=p in problem.needed, asked=p == problem.question
        )
    graph.add_edges_from((q, p, {"stated": not p.abstract}) for p in problem.parameters for q in problem.inputs(p))
    return graph


def structure(problem: Problem) -> networkx.DiGraph:
    """Nodes (layer, item) with name and category; an edge with its parameter for each existing instance."""
    import networkx

    graph = networkx.DiGraph()
    for layer, names in enumerate(problem.items):
        for item, name in enumerate(names):
            graph.add_node((layer, item), name=name, category=problem.categories[layer])
    for p in sorted(problem.expressions):
        graph.add_edge((p.layer, p.item), (p.layer + 1, p.target), parameter=p)
    return graph
