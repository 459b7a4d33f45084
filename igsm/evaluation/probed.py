"""A trained probe over test cells: all parameters, and the model's own first mistakes (Part 2.2, Results 0 and 1).

`PROBE/eval/<cell>-all-parameters` and `PROBE/eval/<cell>-first-mistakes` hold `summary.json` and `verdicts.jsonl` as an
evaluation does, with `probe_right`, the share of right answers about a problem, in every verdict: reports tabulate its
mean over cells and training seeds (the metric `detection`), and the problem stays the unit.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np

from igsm.checkpoints import find_checkpoint
from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.evaluation.cells import Cell, parse_cells
from igsm.evaluation.evaluate import evaluate
from igsm.evaluation.runs import LoadedRun, load_run
from igsm.evaluation.testsets import TestProblem, TestSet, load_test_set
from igsm.grading.evaluations import ALL_PARAMETERS, FIRST_MISTAKES, GENERATIONS, SUMMARY, VERDICTS, Evaluation
from igsm.grading.metrics import Json
from igsm.probing.config import ProbeConfig, check_question
from igsm.probing.evaluate import (
    Answers,
    ask,
    detected,
    first_mistakes,
    measuring_device,
    measuring_length,
)
from igsm.probing.probe import Probe
from igsm.probing.questions import QuestionRow, question_rows
from igsm.probing.solutions import read_solutions
from igsm.probing.train import load_probe, vocabulary_of
from igsm.rundir import RunFolder, atomic_write, provenance, weights_digest, write_json
from igsm.seeds import numpy_generator
from igsm.statistics import share_interval

Tell = Callable[[str, int], None]
"""Cell, and graded solutions so far."""


def measure_cells(
    path: str | Path,
    cells: str,
    n: int,
    seed: int,
    device: str,
    tell: Tell = lambda cell, graded: None,
) -> list[Json]:
    """Measure a probe on the cells and write a summary of each kind of question beside it.

    The model's own mistakes are those of its greedy solutions in `RUN/eval/<cell>-greedy`; where a cell has fewer than
    n, the missing problems are solved first.

    Args:
        path: run folder of the probe.
        cells: as `parse_cells`.
        n: test problems of a cell.
        seed: of the test problems.
        device: of the probe, or "auto"; the solutions are generated on all devices.
        tell: called after every solution that is made.

    Returns:
        The summaries: of every cell `ALL_PARAMETERS`, and `FIRST_MISTAKES` where there is any mistake.

    Raises:
        InputError: a probe for another question, or an unknown cell.
    """
    probe, config = load_probe(path, measuring_device(device))
    check_question(config)
    run, vocabulary = load_run(config.from_), vocabulary_of(config, path)
    chosen = parse_cells(cells, run.data.problem)
    checkpoint = find_checkpoint(path)
    settings = {"checkpoint": checkpoint.name, "weights": weights_digest(checkpoint), "problems": n}
    summaries = []
    for cell in chosen:
        tests = load_test_set(cell, run.data.problem, run.vocabulary, n, seed)
        solved = _own_solutions(run, cell, n, seed, partial(tell, cell.name))
        solutions = solved.folder / GENERATIONS
        verdicts, more = _all(probe, config, vocabulary, tests)
        mistakes = _first(probe, config, vocabulary, solutions, solved.n)
        # The mistakes of each model are a test set of their own. They are written first: who finds the other is done.
        digest = f"{solved.settings.get('test_set')} {weights_digest(run.checkpoint)}"
        own = {"test_set": digest, "solutions": str(solutions)}
        for asked, found, what in (
            (FIRST_MISTAKES, mistakes, own),
            (ALL_PARAMETERS, verdicts, {"seed": seed, "test_set": tests.digest, "questions": more}),
        ):
            folder = RunFolder(path).evaluation(cell.name, asked)
            if not found:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            counts = {"n": len(found), "correct": sum(verdict["correct"] for verdict in found)}
            rights = [verdict["probe_right"] for verdict in found]
            mean = {"probe_right": fmean(rights), "interval": share_interval([dict(enumerate(rights))])}
            summary = {"cell": cell.name, "decoder": asked} | settings | what | counts | mean
            atomic_write(folder / VERDICTS, "".join(json.dumps(verdict) + "\n" for verdict in found))
            write_json(folder / SUMMARY, summary | {"provenance": provenance()})
            summaries.append(summary)
    return summaries


def _all(probe: Probe, config: ProbeConfig, vocabulary: Vocabulary, tests: TestSet) -> tuple[list[Json], Json]:
    """A verdict a test problem: about all parameters, before every step of its solution. And measures of all answers.

    Rows grow until every problem fits.
    """
    length = measuring_length(config)
    parts: list[Answers] = []
    waiting = {test.index: test for test in tests.problems}
    while waiting:
        found = ask(probe, _rows(list(waiting.values()), vocabulary, length))
        if found is not None:
            parts.append(found)
            for index in np.unique(found.problems).tolist():
                del waiting[index]
        length *= 2
    answers = Answers(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    right = np.bincount(answers.problems, answers.right)
    asked = np.bincount(answers.problems)
    verdicts = [
        _verdict(test.index, int(right[test.index]), int(asked[test.index])) | {"op": test.op}
        for test in tests.problems
    ]
    return verdicts, answers.summary()


def _rows(tests: Sequence[TestProblem], vocabulary: Vocabulary, length: int) -> Iterator[tuple[int, int, QuestionRow]]:
    for test in tests:
        random = numpy_generator("test questions", test.index)
        for row in question_rows(test.problem, vocabulary, length, random):
            yield test.index, test.op, row


def _first(probe: Probe, config: ProbeConfig, vocabulary: Vocabulary, solutions: Path, n: int) -> list[Json]:
    """A verdict a mistake of the first n solutions: where one first defines what cannot be computed yet, if that is its
    first error."""
    found = first_mistakes(islice(read_solutions([solutions], config), n), vocabulary)
    asked = [question for question, first in found if first]
    answers = zip(asked, detected(probe, asked), strict=True)
    return [
        _verdict(number, int(right), 1) | {"problem": question.index}
        for number, (question, right) in enumerate(answers)
    ]


def _verdict(index: int, right: int, asked: int) -> Json:
    counts = {"right": right, "asked": asked, "probe_right": right / asked}
    return {"index": index, "correct": right == asked} | counts


def _own_solutions(run: LoadedRun, cell: Cell, n: int, seed: int, progress: Callable[[int], None]) -> Evaluation:
    """The model's greedy solutions of the cell; those that are missing are made now."""
    with run.decoding(parse_decoder("greedy")) as decoding:
        return evaluate(run, cell, decoding, n, seed, progress=lambda graded, correct, steps: progress(graded))
