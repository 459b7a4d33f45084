"""Speed of each method's documents on one core, beside retry's, in turns.

Run with ``mistakes bench generate --methods``. Every round measures all of them once, in processor time, so that other
work on the machine slows all alike; the ratio is the median over the rounds.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from igsm.corpus.blocks import Generator
from igsm.corpus.config import DataConfig
from igsm.methods.registry import METHODS, make_method
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig

RETRY = MistakeConfig(kind="retry", rate=0.5)
AIM = 0.6
"""Of retry's tokens a second."""
SLICE = 0.25
"""Seconds of processor time of a method in a round."""


def measure(seconds: float, difficulty: str = "med", names: list[str] | None = None) -> dict[str, list[float]]:
    """Tokens a second of each method, round by round; "retry" is among them.

    Args:
        seconds: of each method, in all.
    """
    problem = ProblemConfig(difficulty=difficulty)
    context = 2 * problem.problem_class.context
    generators: dict[str, Generator] = {}
    for name in names or METHODS:
        method = make_method({"name": name}).resolved()
        mistakes = MistakeConfig() if method.layout().kinds else RETRY
        data = DataConfig(problem=problem, mistakes=mistakes, method=method, context=context, windows_per_block=16)
        generators[name] = Generator(data)
        generators[name].block(0)
    rates: dict[str, list[float]] = {name: [] for name in generators}
    number = 0
    for _ in range(max(1, round(seconds / SLICE))):
        for name, generator in generators.items():
            began, tokens = time.process_time(), 0
            while (spent := time.process_time() - began) < SLICE:
                number += 1
                tokens += generator.block(number).tokens.size
            rates[name].append(tokens / spent)
    return rates


def rows(rates: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Of each method: tokens a second, and the ratio to retry's: median, smallest and largest of the rounds."""
    found = []
    for name, own in rates.items():
        ratios = [rate / retry for rate, retry in zip(own, rates["retry"], strict=True)]
        numbers = {"ratio": median(ratios), "lowest": min(ratios), "highest": max(ratios)}
        found.append({"method": name, "tokens": median(own)} | numbers)
    return found


def report(seconds: float, as_json: bool = False) -> None:
    """Print the table."""
    from rich.table import Table

    from cli.terminal import console, print_json

    found = rows(measure(seconds))
    if as_json:
        print_json(found)
        return
    title = f"One core, med in windows of two solutions; aim: {AIM:.0%} of retry's tokens/s"
    table = Table(title=title, title_justify="left")
    for name in ("method", "tokens/s", "of retry's", "rounds"):
        table.add_column(name, justify="left" if name == "method" else "right")
    for one in found:
        spread = f"{one['lowest']:.0%} to {one['highest']:.0%}"
        table.add_row(one["method"], f"{one['tokens']:,.0f}", f"{one['ratio']:.0%}", spread)
    console().print(table)
