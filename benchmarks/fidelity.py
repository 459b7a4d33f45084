"""Our generator beside the authors': every statistic of ../shared/reference, and what chance alone would make of it.

Run as ``python -m benchmarks.fidelity [--sets NAME ...] [--problems N] [--all]``. The distance of two histograms is
the total variation, of two numbers the absolute difference. The expected distance is that of two samples of these
sizes, had by resampling our problems. A row is flagged beyond 4 standard deviations: some 1,500 rows are compared,
so that chance alone puts a few beyond 3, but one beyond 4 in one run of ten only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mistake_statistics import mistake_statistics, their_mistakes, variants
from benchmarks.problem_statistics import Deviation, Histogram, Mean, Statistic, measure
from benchmarks.rejection import rejections
from benchmarks.token_statistics import token_lengths
from igsm.config import build_config
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.record import Record, new_records
from igsm.problems.source import ProblemSource
from igsm.seeds import numpy_generator

SETS: dict[str, dict[str, Any]] = {
    "med_train": {"difficulty": "med"},
    "hard_train": {"difficulty": "hard"},
    "med_test": {"difficulty": "med", "split": "test"},
    **{f"med_op{op}_test": {"difficulty": "med", "split": "test", "op": op} for op in (20, 21, 22, 23)},
    **{f"hard_op{op}_test": {"difficulty": "hard", "split": "test", "op": op} for op in (28, 32)},
}
REPLICATES = 200
POPULATION = 20_000
"""Problems of ours that samples are drawn from."""
LIMIT = 4.0


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    theirs: float | str
    ours: float | str
    distance: float
    expected: float
    deviations: float
    """The distance in standard deviations (of a histogram: those of an equally unlikely normal number)."""

    @property
    def flagged(self) -> bool:
        """Whether chance does not explain the distance."""
        return self.deviations > LIMIT

    def __str__(self) -> str:
        theirs, ours = (x if isinstance(x, str) else f"{x:.4f}" for x in (self.theirs, self.ours))
        mark = "  <-- differs" if self.flagged else ""
        return (
            f"{self.name:52} {theirs:>10} {ours:>10} {self.distance:9.5f} {self.expected:9.5f} "
            f"{self.deviations:6.2f}{mark}"
        )


def their_values(reference: Mapping[str, Any]) -> dict[str, tuple[Any, int]]:
    """Statistic -> (histogram as dict or number, problems it was measured on), in the names of `measure`."""
    n = reference["n"]
    values: dict[str, Any] = {}
    for key in (
        *("op_hist", "depth_hist", "w0w1_hist", "layer_width_hist", "answer_hist", "sentence_const_kind"),
        *("sentence_agg_kind", "sentence_kind", "refs_per_sentence", "intermediates_per_step", "chain"),
        *("hash_bin", "abstract_in_problem_by_level_diff", "abstract_in_solution_by_level_diff"),
        *("question_level_diff_given_abstract", "op_mean", "question_abstract", "question_zero_child"),
        *("zero_child_abstract_in_solution_share_of_abstract", "problems_with_zero_child_abstract_in_solution"),
        *("share_refs_abstract", "solution_steps_with_intermediate", "unneeded_share_of_problem_params"),
        *("unneeded_share_of_instance_params", "unneeded_share_of_abstract_in_problem"),
        *("unneeded_share_of_existing_params", "mean_per_problem_unneeded_share"),
        *("share_total_gt_512", "share_total_gt_768", "share_total_gt_1024", "total_len_hist_by_64"),
    ):
        values[key] = reference[key]
    for distance, count in reference["abstract_in_problem_by_level_diff"].items():
        needed = reference["abstract_in_solution_by_level_diff"].get(distance, 0)
        values[f"unneeded_abstract_per_problem/{distance}"] = (count - needed) / n
    values["s_gt_op"] = reference["s_gt_op"] / n
    values["layer_widths_top30"] = {
        **(shown := reference["layer_widths_top30"]),
        "others": n - sum(shown.values()),
    }
    for key in ("sentences_in_problem", "solution_sentences", "e", "abstract_params_in_problem"):
        values[key] = reference[key]["hist"]
    for key in (
        *("items_total", "params_in_problem", "existing_params", "all_param_incl_nonexistent"),
        *("abstract_in_solution", "prob_token", "sol_token", "total_len"),
    ):
        values[key] = reference[key]["mean"]
        values[key + ".std"] = reference[key]["std"]
    for depth, layers in reference["layer_width_by_position"].items():
        for layer, shares in layers.items():
            values[f"layer_width_by_position/{depth}/{layer}"] = shares
    for op, shares in (reference["hash_bins_for_op"] or {}).items():
        values[f"hash_bins_for_op/{op}"] = shares
    for op, share in reference["question_abstract_by_op"].items():
        values[f"question_abstract_by_op/{op}"] = share
    for op, means in reference["by_op"].items():
        for key, value in means.items():
            if key != "n":
                values[f"by_op/{op}/{key}"] = value
    found = {key: (value, n) for key, value in values.items()}
    candidates = reference["candidates"]
    counted = candidates["n_problems_counted"]
    walks = candidates["inner_invalid_by_outcome"]
    accepted = candidates["counts"]["ok"]
    found["failed_walks_per_problem"] = (walks.get("ok", 0) / accepted, counted)
    for outcome in ("n_op", "hash", "infeasible"):
        found[f"rejected_per_problem/{outcome}"] = (candidates["counts"].get(outcome, 0) / accepted, counted)
    for outcome in ("n_op", "hash"):
        found[f"failed_walks_of_rejected/{outcome}"] = (walks.get(outcome, 0) / accepted, counted)
    for kind, count in candidates["n_op_mismatch_kinds"].items():
        found[f"op_mismatch_per_problem/{kind}"] = (count / accepted, counted)
    return found


def compare(ours: Mapping[str, Statistic], theirs: Mapping[str, tuple[Any, int]], seed: int = 0) -> list[Row]:
    """One row for each statistic that both have."""
    generator = numpy_generator("fidelity", seed)
    samples: dict[int, np.ndarray] = {}
    rows = []
    for name, (value, n_theirs) in theirs.items():
        if name in ours:
            if n_theirs not in samples:
                n = len(_columns(ours[name])[0])
                samples[n_theirs] = _resample(generator, min(n, POPULATION), n_theirs)
            rows.append(_row(name, ours[name], value, samples[n_theirs], n_theirs))
    return rows


def _resample(generator: np.random.Generator, population: int, size: int) -> np.ndarray:
    """How often each problem occurs in samples of this size: float64[2 * REPLICATES, population]."""
    draws = generator.integers(population, size=(2 * REPLICATES, size))
    return np.stack([np.bincount(row, minlength=population) for row in draws]).astype(np.float64)


def _columns(statistic: Statistic) -> tuple[np.ndarray, ...]:
    if isinstance(statistic, Histogram):
        return (statistic.counts,)
    if isinstance(statistic, Mean):
        return (statistic.total, statistic.weight)
    return (np.ones_like(statistic.values), statistic.values, statistic.values**2)


def _evaluate(statistic: Statistic, weights: np.ndarray) -> np.ndarray:
    """The statistic in every weighted sample: float64[samples, labels or 1]."""
    sums = [weights @ column[: weights.shape[1]] for column in _columns(statistic)]
    with np.errstate(invalid="ignore", divide="ignore"):
        if isinstance(statistic, Histogram):
            return np.nan_to_num(sums[0] / sums[0].sum(1, keepdims=True))
        if isinstance(statistic, Mean):
            return np.nan_to_num(sums[0] / sums[1])[:, None]
        return np.sqrt(np.maximum(sums[2] / sums[0] - (sums[1] / sums[0]) ** 2, 0))[:, None]


def _row(name: str, statistic: Statistic, theirs: Any, samples: np.ndarray, n_theirs: int) -> Row:
    is_number = not isinstance(statistic, Histogram)
    if isinstance(statistic, Histogram):
        statistic, reference = _aligned(statistic, theirs)
    else:
        reference = np.array([float(theirs)])
    n = len(_columns(statistic)[0])
    ours = _evaluate(statistic, np.ones((1, n)))[0]
    deviations = _evaluate(statistic, samples)
    deviations -= deviations.mean(0)
    # A sample of n problems strays from the truth by sqrt(n_theirs / n) of what one of n_theirs does.
    chance = deviations[:REPLICATES] - deviations[REPLICATES:] * np.sqrt(n_theirs / n)
    if is_number:
        distance, expected = abs(ours[0] - reference[0]), np.abs(chance).mean()
        rounded = 0.29 * 10.0 ** -len(str(theirs).partition(".")[2])
        spread = max(np.hypot(chance.std(), rounded), _one_problem(statistic, n_theirs))
        return Row(name, reference[0], ours[0], distance, expected, distance / spread)
    distances = np.abs(chance).sum(1) / 2
    distance = np.abs(ours - reference).sum() / 2
    score = _normal_score(distance, distances, _one_problem(statistic, n_theirs))
    return Row(name, f"({len(theirs)})", "", distance, distances.mean(), score)


def _normal_score(value: float, chance: np.ndarray, least: float) -> float:
    """Standard deviations of a normal number as unlikely as `value`, by Wilson and Hilferty's rule for a gamma law.

    A distance between histograms of few labels is skewed; as if it were normal, it would seem too unlikely.
    """
    mean, spread = max(chance.mean(), least), max(chance.std(), least)
    shape = (mean / spread) ** 2
    return float(3 * np.sqrt(shape) * ((value / mean) ** (1 / 3) - 1 + 1 / (9 * shape)))


def _one_problem(statistic: Statistic, n_theirs: int) -> float:
    """How far one problem can move a statistic of theirs; chance is no smaller, even where resampling shows none."""
    if isinstance(statistic, Deviation):
        return 0.0
    if isinstance(statistic, Histogram):
        weight, total = statistic.counts.sum(1), statistic.counts
    else:
        weight, total = statistic.weight, statistic.total
    return float(max(np.abs(total).max(), 1) / max(weight.mean() * n_theirs, 1e-9))


def _aligned(statistic: Histogram, theirs: Mapping[str, float]) -> tuple[Histogram, np.ndarray]:
    """Both over the same labels; with "others" among theirs, ours that they do not name go there."""
    names = list(theirs)
    if "others" not in theirs:
        names += [name for name in statistic.labels if name not in theirs]
    counts = np.zeros((len(statistic.counts), len(names)))
    for i, name in enumerate(statistic.labels):
        counts[:, names.index(name if name in names else "others")] += statistic.counts[:, i]
    shares = np.array([theirs.get(name, 0) for name in names], float)
    return Histogram(tuple(names), counts), shares / max(shares.sum(), 1e-9)


def sample(config: ProblemConfig, n: int, seed: int) -> tuple[ProblemSource, Record]:
    """n problems as one buffer of records."""
    source = ProblemSource(config, seed)
    records = new_records(n)
    for i in range(n):
        for into, array in zip(records, source.record(i), strict=True):
            into[i] = array
    return source, records


def compare_set(name: str, reference: Mapping[str, Any], lexicon: str, n: int, seed: int = 0) -> list[Row]:
    """The rows of one set of problems: n of ours beside all of theirs."""
    config = build_config(ProblemConfig, {**SETS[name], "lexicon": lexicon}, name)
    source, records = sample(config, n, seed)
    ours: dict[str, Statistic] = {
        **measure(records, source.lexicon),
        **token_lengths(records, source.lexicon, config),
        **rejections(config, min(n, POPULATION), seed),
    }
    return compare(ours, their_values(reference), seed)


def main() -> int:
    """Print the tables; returns the number of flagged rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, default=Path(__file__).parents[2] / "shared" / "reference")
    parser.add_argument("--problems", type=int, default=POPULATION, help="problems of ours in each set")
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--mistakes", action="store_true", help="compare the mistakes too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="every row, not only the main ones and flagged ones")
    options = parser.parse_args()
    lexicon = str(options.reference / "lexicon_official.json")
    distribution = json.loads((options.reference / "distribution.json").read_text())
    flagged = 0
    for name in options.sets:
        reference = distribution[name]
        rows = compare_set(name, reference, lexicon, options.problems, options.seed)
        title = f"{name}: {reference['n']} problems of theirs, {options.problems} of ours"
        flagged += _show(title, rows, options.all)
    if options.mistakes:
        reference = json.loads((options.reference / "retry_med.json").read_text())
        source, records = sample(ProblemConfig(lexicon=lexicon), options.problems, options.seed)
        for name, config in variants(reference):
            ours = mistake_statistics(source, records, config, options.seed)
            rows = compare(ours, their_mistakes(reference["variants"][name]), options.seed)
            flagged += _show(f"mistakes, {name} (kind, rate, current sentence included)", rows, options.all)
    return flagged


def _show(title: str, rows: list[Row], everything: bool) -> int:
    """Print a table; returns the number of flagged rows."""
    print(f"\n{title}")
    print(f"{'statistic':52} {'theirs':>10} {'ours':>10} {'distance':>9} {'expected':>9} {'sd':>6}")
    for row in rows:
        if everything or row.flagged or "/" not in row.name:
            print(row)
    beyond = sum(row.deviations > 3 for row in rows)
    largest = max(rows, key=lambda row: row.deviations)
    print(
        f"{len(rows)} statistics; beyond 3 sd: {beyond} (chance alone: {0.003 * len(rows):.1f}); "
        f"largest {largest.deviations:.2f} ({largest.name})"
    )
    return sum(row.flagged for row in rows)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
