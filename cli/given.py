"""Which options were given: refused are those that the chosen way of a command does not read, and files in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def given(context: typer.Context, names: Iterable[str]) -> list[str]:
    """The options that stand on the command line.

    Args:
        context: of the command.
        names: parameters of the command's function, such as "end_errors".

    Returns:
        The options as they are written, such as "--end-errors".
    """
    options = {parameter.name: max(parameter.opts, key=len) for parameter in context.command.params}
    sources = ((name, context.get_parameter_source(name)) for name in names)
    return [options[name] for name, source in sources if source and source.name == "COMMANDLINE"]


def refuse(context: typer.Context, names: Iterable[str], where: str) -> None:
    """Raise for options that have no effect ``where``: "together with --score"."""
    if options := given(context, names):
        raise typer.BadParameter(f"{' and '.join(options)}: no effect {where}; leave it out")


def must_be_new(out: Path | None, option: str = "--out") -> None:
    """Raise InputError if the file that an option names is there already."""
    from igsm.errors import InputError

    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; give {option} a new name")
