"""Speed of the grader on one core, in processor time: solutions of op=20 problems from text, problems given.

Run with ``mistakes bench grade``. A rate is that of the fastest of many passes: what else runs on the machine only
ever slows a pass down. "first time" grades one solution for each problem, so the problem's own tables
are made within the measured time; "again" grades further solutions of problems already met.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from igsm.grading import RULES, Reader, grade
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.source import ProblemSource

N_PROBLEMS = 256
TARGET = 5_000  # solutions per second, strict


def report(seconds: float = 3.0, lexicon: str = "full", as_json: bool = False) -> None:
    """Print the table; `seconds` of processor time for each row."""
    from rich.table import Table

    from cli.terminal import console, print_json
    from igsm.compilation import announce_compilation
    from igsm.progress import Progress

    announce_compilation()
    source = ProblemSource(ProblemConfig(difficulty="med", op=20, split="test", lexicon=lexicon), seed=0)
    problems = [source.problem(index) for index in range(N_PROBLEMS)]
    cases = [(problem.text, problem.solution_text, problem.answer) for problem in problems]
    reader = Reader(load_lexicon(lexicon))
    table = Table(title=f"grading on one core, op=20 (aim: {TARGET:,} solutions/s, strict)", title_justify="left")
    for column in ("what", "per second"):
        table.add_column(column, justify="left" if column == "what" else "right")
    rates = {}
    runs = [(rule, name) for rule in RULES for name in ("first time", "again")]
    for rule, name in Progress(runs, desc="grading", unit=" rows"):
        rate = _grading_rate(reader, cases, rule, name == "first time", seconds)
        rates[f"solutions, rule {rule}, problem met {name}"] = rate
    rates["problems read from text"] = _rate(lambda: [reader.read(text) for text, _, _ in cases], seconds)
    if as_json:
        print_json({"per_second": rates})
        return
    for what, rate in rates.items():
        table.add_row(what, f"{rate:,.0f}")
    console().print(table)


def _grading_rate(reader: Reader, cases: list[tuple[str, str, int]], rule: str, fresh: bool, seconds: float) -> float:
    def read() -> list[Problem]:
        return [reader.read(text) for text, _, _ in cases]

    problems = read()
    spent, fastest = 0.0, float("inf")
    while spent < seconds:
        if fresh:
            problems = read()
        start = time.process_time()
        for problem, (_, solution, answer) in zip(problems, cases, strict=True):
            if not grade(problem, solution, answer, rule).correct:
                raise AssertionError(f"a generated solution is found wrong: {solution}")
        took = time.process_time() - start
        spent, fastest = spent + took, min(fastest, took)
    return len(cases) / fastest


def _rate(call: Callable[[], object], seconds: float) -> float:
    spent, fastest = 0.0, float("inf")
    while spent < seconds:
        start = time.process_time()
        call()
        took = time.process_time() - start
        spent, fastest = spent + took, min(fastest, took)
    return N_PROBLEMS / fastest
