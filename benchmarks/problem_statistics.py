"""Statistics of a sample of problems, under the names of ../shared/reference/distribution.json.

Every statistic keeps one row for each problem, so that its sampling error can be had by resampling problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igsm.problems import record as r
from igsm.problems.lexicon import Lexicon
from igsm.problems.record import NUMBER, Record


@dataclass(frozen=True)
class Histogram:
    """Shares of `labels`; counts float64[n problems, n labels]."""

    labels: tuple[str, ...]
    counts: np.ndarray


@dataclass(frozen=True)
class Mean:
    """sum(total) / sum(weight), both float64[n problems]."""

    total: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Deviation:
    """Standard deviation of values float64[n problems]."""

    values: np.ndarray


Statistic = Histogram | Mean | Deviation


def histogram(values: np.ndarray, where: np.ndarray | None = None, labels: Sequence[str] | None = None) -> Histogram:
    """Histogram of integers[n] or [n, m] (those where `where`), one row a problem."""
    values = values.reshape(len(values), -1).astype(np.int64)
    where = np.ones(values.shape, bool) if where is None else where.reshape(values.shape)
    size = len(labels) if labels is not None else int(values[where].max(initial=0)) + 1
    problems = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    flat = np.bincount((problems * size + values)[where], minlength=len(values) * size)
    names = tuple(labels) if labels is not None else tuple(str(i) for i in range(size))
    return Histogram(names, flat.reshape(len(values), size).astype(np.float64))


def mean(values: np.ndarray, weight: np.ndarray | None = None) -> Mean:
    """Mean of values[n], or of sums over sums."""
    return Mean(values.astype(float), np.ones(len(values)) if weight is None else weight.astype(float))


def measure(records: Record, lexicon: Lexicon) -> dict[str, Statistic]:
    """All statistics of n records that need no tokens."""
    return {
        **_structure(records, lexicon),
        **_parameters(records),
        **_sentences(records),
        **_by_operations(records),
    }


def _structure(records: Record, lexicon: Lexicon) -> dict[str, Statistic]:
    head = records.head
    depth, widths = head[:, r.DEPTH], records.widths.astype(int)
    layer_exists = np.arange(r.MAX_LAYERS) < depth[:, None]
    width_pairs = ("2,2", "2,3", "2,4", "3,3", "3,4", "4,4")
    pair = np.array([width_pairs.index(f"{a},{b}") for a, b in head[:, [r.W0, r.W1]]])
    shapes = [str(tuple(map(int, row[:d]))) for row, d in zip(widths, depth, strict=True)]
    windows = [
        " > ".join(lexicon.chains[chain][first : first + d])
        for chain, first, d in head[:, [r.CHAIN, r.FIRST_CATEGORY, r.DEPTH]]
    ]
    found: dict[str, Statistic] = {
        "depth_hist": histogram(depth),
        "w0w1_hist": histogram(pair, labels=width_pairs),
        "layer_width_hist": histogram(widths, layer_exists),
        "layer_widths_top30": _of_words(shapes),
        "items_total": mean(widths.sum(1)),
        "items_total.std": Deviation(widths.sum(1).astype(float)),
        "e": histogram(head[:, r.N_EDGES]),
        "chain": _of_words(windows),
    }
    for d in (2, 3, 4):
        for layer in range(d):
            found[f"layer_width_by_position/d={d}/layer{layer}"] = histogram(widths[:, layer], depth == d)
    return found


def _of_words(words: Sequence[str]) -> Histogram:
    labels = sorted(set(words))
    return histogram(np.array([labels.index(word) for word in words]), labels=labels)


def _masks(records: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """bool[n, 64]: existing abstract parameters, instances, parameters of the solution, of the problem."""
    numbers = np.arange(r.MAX_PARAMETERS)
    instance = numbers < records.head[:, r.N_INSTANCES, None]
    abstract = (numbers < records.head[:, r.N_PARAMETERS, None]) & ~instance
    in_solution = np.zeros_like(instance)
    steps = numbers < records.head[:, r.N_SOLUTION, None]
    rows = np.broadcast_to(np.arange(len(instance))[:, None], steps.shape)
    in_solution[rows[steps], records.solution[steps]] = True
    mentioned = (records.mentioned == 1) & (instance | abstract)
    return abstract, instance, in_solution, mentioned


def _parameters(records: Record) -> dict[str, Statistic]:
    head = records.head
    abstract, instance, needed, mentioned = _masks(records)
    distance = records.parameter[:, :, r.TARGET].astype(int) - records.parameter[:, :, r.LAYER]
    question = head[:, r.QUESTION]
    n = np.arange(len(head))
    asks_abstract = abstract[n, question]
    childless = abstract & (records.n_inputs == 0)
    widths = records.widths.astype(int)
    pairs = (widths[:, :-1] * widths[:, 1:]).sum(1)
    n_abstract, n_instances = abstract.sum(1), instance.sum(1)
    n_mentioned, n_needed = mentioned.sum(1), needed.sum(1)
    abstract_needed = abstract & needed
    abstract_mentioned = abstract & mentioned
    found: dict[str, Statistic] = {
        "abstract_params_in_problem": histogram(abstract_mentioned.sum(1)),
        "abstract_in_problem_by_level_diff": histogram(distance, abstract_mentioned),
        "abstract_in_solution_by_level_diff": histogram(distance, abstract_needed),
        "zero_child_abstract_in_solution_share_of_abstract": mean((childless & needed).sum(1), abstract_needed.sum(1)),
        "problems_with_zero_child_abstract_in_solution": mean((childless & needed).any(1)),
        "question_abstract": mean(asks_abstract),
        "question_level_diff_given_abstract": histogram(distance[n, question], asks_abstract),
        "question_zero_child": mean(childless[n, question]),
        "unneeded_share_of_problem_params": mean(n_mentioned - n_needed, n_mentioned),
        "unneeded_share_of_instance_params": mean(n_instances - (instance & needed).sum(1), n_instances),
        "unneeded_share_of_abstract_in_problem": mean((abstract_mentioned & ~needed).sum(1), abstract_mentioned.sum(1)),
        "unneeded_share_of_existing_params": mean(n_instances + n_abstract - n_needed, n_instances + n_abstract),
        "mean_per_problem_unneeded_share": mean(1 - n_needed / n_mentioned),
    }
    for d in (1, 2, 3):
        unneeded = abstract_mentioned & ~needed & (distance == d)
        found[f"unneeded_abstract_per_problem/{d}"] = mean(unneeded.sum(1))
    for name, values in (
        ("params_in_problem", n_mentioned),
        ("existing_params", n_instances + n_abstract),
        ("all_param_incl_nonexistent", pairs + n_abstract),
        ("abstract_in_solution", abstract_needed.sum(1)),
    ):
        found[name] = mean(values)
        found[name + ".std"] = Deviation(values.astype(float))
    return found


def _sentences(records: Record) -> dict[str, Statistic]:
    head = records.head
    abstract, instance, needed, _ = _masks(records)
    n = np.arange(len(head))
    input_exists = np.arange(r.MAX_INPUTS) < records.n_inputs[:, :, None]
    reference = input_exists & (records.inputs != NUMBER)
    n_references = reference.sum(2)
    constant = np.where(records.number < 0, 3, np.where(n_references == 0, 1, np.where(records.multiply == 1, 2, 0)))
    constants = ("add", "const", "mul", "ref")
    aggregates = ("none", "single1", "diff2", "sum2", "sum3", "sum4")
    terms = np.choose(n_references.clip(0, 4), [0, 1, np.where(records.subtract == 1, 2, 3), 4, 5])
    owner_is_instance = reference & instance[:, :, None]
    refers_to_abstract = records.inputs >= head[:, r.N_INSTANCES, None, None]
    intermediates = np.maximum(records.n_inputs - 2, 0)
    return {
        "sentences_in_problem": histogram(head[:, r.N_INSTANCES]),
        "solution_sentences": histogram(head[:, r.N_SOLUTION]),
        "answer_hist": histogram(
            records.value[n, head[:, r.QUESTION]], labels=[f"{i:02}" for i in range(int(head[0, r.MODULUS]))]
        ),
        "sentence_const_kind": histogram(constant, instance, constants),
        "sentence_agg_kind": histogram(terms, instance, aggregates),
        "sentence_kind": histogram(constant * 6 + terms, instance, [f"{c}|{a}" for c in constants for a in aggregates]),
        "refs_per_sentence": histogram(n_references, instance),
        "share_refs_abstract": mean(
            (owner_is_instance & refers_to_abstract).sum((1, 2)), owner_is_instance.sum((1, 2))
        ),
        "solution_steps_with_intermediate": mean(((intermediates > 0) & needed).sum(1), needed.sum(1)),
        "intermediates_per_step": histogram(intermediates, needed),
    }


def _by_operations(records: Record) -> dict[str, Statistic]:
    head = records.head
    op = head[:, r.OP]
    abstract, instance, needed, mentioned = _masks(records)
    n = np.arange(len(head))
    bins = [f"{i:02}" for i in range(23)]
    found: dict[str, Statistic] = {
        "op_hist": histogram(op),
        "op_mean": mean(op),
        "s_gt_op": mean(head[:, r.DRAWN_OP] > op),
        "hash_bin": histogram(head[:, r.BIN], labels=bins),
        "failed_walks_per_problem": mean(head[:, r.N_ATTEMPTS] - 1),
    }
    per_problem = {
        "e": head[:, r.N_EDGES],
        "sol_sent": head[:, r.N_SOLUTION],
        "d": head[:, r.DEPTH],
        "zero_child_in_sol": (abstract & needed & (records.n_inputs == 0)).any(1),
    }
    for k in np.unique(op):
        this = op == k
        for name, values in per_problem.items():
            found[f"by_op/{k}/{name}"] = mean(values * this, this)
        n_mentioned = mentioned.sum(1) * this
        found[f"by_op/{k}/unneeded"] = mean(n_mentioned - needed.sum(1) * this, n_mentioned)
        found[f"question_abstract_by_op/{k}"] = mean(abstract[n, head[:, r.QUESTION]] & this, this)
        if k <= 4:
            found[f"hash_bins_for_op/{k}"] = histogram(head[:, r.BIN], this, bins)
    return found
