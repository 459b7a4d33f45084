"""Reads finished evaluations: ``RUN/eval/<cell>-<decoder>/summary.json`` and ``verdicts.jsonl`` beside it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.config import load_yaml
from igsm.errors import InputError
from igsm.reporting.measures import Json
from igsm.rundir import RunFolder, distinct_names, read_json, read_jsonl

# Fields that are read without a second look: name -> (must it be there, of which type).
_SUMMARY: dict[str, tuple[bool, Any]] = {
    "cell": (True, str),
    "decoder": (True, str),
    "n": (True, int),
    "correct": (True, int),
    "seed": (False, int),
    "test_set": (False, str),
    "always_zero": (False, int | float),
    "first_errors": (False, dict),
    "provenance": (False, dict),
}
_PROVENANCE: dict[str, tuple[bool, Any]] = {"command": (False, list), "git": (False, dict)}
_VERDICT: dict[str, tuple[bool, Any]] = {"index": (True, int), "correct": (True, bool), "error": (False, dict)}


@dataclass(frozen=True)
class Source:
    """A run folder and the row of the table that it stands in.

    Attributes:
        row: name of the row, e.g. "retry 0.5".
        run: the run folder; it need not exist yet.
        seed: the run's training seed; None when it is not known.
        decoders: decoders to read; None for all.
        cells: cells to read; None for all.
    """

    row: str
    run: Path
    seed: int | None = None
    decoders: tuple[str, ...] | None = None
    cells: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Result:
    """One evaluation of one run: one cell, one decoder."""

    row: str
    run: Path
    seed: int | None
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
        """Seed of the test set; None when it is not known."""
        return self.summary.get("seed")

    @property
    def test_set(self) -> tuple[str, Any] | None:
        """Which problems: their digest, or the seed where there is none. Only results on the same ones can be paired.

        None when neither is known.
        """
        known = ((name, self.summary.get(name)) for name in ("test_set", "seed"))
        return next(((name, value) for name, value in known if value is not None), None)

    @property
    def has_verdicts(self) -> bool:
        """Whether the file of verdicts is there."""
        return (self.folder / "verdicts.jsonl").is_file()

    def verdicts(self) -> list[Json]:
        """One record a problem; empty when the file is not there. InputError for one that is no verdict."""
        path = self.folder / "verdicts.jsonl"
        verdicts = list(records_of(path)) if self.has_verdicts else []
        for number, verdict in enumerate(verdicts, start=1):
            check(verdict, _VERDICT, f"{path}, record {number}: not a verdict")
        return verdicts


def read_results(sources: Sequence[Source]) -> list[Result]:
    """Every finished evaluation of ``sources``, each once a row; what is not there yet is left out.

    Raises :class:`InputError` for a summary that lacks its cell, decoder or counts, or has them of another type.
    """
    results: dict[tuple[str, str], Result] = {}
    for source in sources:
        for path in sorted(RunFolder(source.run).evaluations.glob("*/summary.json")):
            summary = read_json(path)
            check(summary, _SUMMARY, f"{path}: not the summary of an evaluation")
            check(summary.get("provenance") or {}, _PROVENANCE, f"{path}: not the provenance of an evaluation")
            for kind, number in (summary.get("first_errors") or {}).items():
                if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                    raise InputError(f"{path}: 'first_errors' must be numbers, '{kind}' cannot be {number!r}")
            if not 0 <= summary["correct"] <= summary["n"]:
                raise InputError(f"{path}: {summary['correct']} correct of n = {summary['n']} cannot be")
            if source.decoders is not None and summary["decoder"] not in source.decoders:
                continue
            if source.cells is not None and summary["cell"] not in source.cells:
                continue
            result = Result(source.row, source.run, source.seed, path.parent, summary)
            results.setdefault((source.row, os.path.realpath(path.parent)), result)
    return list(results.values())


def read_provenance(run: Path) -> Json:
    """A run's ``provenance.json``; nothing when it is not there, InputError when it is none."""
    path = RunFolder(run).provenance
    content = read_json(path) if path.is_file() else {}
    check(content, _PROVENANCE, f"{path}: not the provenance of a run")
    return dict(content)


def records_of(path: Path) -> Iterator[Json]:
    """`read_jsonl` for files of any origin: InputError for one that cannot be read or is no whole gzip file."""
    try:
        yield from read_jsonl(path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def check(content: Any, fields: dict[str, tuple[bool, Any]], what: str) -> None:
    """Raise InputError unless ``content`` is a mapping with these fields of these types."""
    if not isinstance(content, dict):
        raise InputError(f"{what}: an object is expected, not {type(content).__name__}")
    for key, (required, kind) in fields.items():
        if content.get(key) is None:
            if required:
                raise InputError(f"{what}: it has no '{key}'")
        elif not isinstance(content[key], kind) or (isinstance(content[key], bool) and kind is not bool):
            raise InputError(f"{what}: '{key}' cannot be {content[key]!r}")


def sources_of_runs(runs: Sequence[Path]) -> list[Source]:
    """One source a run folder, its row named by what the run was trained on.

    Runs that differ in nothing but the seed share a row; runs that would share a name and differ otherwise
    keep the name of their folder beside it, with as much of its path as tells them apart. A folder that is given
    twice counts once. Raises :class:`InputError` for a folder that is not a run.
    """
    described = []
    distinct: dict[str, Path] = {}
    for run in runs:
        distinct.setdefault(os.path.realpath(run), run)
    for run in distinct.values():
        folder = RunFolder(run)
        if not folder.evaluations.is_dir() and not folder.config.is_file():
            raise InputError(f"{run}: not a run folder: it has neither config.yaml nor eval/")
        config = load_yaml(folder.config) if folder.config.is_file() else {}
        described.append((run, config, describe(config)))
    sources = []
    for run, config, name in described:
        twins = [other for _, other, its_name in described if its_name == name]
        same = bool(name) and all(_without_seeds(other) == _without_seeds(config) for other in twins)
        alike = [other for other, _, its_name in described if its_name == name]
        folder_name = distinct_names(alike)[alike.index(run)]
        seed = config.get("seed")
        seed = seed if isinstance(seed, int) else None
        row = name if same else f"{name} ({folder_name})" if name else folder_name
        sources.append(Source(row, run, seed))
    return sources


def describe(config: Json) -> str:
    """Name of a row in the paper's words, from a run's resolved config: "original", "retry 0.5, lora qv8 e16"."""
    problem = _section(_section(config, "data"), "problem")
    if not problem:
        return ""
    kind = problem.get("kind", "none")
    if kind == "none":
        name = "original"
    else:
        rate, share = (problem.get(key) for key in ("retry_rate", "error_free_share"))
        name = f"{kind} {rate if isinstance(rate, int | float) else 0.0:g}"
        if isinstance(share, int | float) and share:
            name += f" + {100 * share:g} % error-free"
    if config.get("from") and "stage" not in config:
        raise InputError("config.yaml names no stage: the run was made by an earlier version; train it again")
    if config.get("stage") == "finetune":
        name += f", {_tuning(_section(config, 'lora'))}"
    if kind != "none" and _section(config, "training").get("label_masking", "none") != "none":
        name += " masked"
    return name


def _tuning(lora: Json) -> str:
    """ "lora qv8 e16": ranks of query and value, and of the embedding with the output matrix ("out0": without it)."""
    query_value, embedding, output = (lora.get(f"{name}_rank", 0) for name in ("query_value", "embedding", "output"))
    if not any((query_value, embedding, output)):
        return "continued pretrain"
    return f"lora qv{query_value} e{embedding}" + (f" out{output}" if output != embedding else "")


def _section(config: Json, name: str) -> Json:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _without_seeds(config: Json) -> Json:
    plain = {key: value for key, value in config.items() if key not in ("seed", "tracking")}
    if isinstance(plain.get("data"), dict):
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
    for record in records_of(path):
        step = record.get("step")
        if not isinstance(step, int | float):
            continue
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
                yield name, step, value
