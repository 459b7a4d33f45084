"""Which sentence a model would write next: the probability of each " Define A's B as"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from igsm.corpus.vocabulary import Vocabulary
from igsm.probing.tree import TRUNK, in_tree
from igsm.problems.problem import Problem


class Candidate(NamedTuple):
    """A sentence that could come next."""

    name: str
    """The parameter it would define."""
    probability: float
    """Of " Define A's B as"."""
    back: float
    """Of the word BACK right after that, which takes the sentence back; 0 for a model that does not know it."""
    can_be_next: bool | None = None
    """Whether the parameter can be computed there; None where nobody asked, and after a wrong step."""


@torch.inference_mode()
def next_sentences(
    model: Any, vocabulary: Vocabulary, problem: Problem, tokens: Sequence[int], most: int | None = None
) -> list[Candidate]:
    """The parameters of a problem by how probable the sentence that begins with them is, most probable first.

    All names are read in one pass, each as if it stood alone (`igsm.probing.tree`). What they do not add up to 1 by is
    the probability of anything else, such as the end of the solution.

    Args:
        model: of `igsm.decoding.engine.prepare`.
        tokens: a model's ids of prompt and solution, up to the end of a sentence.
        most: how many of them; None: all.
    """
    names = [problem.name(parameter) for parameter in problem.parameters]
    branches = [vocabulary.from_gpt2[vocabulary.encode_text(f" Define {name} as")].tolist() for name in names]
    n = len(tokens)
    ids, positions, branch, visible = list(tokens), list(range(n)), [TRUNK] * n, list(range(1, n + 1))
    for number, own in enumerate(branches, start=1):
        ids += own
        positions += range(n, n + len(own))
        branch += [number] * len(own)
        visible += [n] * len(own)
    device = next(model.parameters()).device
    row, where, *tree = (torch.tensor([column], device=device) for column in (ids, positions, branch, visible))
    states = model.hidden(row, positions=where, memory=in_tree(*tree))
    logarithms = model.head(states[0, n - 1 :]).float().log_softmax(-1)  # the first is that after the last sentence
    word = vocabulary.from_gpt2[vocabulary.encode_text(" BACK")].tolist()
    found, start = [], 1
    for name, own in zip(names, branches, strict=True):
        before = [0, *range(start, start + len(own) - 1)]
        probability = float(logarithms[before, own].sum().exp())
        start += len(own)
        back = float(logarithms[start - 1, word[0]].exp()) if word[0] >= 0 else 0.0
        found.append(Candidate(name, probability, back))
    return sorted(found, key=lambda one: -one.probability)[:most]
