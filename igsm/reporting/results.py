"""Finished evaluations as results: each with the row of the table that it stands in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from igsm.config import differences, load_stored
from igsm.errors import InputError, suggest
from igsm.former_keys import PLAIN_METHOD
from igsm.grading.evaluations import PROVENANCE, Evaluation, check, defaults, read_evaluations, records_of
from igsm.grading.metrics import Columns, Json
from igsm.rundir import RunFolder, distinct_names, read_json


@dataclass(frozen=True)
class Source:
    """A run folder and the row of the table that it stands in.

    Attributes:
        row: name of the row, e.g. "retry 0.5".
        run: the run folder; it need not exist yet.
        seed: the run's training seed; None when it is not known.
        decoders: decoders to read; None for all.
        cells: cells to read; None for all.
        test_seed: of the test sets; None for that of the default evaluations.
        n: problems of each cell; None for all that are there.
    """

    row: str
    run: Path
    seed: int | None = None
    decoders: tuple[str, ...] | None = None
    cells: tuple[str, ...] | None = None
    test_seed: int | None = None
    n: int | None = None


@dataclass(frozen=True)
class Result:
    """One evaluation of one run: one cell, one decoder.

    Attributes:
        row, run, seed: of its source.
        evaluation: where it lies, its settings and numbers.
    """

    row: str
    run: Path
    seed: int | None
    evaluation: Evaluation

    @property
    def folder(self) -> Path:
        return self.evaluation.folder

    @property
    def settings(self) -> Json:
        return self.evaluation.settings

    @property
    def numbers(self) -> Columns:
        return self.evaluation.numbers

    @property
    def cell(self) -> str:
        return self.evaluation.cell

    @property
    def decoder(self) -> str:
        return self.evaluation.decoder

    @property
    def n(self) -> int:
        return self.evaluation.n

    @property
    def correct(self) -> int:
        return self.numbers.correct

    @property
    def test_seed(self) -> Any:
        """Seed of the test set; None when it is not known."""
        return self.evaluation.seed

    def same_problems(self, other: Result) -> bool:
        """Whether problem i is the same in both, for all i that both have: only then can they be paired.

        Known from the digests of the test sets, or where these are of another size, from the seeds, operations and
        answers.
        """
        mine, theirs = self.settings, other.settings
        digests = mine.get("test_set"), theirs.get("test_set")
        if mine["n"] == theirs["n"] and None not in digests:
            return digests[0] == digests[1]
        if self.test_seed is None or self.test_seed != other.test_seed:
            return False
        shared = min(self.n, other.n)
        return self.numbers.problems[:shared] == other.numbers.problems[:shared]


def read_results(sources: Sequence[Source], which: str = "default") -> list[Result]:
    """Finished evaluations of ``sources``, each once a row; what is not there yet is left out.

    Args:
        which: "default": of the evaluations of one cell and decoder the one under the default settings; "all": every
            one, those under other settings in a row of their own; else those whose folders' names have this end.

    Raises :class:`InputError` for a summary or verdicts that are damaged, and for an end that no folder has.
    """
    results: dict[tuple[str, str], Result] = {}
    labels: set[str] = set()
    for source in sources:
        found = [
            one
            for one in read_evaluations(source.run, source.n)
            if source.decoders is None or one.decoder in source.decoders
            if source.cells is None or one.cell in source.cells
        ]
        labels |= {one.label for one in found}
        usual = defaults(source.run, found, source.test_seed)
        chosen = {"default": usual, "all": [*usual, *found]}.get(which) or [one for one in found if one.label == which]
        for one in chosen:
            row = source.row if one in usual and not one.chosen - {"seed"} else f"{source.row}, {one.label}"
            results.setdefault((row, os.path.realpath(one.folder)), Result(row, source.run, source.seed, one))
    if which not in ("default", "all") and which not in labels:
        raise InputError(f"no evaluation is named '{which}'{suggest(which, labels)}")
    for result in results.values():
        _ = result.numbers  # damaged files show here
    return list(results.values())


def other_settings(results: Sequence[Result]) -> list[str]:
    """Names of evaluations that are not among the results: of the same cells and decoders, under other settings."""
    shown: dict[Path, set[Any]] = {}
    for result in results:
        shown.setdefault(result.run, set()).update((result.folder.name, (result.cell, result.decoder)))
    others = (
        one.label
        for run, known in shown.items()
        for one in read_evaluations(run)
        if (one.cell, one.decoder) in known and one.folder.name not in known
    )
    return sorted(set(others))


def read_provenance(run: Path) -> Json:
    """A run's ``provenance.json``; nothing when it is not there, InputError when it is none."""
    path = RunFolder(run).provenance
    content = read_json(path) if path.is_file() else {}
    check(content, PROVENANCE, f"{path}: not the provenance of a run")
    return dict(content)


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
        config = load_stored(folder.config) if folder.config.is_file() else {}
        described.append((run, config, describe(config)))
    sources = []
    for run, config, name in described:
        twins = [other for _, other, its_name in described if its_name == name]
        same = bool(name) and all(_alike(config, other) for other in twins)
        alike = [other for other, _, its_name in described if its_name == name]
        folder_name = distinct_names(alike)[alike.index(run)]
        seed = config.get("seed")
        seed = seed if isinstance(seed, int) else None
        row = name if same else f"{name} ({folder_name})" if name else folder_name
        sources.append(Source(row, run, seed))
    return sources


def describe(config: Json) -> str:
    """Name of a row in the paper's words, from a run's resolved config: "original", "retry 0.5, lora qv8 e16"."""
    data = _section(config, "data")
    if not _section(data, "problem"):
        return ""
    mistakes = _section(data, "mistakes")
    kind = mistakes.get("kind", "none")
    method = _section(data, "method").get("name", PLAIN_METHOD)
    if kind == "none":
        name = "original" if method == PLAIN_METHOD else method
    else:
        rate, share = (mistakes.get(key) for key in ("rate", "error_free_share"))
        mix = f" {mistakes['mix']}" if mistakes.get("mix") else ""
        name = f"{kind}{mix} {rate if isinstance(rate, int | float) else 0.0:g}"
        if isinstance(share, int | float) and share:
            name += f" + {100 * share:g} % error-free"
    if config.get("from") and "stage" not in config:
        raise InputError("config.yaml names no stage: the run was made by an earlier version; train it again")
    if config.get("stage") == "finetune":
        name += f", {_tuning(_section(config, 'lora'))}"
    if config.get("stage") == "copilot":
        name += ", beside a copilot"
    if kind != "none" and _section(config, "training").get("label_masking", "none") != "none":
        name += " masked"
    return name if method == PLAIN_METHOD or kind == "none" else f"{method}, {name}"


def _tuning(lora: Json) -> str:
    """ "lora qv8 e16": ranks of query and value, and of the embedding with the output matrix ("out0": without it)."""
    query_value, embedding, output = (lora.get(f"{name}_rank", 0) for name in ("query_value", "embedding", "output"))
    if not any((query_value, embedding, output)):
        return "continued pretrain"
    return f"lora qv{query_value} e{embedding}" + (f" out{output}" if output != embedding else "")


def _section(config: Json, name: str) -> Json:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def _alike(config: Json, other: Json) -> bool:
    """Whether two resolved configs differ in seeds only, or in what one version does not know and the other has off.

    Fine-tuned runs may start from runs of different seeds.
    """
    found = [one for one in differences(config, other) if one.there or one.here]
    return all(
        one.name in ("seed", "data.seed")
        or one.name.startswith("tracking")
        or (one.name == "from" and _alike_starts(one.there, one.here))
        for one in found
    )


def _alike_starts(start: Any, other: Any) -> bool:
    configs = [RunFolder(Path(str(one))).config for one in (start, other)]
    return all(one.is_file() for one in configs) and _alike(load_stored(configs[0]), load_stored(configs[1]))


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
