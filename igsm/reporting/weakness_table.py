"""Weaknesses that `mistakes search` found: in sentences and tables, for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from igsm.grading.metrics import Json, percent
from igsm.reporting import markdown

if TYPE_CHECKING:
    from rich.table import Table

EXPLAINED = (
    "slices: a tree over what can be counted in a problem, searched where the upper bound of the failure rate is "
    "largest; ascent: problems near failures (arXiv 2503.23361); random: as many by chance.",
    "lift: failures of a search for each of random's, with a 95 % interval.",
    "Rates of slices are of fresh problems, which no search has seen. p: Fisher's exact one-sided test against the "
    "problems elsewhere, after Holm's correction over all slices that were tested.",
    "same op: the rate elsewhere, were the numbers of operations there those of the slice; p there: Mantel and "
    "Haenszel's one-sided test within numbers of operations, after Holm's correction.",
)


def title(name: str, found: Json) -> str:
    """What was searched."""
    return f"{name}, {found['cell']}, {found['decoder']}: fails {_share(found['everywhere'])} of all problems"


def sentences(found: Json) -> Iterator[str]:
    """What is known now, one weakness a sentence."""
    confirmed = [line for line in found["slices"] if line["confirmed"]]
    if not found["slices"]:
        yield "No weakness: no search saw a slice that looked bad."
    elif not confirmed:
        yield f"No weakness: of {len(found['slices'])} slices that looked bad none is confirmed by fresh problems."
    for line in confirmed:
        other = line["elsewhere"]
        same = line["elsewhere_same_op"]
        at_same_op = "" if same is None else f", {100 * same:.0f} % elsewhere at the same op"
        if not line["beyond_op"]:
            at_same_op += ", so no weakness beyond the number of operations"
        yield (
            f"At problems with {line['words']} it fails {_share(line)} against {100 * other['rate']:.0f} % elsewhere "
            f"(n={other['n']}){at_same_op}; p = {line['p_holm']:.1g}."
        )
    if confirmed and found["coverage"]["failures"] is not None:
        share = found["coverage"]
        yield (
            f"Together they hold {100 * share['failures']:.0f} % of all failures, in "
            f"{100 * share['problems']:.0f} % of all problems."
        )


_Part = tuple[str, list[str], list[list[str]]]
"""Title, head and lines of a table."""


def parts(found: Json) -> Iterator[_Part]:
    """The slices that were tested, and what each search cost and brought."""
    if found["slices"]:
        yield (
            "Slices, tested on fresh problems",
            ["where", "of all", "when found", "n", "fails, %", "elsewhere", "p", "same op", "p there", "found by"],
            [
                [line["where"], f"{100 * line['share']:.0f} %", percent(line["seen"]["rate"]), str(line["n"]),
                 _interval(line), percent(line["elsewhere"]["rate"]), f"{line['p_holm']:.1g}",
                 percent(line["elsewhere_same_op"]), f"{line['p_same_op']:.1g}", ", ".join(line["searches"])]
                for line in found["slices"]
            ],
        )  # fmt: skip
    yield (
        "Searches, each with the same number of problems",
        ["search", "n", "fails, %", "lift", "looked bad"],
        [
            [line["search"], str(line["n"]), _interval(line), _lift(line), str(len(line["found"]))]
            for line in found["searches"]
        ],
    )


def examples(found: Json) -> Iterator[tuple[str, str]]:
    """Failures in confirmed slices: what each is, and the problem with the model's answer."""
    for line in found["slices"]:
        for one in line["examples"] if line["confirmed"] else ():
            answer = (one["answer"] or "none").strip()
            said = f"Solution:{one['solution']}\nAnswer: {answer}; right: {one['true_answer']}"
            yield f"where {line['where']}, fresh problem {one['index']}", f"{one['problem'].strip()}\n{said}"


def usage(found: Json) -> Iterator[str]:
    """The cell of each confirmed slice, and the setting that draws training problems from it."""
    for line in found["slices"]:
        if line["confirmed"]:
            yield f"--cells '{line['cell']}'; training data: '{line['setting']}'"


def to_markdown(name: str, found: Json) -> str:
    """All of it."""
    lines = [f"# {title(name, found)}", "", *(f"- {line}" for line in sentences(found)), ""]
    for head, columns, rows in parts(found):
        lines += [f"## {head}", "", markdown.table(columns, rows), ""]
    lines += [*(f"- `{line}`" for line in usage(found)), "", *EXPLAINED, ""]
    for head, text in examples(found):
        lines += [f"## Failure {head}", "", *(f"> {part}" for part in text.split("\n")), ""]
    return "\n".join(lines)


def terminal(found: Json, width: int) -> Iterator[tuple[str, list[Table]]]:
    """The tables of `parts`, none wider than `width`."""
    from igsm.reporting.terminal import fitted

    for head, columns, rows in parts(found):
        yield head, [*fitted(columns, rows, 1, width)]


def _share(line: Json) -> str:
    low, high = 100 * line["low"], 100 * line["high"]
    return f"{100 * line['rate']:.0f} % (n={line['n']}, {low:.0f} to {high:.0f})"


def _interval(line: Json) -> str:
    return f"{percent(line['rate'])} [{100 * line['low']:.0f}, {100 * line['high']:.0f}]"


def _lift(line: Json) -> str:
    if line["lift"] is None:
        return "-"
    return f"{line['lift']:.2f} [{line['lift_low']:.2f}, {line['lift_high']:.2f}]"
