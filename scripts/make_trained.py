"""Write igsm/trained: the models that come with the package, and problems for them.

The models are seed 1 of `mistakes sweep demo families=families/trio.yaml folder=evidence "seeds=[1]"`:

    python -m scripts.make_trained runs/evidence
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from igsm.checkpoints import find_checkpoint
from igsm.decoding.decoders import parse_decoder
from igsm.evaluation.generate import generations
from igsm.evaluation.runs import load_run
from igsm.evaluation.shipped import CLASS, problem_source
from igsm.evaluation.testsets import TestProblem
from igsm.evaluation.watch import Solved, Solver
from igsm.grading.stepwise import Grade
from igsm.grading.verdict import Kind
from igsm.rundir import RunFolder, atomic_write, read_json, read_jsonl, write_json
from scripts.keep_runs import command, copy_checkpoint

OUT = Path(__file__).resolve().parents[1] / "igsm" / "trained"
RUNS = {"error-free": "trio_pq-original-seed1", "retry": "trio_pq-retry-0.2-seed1"}
SWEEP = 'mistakes sweep demo families=families/trio.yaml folder=evidence "seeds=[1]"'
OPERATIONS = range(1, 9)
EACH = 6
"""Problems of each number of operations, as they are drawn."""
CHOSEN_OP, CHOSEN = 6, 4
"""How many more, and of what: see `shows_the_difference`."""


def copy_model(run: Path, name: str) -> None:
    """A run's newest checkpoint without what only training needs, its config with today's keys."""
    checkpoint = find_checkpoint(run)
    copy_checkpoint(checkpoint, OUT / name)
    write_json(OUT / name / "provenance.json", provenance(run, checkpoint.name))


def provenance(run: Path, checkpoint: str) -> dict[str, Any]:
    """What the run says of itself, and its accuracy where it has been evaluated."""
    kept = read_json(RunFolder(run).provenance)
    accuracy, numbers = {}, set()
    for folder in sorted(RunFolder(run).evaluations.glob("*-greedy-seed1")):
        correct = [verdict["correct"] for verdict in read_jsonl(folder / "verdicts.jsonl")]
        accuracy[folder.name.partition("-")[0]] = round(sum(correct) / len(correct), 4)
        numbers.add(len(correct))
    (n,) = numbers
    return {
        "sweep": SWEEP,
        "command": command(kept["command"], RunFolder(run)),
        "checkpoint": checkpoint,
        **{key: kept[key] for key in ("started", "git", "versions", "machine")},
        "accuracy": accuracy,
        "accuracy_on": {"decoder": "greedy", "problems": n, "test_seed": 1},
    }


def shows_the_difference(retry: Solved, other: Solved) -> bool:
    """Retry names a parameter too early, takes that back and is right; the other defines the same one too early."""
    error = other.verdict.error
    if not retry.verdict.correct or error is None or error.kind is not Kind.NOT_COMPUTABLE_YET:
        return False
    early = [step for step in retry.steps if step.grade is Grade.TAKEN_BACK and step.kind is Kind.NOT_COMPUTABLE_YET]
    head = error.sentence.partition(" as ")[0]
    return any(step.sentence.startswith(f"{head} as ") for step in early)


def chosen() -> list[dict[str, Any]]:
    """Records of the first problems that show the difference, those with the fewest steps taken back first."""
    retry, other = (load_run(OUT / name) for name in ("retry", "error-free"))
    solvers = Solver(retry, device="cpu"), Solver(other, device="cpu")
    source = problem_source(CLASS, CHOSEN_OP, 0)
    found: list[tuple[Solved, int]] = []
    with retry.decoding(parse_decoder("greedy"), devices=["cpu"]) as decoding:
        for first in itertools.count(EACH, 200):
            tests = [
                TestProblem(index, source.problem(index), CHOSEN_OP, CLASS.problem_class.lexicon)
                for index in range(first, first + 200)
            ]
            with_back = {record["index"] for record in generations(decoding, tests, "") if "BACK" in record["solution"]}
            for test in (test for test in tests if test.index in with_back):
                by_retry, by_other = (one.solved(test.problem) for one in solvers)
                if shows_the_difference(by_retry, by_other):
                    found.append((by_retry, test.index))
            if len(found) >= CHOSEN:
                break
    found = found[:CHOSEN]
    print(f"{CHOSEN} chosen among the first {found[-1][1] + 1} of {CHOSEN_OP} operations")
    found.sort(key=lambda one: one[0].verdict.taken_back)
    return [
        {"op": CHOSEN_OP, "index": index, "chosen": True, "problem": one.problem.text.strip()} for one, index in found
    ]


def drawn() -> Iterator[dict[str, Any]]:
    """Records of the others."""
    for op in OPERATIONS:
        source = problem_source(CLASS, op, 0)
        for index in range(EACH):
            yield {"op": op, "index": index, "chosen": False, "problem": source.problem(index).text.strip()}


def main(runs: Path) -> None:
    for name, run in RUNS.items():
        copy_model(runs / run, name)
    atomic_write(OUT / "problems.jsonl", "".join(json.dumps(record) + "\n" for record in [*chosen(), *drawn()]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
