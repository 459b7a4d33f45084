"""What a report came to in words: each statement with how sure it is, which the training seeds decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from igsm.grading.metrics import Metric
from igsm.reporting.claims import LEAST_SEEDS, LEVEL, Claim, Judged, Verdict, decide, draft, judge
from igsm.reporting.names import cell_title, family_title
from igsm.reporting.paper import OPERATIONS, is_harder, split_cell
from igsm.reporting.table import Table

if TYPE_CHECKING:
    from igsm.reporting.report import Report

RULE = (
    f"Shown or refuted: p of at most {LEVEL:g} after Holm's correction, or a 95 % interval on one side of the claim, "
    f"over at least {LEAST_SEEDS} training seeds a side. Undecided: anything less; more seeds can settle it."
)


@dataclass(frozen=True)
class Statement:
    """One sentence of the summary.

    Attributes:
        verdict: what the training seeds say of it.
        sure: the verdict in words, e.g. "shown over 5 seeds".
        text: what was seen.
        why: what the verdict rests on.
    """

    verdict: Verdict
    sure: str
    text: str
    why: str


@dataclass(frozen=True)
class Summary:
    """The statements, a sentence that counts them ("" where there is one), and what the verdicts mean."""

    heading: str
    statements: tuple[Statement, ...]
    rule: str = ""


def summarize(report: Report) -> Summary:
    """The claims of the report; without any, each row of the first table against the baseline."""
    if report.request.claims:
        statements = [_of_claim(one) for one in judge(report.request.claims, report.as_read)]
        return Summary(f"{_number(len(statements), 'claim')}: {_counts(statements)}.", tuple(statements), RULE)
    table = next((table for table in report.tables if table.measured), None)
    if table is None:
        return Summary("Nothing has been evaluated yet.", ())
    base = table.baseline or next((one.base for one in report.differences if one.base in table.rows), None)
    if base is None or len(_measured_rows(table)) < 2:
        return Summary(_alone(table), ())
    if table.combine == "best":
        text = f"Each number is the best of its seeds and decoders. A best of few cannot be tested. {_alone(table)}"
        return Summary(text, ())
    statements = _comparisons(report, table, base)
    if not statements:
        return Summary(f"No other row has been evaluated on the cells of '{base}' yet.", ())
    if len(statements) == 1:
        return Summary("", tuple(statements), RULE)
    against = f"{_number(len(statements), 'comparison')} with '{base}': {_counts(statements)}."
    return Summary(against, tuple(statements), RULE)


def _number(n: int, word: str) -> str:
    return f"{n} {word}{'s' if n != 1 else ''}"


def _counts(statements: Sequence[Statement]) -> str:
    counts = Counter(one.verdict for one in statements)
    order: tuple[Verdict, ...] = ("shown", "refuted", "undecided", "not run")
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict])


def _measured_rows(table: Table) -> list[str]:
    return [row for row in table.rows if any(table.cell(row, column).value is not None for column in table.columns)]


def _alone(table: Table) -> str:
    """The numbers of a table in which nothing is compared: each row's mean."""
    parts = []
    for row in _measured_rows(table)[:6]:
        values = [value for column in table.columns if (value := table.cell(row, column).value) is not None]
        parts.append(f"{row}: {table.measure.text(fmean(values))} (mean of {_number(len(values), 'cell')})")
    return f"{table.measure.title}. {'; '.join(parts)}."


def _sure(verdict: Verdict, n: int) -> str:
    return f"{verdict} over {_number(n, 'seed')}" if verdict in ("shown", "refuted") else verdict


def _of_claim(judged: Judged) -> Statement:
    claim = judged.claim
    text = f"{claim.result}: {claim.says}."
    why = f"Published: {claim.published}."
    if judged.verdict != "not run":
        rows = claim.row if claim.against is None else f"{claim.against} to {claim.row}"
        where = f"{judged.measure.title}, {', '.join(cell_title(cell) for cell in claim.cells)}"
        why += f" Here, {rows}: {judged.numbers()} ({where}). {_capital(judged.why)}."
    return Statement(judged.verdict, _sure(judged.verdict, judged.seeds), text, why)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _comparisons(report: Report, table: Table, base: str) -> list[Statement]:
    """Every row against the baseline, family by family: on cells harder than trained where both have some."""
    claims: list[tuple[str, Claim]] = []
    for family in dict.fromkeys(split_cell(column)[0] for column in table.columns):
        for row in table.rows:
            if row != base and (shared := _shared(table, (base, row), family)):
                claims.append((family, _claim(table, row, base, shared)))
    statements = []
    by_family = {
        family: [result for result in report.results if split_cell(result.cell)[0] == family] for family, _ in claims
    }
    several = len(by_family) > 1
    decided = decide([draft(claim, by_family[family]) for family, claim in claims])
    for (family, _), judged in zip(claims, decided, strict=True):
        if judged.verdict != "not run":
            statements.append(_of_comparison(judged, table.measure, family_title(family) if several else "", family))
    return statements


def _shared(table: Table, rows: Sequence[str], family: str) -> list[str]:
    """The cells of a family that all of the rows have, the harder ones if there are any."""
    cells = [
        column
        for column in table.columns
        if split_cell(column)[0] == family and all(table.cell(one, column).value is not None for one in rows)
    ]
    return [cell for cell in cells if is_harder(cell)] or cells


def _claim(table: Table, row: str, base: str, cells: Sequence[str]) -> Claim:
    return Claim(
        result="",
        says=row,
        row=row,
        against=base,
        cells=[split_cell(cell)[1] for cell in cells],
        measure=table.measure.name,
        expect="higher",
    )


def _of_comparison(judged: Judged, measure: Metric, prefix: str, family: str) -> Statement:
    """What was seen, as a sentence; a difference that is shown is shown whatever its sign."""
    claim = judged.claim
    first, second = fmean(judged.against.values()), fmean(judged.row.values())
    cells = [f"{family}:{cell}" for cell in claim.cells]
    if all(map(is_harder, cells)):
        numbers = [int(found[2]) for cell in claim.cells if (found := OPERATIONS.match(cell))]
        span = f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
        where = f"On problems of {span} operations, more than the class has in training"
    else:
        where = f"Mean of {', '.join(map(cell_title, cells))}"
    if measure.name == "accuracy":
        said = f"'{claim.row}' solves {measure.text(second)} %, '{claim.against}' {measure.text(first)} %"
    else:
        said = f"{measure.title}: '{claim.row}' {measure.text(second)}, '{claim.against}' {measure.text(first)}"
    difference = second - first
    size = measure.difference(abs(difference)).lstrip("+") + (" points" if measure.share else "")
    change = f"{size} {'more' if difference > 0 else 'less'}" if difference else "no difference"
    text = f"{prefix + '. ' if prefix else ''}{where}: {said}: {change}."
    why = _capital(judged.why) + "."
    if judged.interval is not None:
        low, high = (measure.difference(value) for value in judged.interval)
        why = f"95 % interval of the difference over training seeds: {low} to {high}. {why}"
    verdict: Verdict = "shown" if judged.verdict in ("shown", "refuted") else judged.verdict
    return Statement(verdict, _sure(verdict, judged.seeds), text, why)
