"""How the commands print: tables and text for people through one console, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead, numbers unrounded.")]


def console(*, stderr: bool = False, **options: Any) -> Console:
    """A console on stdout, or on stderr beside JSON; plain text in a pipe, in a log and with NO_COLOR."""
    from rich.console import Console

    from igsm.progress import is_plain

    if is_plain(sys.stderr if stderr else sys.stdout):
        options |= {"force_terminal": False, "color_system": None}
    return Console(highlight=False, stderr=stderr, **options)


def print_tables(screen: Console, titled: Iterable[tuple[str, Iterable[Table]]]) -> None:
    """Each title once, above the parts of its table."""
    for title, tables in titled:
        screen.print(title, style="bold", markup=False)
        for table in tables:
            screen.print(table)
            screen.print()


def print_json(document: Any) -> None:
    """One JSON document on stdout; what is not a number there is null."""
    print(json.dumps(_finite(document), ensure_ascii=False, allow_nan=False, default=_of_another_library))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_finite(one) for one in value]
    return value


def _of_another_library(value: Any) -> Any:
    """numpy's and torch's single numbers; a path as text."""
    return value.item() if hasattr(value, "item") else str(value)
