"""How true the mistakes of each kind are: which of the parameters that are taken back could not be computed yet.

python -m benchmarks.computable 1500
"""

from __future__ import annotations

import sys

from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.parameter import Parameter

DIFFICULTIES = ("nano", "mini", "med", "hard")
KINDS = ("retry", "retry_weak", "retry_miss")


def count(config: ProblemConfig, mistakes: MistakeConfig, documents: int) -> tuple[int, int]:
    """(mistakes, those that cannot be computed where they stand) in the first documents."""
    source = DocumentSource(config, mistakes, seed=5)
    n = untimely = 0
    for index in range(documents):
        document = source.document(index)
        problem = document.problem
        defined: set[Parameter] = set()
        assert problem is not None
        for sentence in document.text(document.problem_end, document.solution_end).split("Define ")[1:]:
            parameter = problem.by_name[sentence.partition(" as ")[0]]
            if " as BACK" in sentence:
                n += 1
                untimely += not problem.can_next(parameter, defined)
            else:
                defined.add(parameter)
    return n, untimely


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    print(f"retry rate 0.5, {documents} documents: class, kind, mistakes a document, share that cannot be computed yet")
    for difficulty in DIFFICULTIES:
        for kind in KINDS:
            wanted = MistakeConfig(kind=kind, rate=0.5)
            n, untimely = count(ProblemConfig(difficulty=difficulty), wanted, documents)
            print(f"{difficulty:5} {kind:10} {n / documents:.2f} {untimely / n:.3f}")


if __name__ == "__main__":
    main()
