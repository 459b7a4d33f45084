"""A problem's two graphs side by side: structure (who has whom) and dependency (what is computed from what).

The picture is that of arXiv 2407.20311, figures 1 and 2: parameters that the answer needs, those it does not
need and the one asked for are told apart, and so are dependencies that a sentence states and those that an
abstract parameter has by its meaning. Needs matplotlib.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from igsm.errors import InputError
from igsm.problems.parameter import Parameter
from igsm.problems.problem import Problem
from igsm.reporting.figures import check_installed
from igsm.reporting.graph_layout import Layout, lay_out

if TYPE_CHECKING:
    import networkx

ASKED, NEEDED, UNNEEDED = "#d1495b", "#2e6f95", "#9aa5b1"
_FILL = {ASKED: "#fbe3e6", NEEDED: "#e2eff7", UNNEEDED: "#f4f5f7"}
# inches
_COLUMN, _ROW = 1.75, 1.05
_ITEM_COLUMN, _ITEM_ROW = 1.6, 1.7
_MARGIN, _HEADER, _LEGEND = 0.3, 0.45, 0.5
_LINE = 0.126  # of the small type in a node


def draw(problem: Problem, path: str | Path) -> None:
    """Write the picture; the path's ending (.png, .pdf, .svg) decides its format. Raises InputError."""
    check_installed()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    graph = visible_dependencies(problem)
    layout = lay_out(graph)
    left_width = _ITEM_COLUMN * max(2, *(len(items) for items in problem.items)) + 1.2
    right_width = max(4.0, _COLUMN * layout.width)
    body = max(_ITEM_ROW * problem.depth, _ROW * layout.depth)
    width, height = left_width + right_width + 3 * _MARGIN, body + _HEADER + _LEGEND
    figure = Figure(figsize=(width, height))
    left = figure.add_axes((_MARGIN / width, _LEGEND / height, left_width / width, body / height))
    right = figure.add_axes(((2 * _MARGIN + left_width) / width, _LEGEND / height, right_width / width, body / height))
    _draw_structure(problem, left)
    middle = layout.left + layout.width / 2
    right.set_xlim(middle - right_width / _COLUMN / 2, middle + right_width / _COLUMN / 2)
    right.set_ylim(-layout.depth + 0.5 - (body / _ROW - layout.depth), 0.5)
    _draw_dependencies(problem, graph, layout, right)
    _draw_legend(figure)
    path = Path(path)
    if path.suffix[1:] not in FigureCanvasAgg(figure).get_supported_filetypes():
        raise InputError(f"--graph {path}: the name must end with .png, .pdf or .svg")
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise InputError(f"--graph {path}: cannot be written: {error.strerror or error}") from None


def visible_dependencies(problem: Problem) -> networkx.DiGraph:
    """The dependency graph of what the problem speaks of: every instance, the question, and what they use."""
    import networkx

    graph = problem.to_networkx()
    seen = set(problem.expressions) | {problem.question}
    for parameter in list(seen):
        seen |= networkx.ancestors(graph, parameter)
    return graph.subgraph(seen).copy()


def _color(problem: Problem, parameter: Parameter) -> str:
    if parameter == problem.question:
        return ASKED
    return NEEDED if parameter in problem.needed else UNNEEDED


def _draw_structure(problem: Problem, axes: Any) -> None:
    positions = {
        (layer, item): (item - (len(names) - 1) / 2, -float(layer))
        for layer, names in enumerate(problem.items)
        for item, name in enumerate(names)
    }
    for parameter in problem.expressions:
        start = positions[parameter.layer, parameter.item]
        end = positions[parameter.layer + 1, parameter.target]
        color = _color(problem, parameter)
        width = 1.0 if color == UNNEEDED else 2.2
        axes.plot([start[0], end[0]], [start[1], end[1]], color=color, lw=width, zorder=1)
    asked = problem.question
    for (layer, item), (x, y) in positions.items():
        is_asked = asked.abstract and (layer, item) == (asked.layer, asked.item)
        label = textwrap.fill(problem.items[layer][item], 18)
        if is_asked:
            label += f"\n({problem.categories[asked.target]}?)"
        edge = ASKED if is_asked else "#444444"
        axes.text(x, y, label, ha="center", va="center", fontsize=8, zorder=2, bbox=_box(edge, "white"))
    left = -max(2, *(len(names) for names in problem.items)) / 2
    for layer, category in enumerate(problem.categories):
        label = textwrap.fill(category, 12)
        axes.text(left, -layer, label, ha="right", va="center", fontsize=9, style="italic")
    axes.set_xlim(left - 1.2 / _ITEM_COLUMN, -left)
    axes.set_ylim(-problem.depth + 0.5, 0.5)
    axes.set_title("structure: who has whom", fontsize=11)
    axes.axis("off")


def _draw_dependencies(problem: Problem, graph: networkx.DiGraph, layout: Layout, axes: Any) -> None:
    labels = {
        parameter: f"{textwrap.fill(problem.name(parameter), 22)}\n= {problem.value(parameter)}" for parameter in graph
    }
    half_height = {
        parameter: (_LINE * (label.count("\n") + 1) + 0.08) / 2 / _ROW for parameter, label in labels.items()
    }
    for source, target, stated in graph.edges(data="stated"):
        points = [*layout.ways[source, target]]
        points[0] = (points[0][0], points[0][1] - half_height[source])
        points[-1] = (points[-1][0], points[-1][1] + half_height[target])
        _draw_arrow(axes, points, needed=target in problem.needed, stated=stated)
    for parameter, (x, y) in layout.nodes.items():
        color = _color(problem, parameter)
        axes.text(
            *(x, y, labels[parameter]),
            ha="center",
            va="center",
            fontsize=7.5,
            color="#222222" if color != UNNEEDED else "#66707a",
            zorder=3,
            bbox=_box(
                color,
                _FILL[color],
                "round,pad=0.3,rounding_size=0.9" if parameter.abstract else "square,pad=0.3",
                2.4 if color == ASKED else 1.2,
            ),
        )
    axes.set_title("dependency: what is computed from what", fontsize=11)
    axes.axis("off")


def _draw_arrow(axes: Any, points: list[tuple[float, float]], needed: bool, stated: bool) -> None:
    """A smooth line through the points, downwards at each, with a head at the last."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    corners, codes = [points[0]], [Line.MOVETO]
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        middle = (y0 + y1) / 2
        corners += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Line.CURVE4] * 3
    color, width = (NEEDED, 1.4) if needed else (UNNEEDED, 0.9)
    # The dashed style would break up the head too.
    line = FancyArrowPatch(path=Line(corners, codes), arrowstyle="-", color=color, lw=width, zorder=1)
    line.set_linestyle("-" if stated else (0, (4, 2)))
    axes.add_patch(line)
    x, y = points[-1]
    head = FancyArrowPatch(
        (x, y + 0.02), (x, y), arrowstyle="-|>", color=color, mutation_scale=10, shrinkA=0, shrinkB=0, zorder=2
    )
    axes.add_patch(head)


def _box(edge: str, fill: str, style: str = "round,pad=0.3", width: float = 1.2) -> dict[str, object]:
    return {"boxstyle": style, "edgecolor": edge, "facecolor": fill, "linewidth": width}


def _draw_legend(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = {
        "asked for": Patch(facecolor=_FILL[ASKED], edgecolor=ASKED, linewidth=2),
        "needed": Patch(facecolor=_FILL[NEEDED], edgecolor=NEEDED),
        "not needed": Patch(facecolor=_FILL[UNNEEDED], edgecolor=UNNEEDED),
        "stated in a sentence": Line2D([], [], color=NEEDED, linestyle="-", lw=1.6),
        "implied by an abstract parameter (rounded)": Line2D([], [], color=NEEDED, linestyle="--", lw=1.6),
    }
    figure.legend(list(entries.values()), list(entries), loc="lower center", ncols=5, frameon=False, fontsize=8)
