"""A trained probe over test cells: all parameters, and the model's own first mistakes (Part 2.2, Results 0 and 1).

`PROBE/eval/<cell>-all-parameters/summary.json` and `PROBE/eval/<cell>-first-mistakes/summary.json` have the fields of
an evaluation's summary (`n` questions, `correct` answers): reports tabulate them over cells and training seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from igsm.decoding.decoders import DecoderName
from igsm.errors import InputError
from igsm.evaluation.cells import Cell, parse_cells
from igsm.evaluation.evaluate import LoadedRun, evaluate, load_run
from igsm.evaluation.generate import Json
from igsm.evaluation.testsets import TestSet, load_test_set
from igsm.model.checkpoint import find_checkpoint
from igsm.probing.config import ProbeConfig
from igsm.probing.evaluate import (
    ask,
    count_detected,
    first_mistakes,
    measuring_device,
    measuring_length,
    read_solutions,
)
from igsm.probing.probe import Probe
from igsm.probing.questions import question_rows
from igsm.probing.train import load_probe, vocabulary_of
from igsm.rundir import RunFolder, provenance, read_json, weights_digest, write_json
from igsm.seeds import numpy_generator
from igsm.statistics import wilson

ALL, FIRST = "all-parameters", "first-mistakes"
"""What is asked; stands where an evaluation has its decoder."""
Tell = Callable[[str, int, int], None]
"""Cell, graded and correct solutions so far."""


def measure_cells(
    path: str | Path,
    cells: str,
    n: int,
    seed: int,
    device: str,
    tell: Tell = lambda cell, graded, correct: None,
) -> list[Json]:
    """Measure a probe on the cells and write a summary of each kind of question beside it.

    The model's own mistakes are those of its greedy solutions in `RUN/eval/<cell>-greedy`; where a cell has none, n
    problems are solved first.

    Args:
        path: run folder of the probe.
        cells: as `parse_cells`.
        n: test problems of a cell.
        seed: of the test problems.
        device: of the probe, or "auto"; the solutions are generated on all devices.
        tell: called after every solution that is made.

    Returns:
        The summaries: of every cell `ALL`, then `FIRST`.

    Raises:
        InputError: a probe for another question, an unknown cell, or no problem of a cell fits a row.
    """
    probe, config = load_probe(path, measuring_device(device))
    run, chosen = probed_cells(config, cells)
    settings = {
        "problems": n,
        "seed": seed,
        "checkpoint": find_checkpoint(path).name,
        "weights": weights_digest(find_checkpoint(path)),
    }
    summaries = []
    for cell in chosen:
        tests = load_test_set(cell, run.data.problem, run.vocabulary, n, seed)
        solutions = _own_solutions(run, cell, n, seed, partial(tell, cell.name))
        for asked, content in ((ALL, _all(probe, config, cell, tests)), (FIRST, _first(probe, config, solutions))):
            named = {"cell": cell.name, "decoder": asked, "probed": True}
            summary = named | settings | {"test_set": tests.digest} | content | {"provenance": provenance()}
            write_json(RunFolder(path).evaluation(cell.name, asked) / "summary.json", summary)
            summaries.append(summary)
    return summaries


def probed_cells(config: ProbeConfig, cells: str) -> tuple[LoadedRun, list[Cell]]:
    """The run that is probed and the cells by name. Raises InputError as `measure_cells`, before any work."""
    if config.question != "can_next":
        raise InputError(f"--cells: measures probes for the question 'can_next', not '{config.question}'")
    run = load_run(config.from_)
    return run, parse_cells(cells, run.data.problem)


def _all(probe: Probe, config: ProbeConfig, cell: Cell, tests: TestSet) -> Json:
    """Over all parameters, before every step of the test problems' solutions."""
    vocabulary, length = vocabulary_of(config), measuring_length(config)
    rows = (
        (test.index, test.op, row)
        for test in tests.problems
        for row in question_rows(test.problem, vocabulary, length, numpy_generator("test questions", test.index))
    )
    found = ask(probe, rows)
    if found is None:
        raise InputError(f"cell '{cell.name}': none of {len(tests.problems)} problems fits into {length} tokens")
    asked_about = len(set(found.problems.tolist()))
    return found.summary() | {"left_out": tests.left_out + len(tests.problems) - asked_about}


def _first(probe: Probe, config: ProbeConfig, solutions: Path) -> Json:
    """Where the model's own solutions first define what cannot be computed yet, if that is their first error."""
    found = first_mistakes(read_solutions([solutions], config), vocabulary_of(config))
    asked = [question for question, first in found if first]
    detected = count_detected(probe, asked)
    return {
        "n": len(asked),
        "correct": detected,
        "accuracy": detected / len(asked) if asked else None,
        "interval": wilson(detected, len(asked)),
        "solutions": str(solutions),
    }


def _own_solutions(run: LoadedRun, cell: Cell, n: int, seed: int, progress: Callable[[int, int], None]) -> Path:
    """The model's greedy solutions of the cell, made now where there are none of these weights."""
    greedy = DecoderName("greedy")
    folder = run.folder.evaluation(cell.name, greedy.name)
    done = folder / "summary.json"
    summary: Any = read_json(done) if done.is_file() else {}
    if not isinstance(summary, dict) or summary.get("weights") != weights_digest(run.checkpoint):
        with run.decoding(greedy) as decoding:
            evaluate(run, cell, decoding, n, seed, progress=progress)
    return folder / "generations.jsonl.gz"


def render(probe: str | Path, summaries: list[Json]) -> Table:
    """The two accuracies of every cell, with their numbers of questions."""
    table = Table(title=f"can_next probe {probe}: right answers, %")
    for name in ("cell", "all parameters", "95 %", "questions", "own first mistakes", "95 %", "mistakes"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    by_cell: dict[str, dict[str, Json]] = {}
    for summary in summaries:
        by_cell.setdefault(summary["cell"], {})[summary["decoder"]] = summary
    for cell, asked in by_cell.items():
        table.add_row(cell, *_texts(asked[ALL]), *_texts(asked[FIRST]))
    table.caption = (
        "Intervals cover other test problems, not another training of model or probe. Own first mistakes: definitions "
        "that cannot be computed yet and are the first error of the model's greedy solution."
    )
    return table


def _texts(summary: Json) -> list[str]:
    if not summary["n"]:
        return ["-", "-", "0"]
    low, high = summary["interval"]
    return [f"{100 * summary['accuracy']:.1f}", f"{100 * low:.1f} to {100 * high:.1f}", f"{summary['n']:,}"]
