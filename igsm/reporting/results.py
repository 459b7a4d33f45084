"""Reads finished evaluations: ``RUN/eval/<cell>-<decoder>/summary.json`` and ``verdicts.jsonl`` beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.config import load_yaml
from igsm.errors import InputError
from igsm.reporting.measures import Json, Measure
from igsm.rundir import RunFolder, read_json, read_jsonl


@dataclass(frozen=True)
class Source:
    """A run folder and the row of the table that it stands in.

    Attributes:
        row: name of the row, e.g. "retry 0.5".
        run: the run folder; it need not exist yet.
        seed: the run's training seed.
        decoders: decoders to read; None for all.
        cells: cells to read; None for all.
    """

    row: str
    run: Path
    seed: int = 0
    decoders: tuple[str, ...] | None = None
    cells: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Result:
    """One evaluation of one run: one cell, one decoder."""

    row: str
    run: Path
    seed: int
    folder: Path
    summary: Json

    @property
    def cell(self) -> str:
        return str(self.summary["cell"])

    @property
    def decoder(self) -> str:
        return str(self.summary["decoder"])

    @property
    def n(self) -> int:
        return int(self.summary["n"])

    @property
    def correct(self) -> int:
        return int(self.summary["correct"])

    @property
    def test_seed(self) -> Any:
        """Seed of the test set: only results on the same test set can be paired."""
        return self.summary.get("seed")

    def verdicts(self) -> list[Json]:
        """One record a problem; empty when the file is not there."""
        path = self.folder / "verdicts.jsonl"
        return list(read_jsonl(path)) if path.is_file() else []

    def values(self, measure: Measure) -> list[float]:
        """The measure of each problem that counts for it."""
        return [value for verdict in self.verdicts() if (value := measure.of_problem(verdict)) is not None]


def read_results(sources: Sequence[Source]) -> list[Result]:
    """Every finished evaluation of ``sources``; what is not there yet is left out.

    Raises :class:`InputError` for a summary that lacks its cell, decoder or counts.
    """
    results = []
    for source in sources:
        for path in sorted(RunFolder(source.run).evaluations.glob("*/summary.json")):
            summary = read_json(path)
            missing = [key for key in ("cell", "decoder", "n", "correct") if key not in (summary or {})]
            if missing:
                raise InputError(f"{path}: not the summary of an evaluation: it has no '{missing[0]}'")
            if source.decoders is not None and summary["decoder"] not in source.decoders:
                continue
            if source.cells is not None and summary["cell"] not in source.cells:
                continue
            results.append(Result(source.row, source.run, source.seed, path.parent, summary))
    return results


def sources_of_runs(runs: Sequence[Path]) -> list[Source]:
    """One source a run folder, its row named by what the run was trained on.

    Runs that differ in nothing but the seed share a row; runs that would share a name and differ otherwise
    keep the name of their folder beside it. Raises :class:`InputError` for a folder that is not a run.
    """
    described = []
    for run in runs:
        folder = RunFolder(run)
        if not folder.evaluations.is_dir() and not folder.config.is_file():
            raise InputError(f"{run}: not a run folder: it has neither config.yaml nor eval/")
        config = load_yaml(folder.config) if folder.config.is_file() else {}
        described.append((run, config, describe(config) or run.name))
    sources = []
    for run, config, name in described:
        twins = [other for _, other, its_name in described if its_name == name]
        same = all(_without_seeds(other) == _without_seeds(config) for other in twins)
        seed = config.get("seed", 0)
        sources.append(Source(name if same else f"{name} ({run.name})", run, seed))
    return sources


def describe(config: Json) -> str:
    """Name of a row in the paper's words, from a run's resolved config: "original", "retry 0.5 masked"."""
    problem = config.get("data", {}).get("problem", {})
    if not problem:
        return ""
    kind = problem.get("kind", "none")
    if kind == "none":
        return "original"
    words = [kind, f"{problem.get('retry_rate', 0.0):g}"]
    if share := problem.get("error_free_share"):
        words.append(f"+ {100 * share:g} % error-free")
    if config.get("training", {}).get("label_masking", "none") != "none":
        words.append("masked")
    return " ".join(words)


def _without_seeds(config: Json) -> Json:
    plain = {key: value for key, value in config.items() if key not in ("seed", "tracking")}
    if "data" in plain:
        plain["data"] = {key: value for key, value in plain["data"].items() if key != "seed"}
    return plain


def curves(run: Path) -> dict[str, list[tuple[float, float]]]:
    """The training curves of a run: name in ``metrics.jsonl`` -> (step, value) points."""
    path = RunFolder(run).metrics
    points: dict[str, dict[float, float]] = {}
    if path.is_file():
        for name, step, value in _metrics(path):
            points.setdefault(name, {})[step] = value  # a resumed run repeats steps: the last one counts
    return {name: sorted(series.items()) for name, series in points.items()}


def _metrics(path: Path) -> Iterator[tuple[str, float, float]]:
    for record in read_jsonl(path):
        step = record.get("step")
        if not isinstance(step, int | float):
            continue
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
                yield name, step, value
