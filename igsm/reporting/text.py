"""A table as text: for the terminal (rich), Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import rich.table
from rich.console import Group
from rich.text import Text

from igsm.grading.metrics import CUT_OFF
from igsm.reporting.lineage import of_one_start
from igsm.reporting.markdown import table as markdown_table
from igsm.reporting.paper import split_cell
from igsm.reporting.seeds import values_by_seed
from igsm.reporting.table import Cell, Table, stars
from igsm.significance import holm

STARS = (
    "Stars: differs from the row '{}' (* p < 0.05, ** p < 0.01, *** p < 0.001, after Holm's correction over the {} "
    "tests of this table that can come below 0.05). {}"
)
OVER_SEEDS = (
    "Rows that were trained differently: exact permutation test over training seeds, in pairs where both rows were "
    "fine-tuned from the same runs."
)
OVER_PROBLEMS = "The same models decoded otherwise: exact {} test over the problems, which covers these models only."
TOO_FEW = (
    "With {} against {} training seeds no p-value can be below {:.2g}, {:.2g} after the correction: such a row cannot "
    "have a star."
)
ONE_SEED = "One training seed each: nothing is said of training, and intervals cover the test problems only."
SEEDS = (
    "Numbers of several training seeds are the mean of the seeds. Behind 'seeds' stands the 95 % t interval over "
    "training seeds (what training again would give), behind 'problems' that over test problems (what other problems "
    "would show of these models); n counts each test problem once."
)
ONE_START = (
    "Of {}, all seeds are fine-tuned from one model: their spread and their tests are about fine-tuning it again, not "
    "about other models."
)
MEANS = (
    "Intervals of means over problems are those of a Poisson count of as many events as the standard error tells of; "
    "where every problem has the same count, the mean plus or minus the exact Poisson bound of what was never seen in "
    "n problems, 3.69 / n."
)


def evidence(table: Table, cell: Cell) -> str:
    """What stands under a number, e.g. "3 seeds: 79.8 to 88.0, problems: 83.1 to 85.4, n 4096"; of one seed only the
    interval over problems and n."""
    if cell.value is None or not cell.results:
        return "n 0" if cell.results else ""
    parts = [f"n {cell.n}"]
    several = len(cell.results) > 1
    if cell.interval is not None:
        parts.insert(0, ("problems: " if several else "") + table.measure.range(*cell.interval))
    if several:
        spread = "no spread" if cell.seed_interval is None else table.measure.range(*cell.seed_interval)
        parts.insert(0, f"{cell.seeds}: {spread}")
    return ", ".join(parts)


def comparison(table: Table, cell: Cell) -> str:
    """The paper's number and the difference, e.g. "paper 84.5 (-0.2)"."""
    if cell.paper is None:
        return ""
    text = f"paper {table.measure.text(cell.paper)}"
    return f"{text} ({table.measure.difference(cell.difference)})" if cell.difference is not None else text


def notes(table: Table) -> list[str]:
    """What a reader must know about the numbers."""
    lines = ["A cell: our number; 95 % interval and number of problems n; the paper's number and the difference."]
    lines += _dashes(table)
    if table.measure.share and len(table.columns) > 1:
        lines.append("The average is that of the cells, whatever their n; none as long as one is missing.")
    if table.combine == "best":
        lines.append(
            "Each cell is the best of its seeds and decoders, as in the paper; the interval belongs to the chosen one, "
            "covers the test problems and knows nothing of the choice. Rows that were trained differently are not "
            "tested: a best of few has no law to test by."
        )
    elif any(len(cell.results) > 1 for cell in table.cells.values()):
        lines.append(SEEDS)
    elif table.measured:
        lines.append(ONE_SEED)
    lines += _one_start(table)
    if not table.measure.share:
        lines.append(MEANS)
    lines += _tests(table)
    lines += _cut_off(table)
    if table.paper is not None and any(cell.paper is not None for cell in table.cells.values()):
        best = f", the best of {' and '.join(table.paper.decoders)}" if table.paper.decoders else ""
        lines.append(f"Paper: {table.paper.source}{best}.")
    return lines


def _one_start(table: Table) -> list[str]:
    rows = [row for row in table.rows if any(of_one_start(table.cell(row, name).results) for name in table.columns)]
    return [ONE_START.format("all rows" if len(rows) == len(table.rows) else ", ".join(rows))] if rows else []


def _cut_off(table: Table) -> list[str]:
    """A line for each evaluation in which many solutions ran into the length limit."""
    lines = []
    for result in {r.folder: r for cell in table.cells.values() for r in cell.results}.values():
        share = result.numbers.mean("at_limit") or 0.0
        if share > CUT_OFF:
            where, limit = f"{result.row}, {result.cell}", result.settings.get("context")
            lines.append(f"{where}: {100 * share:.1f} % of the solutions were cut off at {limit} tokens.")
    return lines


def _dashes(table: Table) -> list[str]:
    """What a '-' means in this table: an average is one as long as one of its cells is."""
    shown = [table.cell(row, column) for row in table.rows for column in table.columns]
    unmeasured = any(not cell.results for cell in shown)
    nothing = any(cell.results and cell.value is None for cell in shown)
    lines = ["'-' has not been measured."] if unmeasured or not nothing else []
    if nothing:
        lines.append("'-' with n 0 has been measured, but no solution counts: none is of the heading's kind.")
    return lines


def _tests(table: Table) -> list[str]:
    """What the stars are, and where there can be none."""
    tests = table.comparisons
    if not tests:
        return []
    kinds = []
    if any(test.over == "seeds" for test in tests):
        kinds.append(OVER_SEEDS)
    if paired := [test for test in tests if test.over == "problems"]:
        kinds.append(OVER_PROBLEMS.format("sign-flip" if any(test.sides[0] > 1 for test in paired) else "McNemar"))
    counting = [test.least for test in tests if test.least <= 0.05]
    best = dict(zip(counting, holm(counting), strict=True))
    """The least p-value of a test -> after the correction, if all tests come to their least."""
    lines = [STARS.format(table.baseline, len(counting), " ".join(kinds))]
    for first, second, least in sorted({(*test.sides, test.least) for test in tests if test.over == "seeds"}):
        corrected = best.get(least, least)
        if corrected >= 0.05:
            lines.append(TOO_FEW.format(first, second, least, corrected))
    return lines


def brief_notes(table: Table) -> list[str]:
    """The shortest that a reader of the numbers must know; `notes` has all of it."""
    lines = []
    if any(not table.cell(row, column).results for row in table.rows for column in table.columns):
        lines.append("-: not measured.")
    if table.comparisons:
        lines.append(f"*, **, ***: differs from '{table.baseline}', p < 0.05, 0.01, 0.001 after Holm's correction.")
    if table.measured and not any(len(cell.results) > 1 for cell in table.cells.values()):
        lines.append("One training seed each: intervals cover the test problems, not training again.")
    return [*lines, *_one_start(table), *_cut_off(table)]


def terminal_tables(table: Table, width: int = 80) -> list[Group]:
    """Rich tables with their titles, one family or less each, so that none is wider than ``width`` characters."""
    labels = min(max((len(row) for row in table.rows), default=0), 24)
    at_once = max(1, (width - labels - 4) // 17)
    blocks = []
    for family, columns in _chunks(table, at_once):
        title = Text(": ".join(part for part in (family, table.caption) if part), style="bold")
        drawn = rich.table.Table()
        drawn.add_column("", max_width=24)
        for column in columns:
            drawn.add_column(split_cell(column)[1], justify="right", no_wrap=True)
        for row in table.rows:
            drawn.add_row(row, *(_terminal_cell(table, table.cell(row, column)) for column in columns))
        if table.always_zero and table.measure.share:
            floor = [table.measure.text(table.floor(column)) for column in columns]
            drawn.add_row("always answering 0", *floor, style="dim")
        blocks.append(Group(title, drawn))
    return blocks


def _chunks(table: Table, size: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    for family, columns in table.blocks:
        for start in range(0, len(columns), size):
            yield family, columns[start : start + size]


def _terminal_cell(table: Table, cell: Cell) -> Text:
    text = Text(table.measure.text(cell.value) + stars(cell.comparison), style="bold")
    for line in (*evidence(table, cell).replace(": ", ":, ").split(", "), *comparison(table, cell).split(" (")):
        if line:
            text.append(f"\n{line.rstrip(')')}", style="dim not bold")
    return text


def markdown(table: Table) -> str:
    """The table as Markdown, one block a family, the notes below."""
    lines = [f"## {table.caption}", ""]
    for family, columns in table.blocks:
        if family:
            lines += [f"### {family}", ""]
        head = ["", *(_markdown(split_cell(column)[1]) for column in columns)]
        body = [
            [_markdown(row), *(_markdown_cell(table, table.cell(row, column)) for column in columns)]
            for row in table.rows
        ]
        if table.always_zero and table.measure.share:
            body.append(["*always answering 0*", *(table.measure.text(table.floor(column)) for column in columns)])
        lines += [markdown_table(head, body, numbers=True), ""]
    return "\n".join(lines + [f"- {note}" for note in notes(table)]) + "\n"


def _markdown(text: str) -> str:
    return text.replace("<", "&lt;")


def _markdown_cell(table: Table, cell: Cell) -> str:
    first = f"**{table.measure.text(cell.value)}**" if cell.value is not None else "-"
    marks = stars(cell.comparison).replace("*", "\\*")
    return "<br>".join(part for part in (first + marks, evidence(table, cell), comparison(table, cell)) if part)


def latex(table: Table) -> str:
    """The table as LaTeX (needs booktabs), one tabular a family."""
    lines = [f"% {table.caption}. " + " ".join(notes(table))]
    for family, columns in table.blocks:
        head = " & ".join(_latex(split_cell(column)[1]) for column in columns)
        lines += [
            f"% {family}",
            "\\begin{tabular}{l" + "r" * len(columns) + "}",
            "\\toprule",
            f" & {head} \\\\",
            "\\midrule",
        ]
        for row in table.rows:
            cells = " & ".join(_latex_cell(table, table.cell(row, column)) for column in columns)
            lines.append(f"{_latex(row)} & {cells} \\\\")
        lines += ["\\bottomrule", "\\end{tabular}", ""]
    return "\n".join(lines)


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {character: f"${character}$" for character in "<>|"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def _latex(text: str) -> str:
    return text.translate(_LATEX).replace("$<$=", r"$\le$")


def _latex_cell(table: Table, cell: Cell) -> str:
    if cell.value is None and cell.paper is None:
        return "--"
    marks = stars(cell.comparison)
    first = (table.measure.text(cell.value) if cell.value is not None else "--") + (f"$^{{{marks}}}$" if marks else "")
    small = [_latex(line) for line in (evidence(table, cell), comparison(table, cell)) if line]
    return "\\shortstack[r]{" + "\\\\".join([first, *(f"\\scriptsize {line}" for line in small)]) + "}"


def _by_seed(table: Table, cell: Cell) -> str:
    """ "seed:value" of each evaluation in which something counts."""
    values = ((result.seed, values_by_seed([result], table.measure)) for result in cell.results)
    return " ".join(f"{seed}:{value:.6g}" for seed, found in values if seed is not None for value in found)


def csv_text(tables: Sequence[Table]) -> str:
    """All tables in long form: one line a cell and average; shares are fractions, what is missing is "-"."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(
        ["measure", "row", "cell", "value", "low", "high", "n", "paper", "difference", "p_value"]
        + ["always_zero", "decoders", "seeds", "correct_by_seed", "chosen_from", "runs"]
        + ["seed_low", "seed_high", "p_holm", "tested_over", "values_by_seed"]
    )
    for table in tables:
        for row in table.rows:
            for column in table.shown_columns:
                cell = table.cell(row, column)
                low, high = cell.interval or (None, None)
                test = cell.comparison
                numbers = [cell.value, low, high, cell.n or None, cell.paper, cell.difference, test and test.p_value]
                numbers.append(table.floor(column))
                origin = [
                    " ".join(sorted({result.decoder for result in cell.results})),
                    " ".join(str(seed) for seed in sorted({r.seed for r in cell.results if r.seed is not None})),
                    " ".join(f"{r.seed}:{r.correct}/{r.n}" for r in cell.results if r.seed is not None),
                    str(cell.n_choices) if cell.results else "",
                    " ".join(sorted({str(result.run) for result in cell.results})),
                ]
                over_seeds = [*(cell.seed_interval or (None, None)), test and test.adjusted]
                more = [test.over if test else "", _by_seed(table, cell)]
                writer.writerow(
                    [table.measure.name, row, column]
                    + ["-" if number is None else f"{number:.6g}" for number in numbers]
                    + [text or "-" for text in origin]
                    + ["-" if number is None else f"{number:.6g}" for number in over_seeds]
                    + [text or "-" for text in more]
                )
    return buffer.getvalue()
