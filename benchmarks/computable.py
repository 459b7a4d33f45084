"""How true the mistakes of each kind are: which of the parameters that are taken back could not be computed yet.

python -m benchmarks.computable 1500
"""

from __future__ import annotations

import sys

from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource

DIFFICULTIES = ("nano", "mini", "med", "hard")
KINDS = ("retry", "retry_weak", "retry_miss")


def count(config: ProblemConfig, documents: int) -> tuple[int, int]:
    """(mistakes, those that cannot be computed where they stand) in the first documents of a configuration."""
    source = ProblemSource(config, seed=5)
    mistakes = untimely = 0
    for index in range(documents):
        document = source.document(index)
        problem, defined = document.problem, set()
        assert problem is not None
        for sentence in document.text(document.problem_end, document.solution_end).split("Define ")[1:]:
            parameter = problem.by_name[sentence.partition(" as ")[0]]
            if " as BACK" in sentence:
                mistakes += 1
                untimely += not problem.can_next(parameter, defined)
            else:
                defined.add(parameter)
    return mistakes, untimely


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    print(f"retry rate 0.5, {documents} documents: class, kind, mistakes a document, share that cannot be computed yet")
    for difficulty in DIFFICULTIES:
        for kind in KINDS:
            config = ProblemConfig(difficulty=difficulty, kind=kind, retry_rate=0.5)
            mistakes, untimely = count(config, documents)
            print(f"{difficulty:5} {kind:10} {mistakes / documents:.2f} {untimely / mistakes:.3f}")


if __name__ == "__main__":
    main()
