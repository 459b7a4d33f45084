"""What `mistakes check` does with first wrong steps: scores of predictions, detectors side by side, scores of steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from cli.given import must_be_new
from cli.terminal import console, print_json, print_tables

Names = Mapping[str, str] | None
"""Of kinds of first errors in another taxonomy."""


def score(
    file: Path, predictions: list[Path], calibrations: list[Path], names: Names, out: Path | None, as_json: bool
) -> None:
    """Score files of predictions."""
    from igsm.errors import InputError
    from igsm.grading import detection
    from igsm.rundir import distinct_names

    must_be_new(out)
    if len(calibrations) not in (0, 1, len(predictions)):
        raise InputError(f"{len(calibrations)} --calibration for {len(predictions)} --score: give one, or as many")
    benchmark = detection.read_benchmark(file)
    found, thresholds = {}, {}
    for number, (path, name) in enumerate(zip(predictions, distinct_names(predictions), strict=True)):
        chosen = calibrations[number if len(calibrations) > 1 else 0] if calibrations else None
        threshold = None if chosen is None else detection.calibrated(chosen, benchmark)
        own = detection.read_predictions(path, benchmark, threshold)
        found[name] = detection.score(benchmark, detection.certain(own), own.scores)
        if chosen is not None and own.scores is not None:
            thresholds[name] = {"threshold": threshold, "calibration": str(chosen)}
    _show_scores(file, benchmark, found, thresholds, names, out, as_json)


def compare(
    file: Path, detectors: list[Path], calibrations: list[Path], names: Names, out: Path | None, as_json: bool
) -> None:
    """Score the steps of both files by each detector, without files of scores between."""
    from igsm.errors import InputError
    from igsm.grading import detection
    from igsm.progress import Progress, waiting
    from igsm.rundir import distinct_names

    must_be_new(out)
    if len(calibrations) > 1:
        raise InputError(f"{len(calibrations)} --calibration: give one, which all detectors score")
    benchmark = detection.read_benchmark(file)
    others = detection.read_others(calibrations[0], benchmark)
    with waiting("loading torch"):
        from igsm.evaluation.step_scores import step_scores
    found, thresholds = {}, {}
    for path, name in zip(detectors, distinct_names(detectors), strict=True):
        n = len(others) + len(benchmark)
        with Progress(total=n, desc=f"{name} reads", unit="solutions", leave=False) as bar:
            scores = step_scores(path, [*others, *benchmark], lambda done, bar=bar: bar.update(done - bar.n))  # type: ignore[misc]
        threshold = detection.best_threshold(others, scores[: len(others)])
        own = scores[len(others) :]
        steps: list[int | None] = [detection.first_below(one, threshold) for one in own]
        found[name] = detection.score(benchmark, detection.certain(detection.Predictions(steps, own)), own)
        thresholds[name] = {"threshold": threshold, "calibration": str(calibrations[0])}
    _show_scores(file, benchmark, found, thresholds, names, out, as_json)


def _show_scores(
    file: Path, benchmark: list[dict[str, Any]], found: dict[str, Any], thresholds: dict[str, Any], names: Names,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """The detectors' numbers beside those of the baselines."""
    from igsm.grading import detection
    from igsm.reporting.detection_table import terminal
    from igsm.rundir import write_json

    baselines = {"always -1": detection.always_right, "random": detection.at_random, "truth": detection.ground_truth}
    found |= {name: detection.score(benchmark, chances(benchmark)) for name, chances in baselines.items()}
    answered = detection.right_answers_among_wrong(benchmark)
    one = {name: values.pop() if len(values := {record.get(name) for record in benchmark}) == 1 else None
           for name in ("run", "cell", "decoder", "weights")}  # fmt: skip
    document = {"file": str(file), **one, "thresholds": thresholds, "right_answers_among_wrong": answered}
    document["scores"] = found
    if out is not None:
        write_json(out, document)
    if as_json:
        print_json(document)
        return
    screen = console()
    print_tables(screen, terminal(found, screen.width, names))
    for name, one in thresholds.items():
        text = f"{name}: threshold {one['threshold']:.6g}, the best of {one['calibration']}"
        screen.print(text, markup=False, soft_wrap=True)
    if answered is not None:
        screen.print(f"right final answers among the wrong solutions: {100 * answered:.1f} %", markup=False)


def detect(file: Path, detector: Path, out: Path | None, as_json: bool) -> None:
    """Write the scores of a detector beside the steps."""
    import json

    from igsm.errors import InputError
    from igsm.grading.detection import read_benchmark
    from igsm.progress import Progress, waiting
    from igsm.rundir import atomic_write

    if out is None:
        raise InputError("--detector writes to the new file of --out")
    must_be_new(out)
    benchmark = read_benchmark(file)
    with waiting("loading torch"):
        from igsm.evaluation.step_scores import step_scores
    with Progress(total=len(benchmark), desc=f"{detector.name} reads", unit="solutions", leave=False) as bar:
        scores = step_scores(detector, benchmark, lambda done: bar.update(done - bar.n))
    pairs = zip(benchmark, scores, strict=True)
    lines = (json.dumps(record | {"scores": own}, ensure_ascii=False) + "\n" for record, own in pairs)
    atomic_write(out, "".join(lines))
    if as_json:
        print_json({"file": str(out), "detector": str(detector), "solutions": len(benchmark)})
        return
    typer.echo(f"written: {out}, {len(benchmark):,} solutions with a score of each step by {detector}")
