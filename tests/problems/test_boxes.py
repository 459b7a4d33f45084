"""Box over box: the stated answer is the answer, and only needed boxes are worked out."""

from __future__ import annotations

import re

import networkx
import numpy as np
import pytest

from igsm.mistakes.document import Document
from igsm.problems.boxes import FEWEST, MOST, write_boxes
from igsm.problems.lexicon import load_lexicon
from igsm.problems.wording import MAX_FRAGMENTS
from igsm.seeds import derive_key

WEIGHT = re.compile(r" Each box ([A-Z]) weights (\d) pounds on its own\.")
HELD = re.compile(r" Each box ([A-Z]) has a box ([A-Z]) inside it\.")
TOTAL = re.compile(r" The total of box ([A-Z]) is ((?:\d+ \+ )*\d+)(?: = (\d+))?\.")


def make(seed: int, n_boxes: int = 0) -> Document:
    codes = np.zeros(MAX_FRAGMENTS, np.int32)
    ends = write_boxes(derive_key("boxes test", seed), n_boxes, codes)
    return Document.of_boxes(load_lexicon("full"), codes, ends)


@pytest.mark.parametrize("n_boxes", [0, 1, 2, 5, 26])
def test_solved_by_an_independent_reading(n_boxes: int) -> None:
    """Totals recomputed from the statement alone."""
    for seed in range(60):
        document = make(seed, n_boxes)
        text = document.problem_text
        weight = {box: int(number) for box, number in WEIGHT.findall(text)}
        graph = networkx.DiGraph(HELD.findall(text))
        graph.add_nodes_from(weight)
        assert (len(weight) == n_boxes) if n_boxes else (FEWEST <= len(weight) <= MOST)
        assert all(1 <= graph.out_degree(box) <= 4 for box in sorted(weight)[:-1])
        assert networkx.is_directed_acyclic_graph(graph)
        assert document.question_text == "What is the total weight of box A?"
        assert text.endswith(" " + document.question_text)
        leftover = HELD.sub("", WEIGHT.sub("", text))
        assert leftover == " " + document.question_text

        total: dict[str, int] = {}
        for box in reversed(list(networkx.topological_sort(graph))):
            total[box] = (weight[box] + sum(total[inner] for inner in graph.successors(box))) % 23
        stated = {}
        for box, terms, result in TOTAL.findall(document.solution_text):
            numbers = [int(number) for number in terms.split(" + ")]
            inside = sorted(stated[inner] for inner in graph.successors(box))
            assert numbers[0] == weight[box]
            assert sorted(numbers[1:]) == inside
            stated[box] = int(result or terms)
            assert stated[box] == total[box]
        assert TOTAL.sub("", document.solution_text) == ""
        assert set(stated) == {"A"} | networkx.descendants(graph, "A")
        assert document.answer == total["A"]


def test_sentences_are_shuffled() -> None:
    """In their own order the structure could be read off without looking."""
    orders = [[box for box, _ in WEIGHT.findall(make(seed, 8).problem_text)] for seed in range(5)]
    assert all(order != sorted(order) for order in orders)
