"""A report as plain values, for JSON: every number as it is, not as it is printed."""

from __future__ import annotations

from igsm.grading.metrics import Json
from igsm.reporting.iso_cost_shown import content as iso_content
from igsm.reporting.report import Report
from igsm.reporting.table import Table


def report_content(report: Report) -> Json:
    """Tables, differences, and what stands in neither."""
    return {
        "title": report.request.title,
        "tables": [_table(table) for table in report.tables],
        "differences": [one.content() for one in report.differences],
        "budgets": [one.content() for one in report.request.budgets],
        "iso_cost": report.iso_cost and iso_content(report.iso_cost),
        "left_out": list(report.request.left_out),
        "other_evaluations": report.not_shown,
    }


def _table(table: Table) -> Json:
    return {
        "measure": table.measure.name,
        "rows": table.rows,
        "columns": table.columns,
        "baseline": table.baseline,
        "always_zero": table.always_zero,
        "cells": [_cell(table, row, column) for row in table.rows for column in table.columns],
    }


def _cell(table: Table, row: str, column: str) -> Json:
    cell = table.cell(row, column)
    test = cell.comparison
    return {
        "row": row,
        "column": column,
        "value": cell.value,
        "n": cell.n,
        "interval_over_problems": cell.interval,
        "interval_over_seeds": cell.seed_interval,
        "runs": [
            {
                "run": str(result.run),
                "evaluation": str(result.folder),
                "decoder": result.decoder,
                "seed": result.seed,
                "value": result.numbers.mean(table.measure.name),
            }
            for result in cell.results
        ],
        "paper": cell.paper,
        "test": test
        and {"over": test.over, "p_value": test.p_value, "after_holm": test.adjusted, "sides": list(test.sides)},
    }
