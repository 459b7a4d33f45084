"""Speed of the generator on one core: the whole path from the random stream to packed windows of token ids.

Run with ``mistakes bench generate``. Rates are per second of processor time, so that other work on the machine counts
little. The authors' rates are their public generator's on one core of a similar machine (problems with solutions as
text and ids, before packing); a core of another machine shifts both.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

H200_TOKENS = 800_000  # tokens per second that one H200 trains GPT2-12-12 on


class Case(NamedTuple):
    """One kind of data: settings of the problems and mistakes, window length, the authors' problems per second."""

    name: str
    problem: dict[str, Any]
    mistakes: dict[str, Any]
    context: int
    authors: float


CASES = (
    Case("med", {}, {}, 768, 34),
    Case("hard", {"difficulty": "hard"}, {}, 1024, 22),
    Case("med, retry 0.5", {}, {"kind": "retry", "rate": 0.5}, 768, 32),
    Case("med, op=20, test", {"op": 20, "split": "test"}, {}, 2048, 49),
    Case("med, op=23, test", {"op": 23, "split": "test"}, {}, 2048, 40),
    Case("hard, op=32, test", {"difficulty": "hard", "op": 32, "split": "test"}, {}, 2048, 23),
)


class Rate(NamedTuple):
    """What one core made of a case."""

    case: Case
    problems: float  # per second, those left out because they are longer than a window included
    tokens: float  # per second, in full windows

    @property
    def ratio(self) -> float:
        """Times the authors' rate."""
        return self.problems / self.case.authors


def measure(case: Case, seconds: float, lexicon: str = "full", seed: int = 1) -> Rate:
    """Generate blocks for about ``seconds`` in this process, after one to warm up."""
    from igsm.corpus.blocks import block
    from igsm.corpus.config import DataConfig
    from igsm.mistakes.config import MistakeConfig
    from igsm.problems.difficulty import ProblemConfig

    problem = ProblemConfig(**case.problem, lexicon=lexicon)
    mistakes = MistakeConfig(**case.mistakes)
    config = DataConfig(problem=problem, mistakes=mistakes, context=case.context, seed=seed)
    block(config, 0)
    problems = tokens = number = 0
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        number += 1
        made = block(config, number)
        problems += made.documents.size + made.n_dropped
        tokens += made.tokens.size
    return Rate(case, problems / spent, tokens / spent)


def waiting(workers: int, steps: int = 20) -> float:
    """Share of the time of med training steps (512 windows of 768 tokens at an H200's rate) spent waiting for data."""
    from igsm.corpus.config import DataConfig
    from igsm.corpus.loader import WindowLoader

    seconds = 512 * 768 / H200_TOKENS
    with WindowLoader(DataConfig(), 512, workers=workers) as loader:
        next(loader)
        began, before = time.perf_counter(), loader.wait_seconds
        for _ in range(steps):
            time.sleep(seconds)  # the GPU computes
            next(loader)
        return (loader.wait_seconds - before) / (time.perf_counter() - began)


def report(seconds: float, lexicon: str = "full", as_json: bool = False) -> None:
    """Print the table, a row as soon as it is measured."""
    from rich import box
    from rich.live import Live
    from rich.table import Table

    from cli.terminal import console, print_json
    from igsm.compilation import announce_compilation
    from igsm.problems.lexicon import load_lexicon

    load_lexicon(lexicon)  # a name that there is not must not show under the table's head
    table = Table(title="One core, problem to packed token ids", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("data", "problems/s", "tokens/s", "authors'\nproblems/s", "ratio", "of an H200's\nappetite"):
        table.add_column(name, justify="left" if name == "data" else "right")
    screen = console(stderr=as_json)
    announce_compilation()
    rates, loader = [], {}
    with Live(table, console=screen, auto_refresh=False) as live:
        for case in CASES:
            rate = measure(case, seconds, lexicon)
            rates.append({"data": case.name, "problems": rate.problems, "tokens": rate.tokens, "authors": case.authors})
            table.add_row(
                case.name,
                f"{rate.problems:,.0f}",
                f"{rate.tokens:,.0f}",
                f"{case.authors:.0f}",
                f"{rate.ratio:,.0f}x",
                f"{rate.tokens / H200_TOKENS:.0%}",
            )
            live.refresh()
    for workers in (1, 2):
        share = loader[workers] = waiting(workers)
        screen.print(
            f"med at {H200_TOKENS:,} tokens/s, loader with {workers} process(es): {share:.1%} of a step is waiting"
        )
    if as_json:
        print_json({"rows": rates, "waiting_by_processes": loader})
