"""The weight lambda of a Copilot, chosen on validation problems: greedy decoding with each of several weights.

Validation problems have solution templates of the training split, which no test cell has, and a random stream of their
own, so that no evaluation and no training asks for them. What is chosen is kept beside the weights that it was chosen
for, with the accuracy of every weight.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from igsm.checkpoints import CONFIG, find_stored
from igsm.config import build_config
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.decoders.beside import Beside, Fuse
from igsm.errors import InputError
from igsm.evaluation.cells import Cell, parse_cells
from igsm.problems.difficulty import ProblemConfig
from igsm.rundir import atomic_write
from igsm.training.copilot_config import CopilotRunConfig, ValidationConfig

FILE = "lambda.json"
STREAM = "validation"


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a Copilot.

    Attributes:
        weight: lambda with the most right solutions; the least of those that have as many.
        fuse: what the Copilot was trained for.
        cell, problems: on which and how many problems.
        accuracy: share of right solutions of every weight, and of the Pilot alone ("0").
    """

    weight: float
    fuse: Fuse
    cell: str
    problems: int
    accuracy: dict[str, float]


def validation_cell(settings: ValidationConfig, problem: ProblemConfig) -> Cell:
    """The cell that a run's lambda is chosen on.

    Raises:
        InputError: no such cell, several, or one of the test split.
    """
    text = settings.cell or f"op<={problem.problem_class.max_op} seen"
    cell, *more = parse_cells(text, problem)
    if more:
        raise InputError(f"validation.cell: '{text}' names several cells; give one, e.g. {cell.short}")
    if not cell.seen:
        raise InputError(f"validation.cell: '{text}' is a test cell; choose '{replace(cell, seen=True).short}'")
    return cell


def read_chosen(path: str | Path) -> Chosen | None:
    """What was chosen for the Copilot in a run folder or checkpoint; None: nothing yet.

    Raises:
        InputError: no Copilot there, or a damaged file.
    """
    file = find_stored(path, "copilot")[0] / FILE
    try:
        return Chosen(**json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise InputError(f"{file}: cannot be read; delete it, and it is made again") from None


def chosen(path: str | Path) -> Chosen:
    """The weight of the Copilot in a run folder or checkpoint: read, or chosen now and written, which is said.

    Raises:
        InputError: no Copilot there, a damaged file, or a folder that cannot be written.
    """
    found = read_chosen(path)
    if found is not None:
        return found
    checkpoint, stored = find_stored(path, "copilot")
    found = _choose(checkpoint, build_config(CopilotRunConfig, stored, str(checkpoint / CONFIG)))
    file = checkpoint / FILE
    try:
        atomic_write(file, json.dumps(asdict(found), indent=2) + "\n")
    except InputError as error:
        raise InputError(f"{error}; name the weight instead of auto") from None
    return found


def _choose(checkpoint: Path, config: CopilotRunConfig) -> Chosen:
    from igsm.evaluation.generate import generations, verdict_of
    from igsm.evaluation.runs import load_run
    from igsm.evaluation.testsets import load_test_set
    from igsm.grading.metrics import Numbers
    from igsm.progress import say, waiting
    from igsm.seeds import torch_seed

    settings, run = config.validation, load_run(checkpoint)
    cell = validation_cell(settings, run.data.problem)
    fuse: Fuse = "logit" if config.loss == "cross_entropy" else "probability"
    tests = load_test_set(cell, run.data.problem, run.vocabulary, settings.problems, torch_seed(STREAM))
    marks, accuracy = run.data.method.prompt, {}
    for weight in (0.0, *settings.weights):
        beside = Beside("copilot", str(checkpoint), weight, fuse) if weight else None
        decoder = replace(parse_decoder("greedy"), beside=beside)
        with waiting(f"{cell.name}, {settings.problems:,} validation problems, lambda {weight:g}"):
            with run.decoding(decoder) as decoding:
                records = list(generations(decoding, tests.problems, STREAM, marks=marks, examples=run.examples))
            numbers = Numbers(verdict_of(record, tests.problems[record["index"]].problem) for record in records)
        accuracy[f"{weight:g}"] = numbers.mean("accuracy") or 0.0
    best = max(settings.weights, key=lambda weight: (accuracy[f"{weight:g}"], -weight))
    shares = ", ".join(f"{name}: {100 * share:.1f}" for name, share in accuracy.items())
    say(f"lambda {best:g} chosen on {cell.name}, {settings.problems:,} problems; right, % ({shares})")
    return Chosen(best, fuse, cell.name, settings.problems, accuracy)
