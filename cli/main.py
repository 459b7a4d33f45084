"""The command ``mistakes``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click
import typer
from typer.core import TyperGroup

# command -> (module, one line of help). A command's module is imported only when it is called.
COMMANDS = {
    "show": ("cli.show", "Print one problem, its solution and its mistakes."),
}


class LazyGroup(TyperGroup):
    """Commands listed from the table above, imported when used, so that --help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module_name, line = COMMANDS[cmd_name]
        if "--help" in sys.argv[1:2] or len(sys.argv) < 2:
            return click.Command(cmd_name, help=line)
        module: Any = importlib.import_module(module_name)
        app = getattr(module, "app", None)  # a group of subcommands such as `bench`
        if app is None:
            app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            app.command()(module.command)
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learning from mistakes in pretraining: data, training, evaluation and tables.",
)


@app.callback()
def _group() -> None:
    pass


def main() -> None:
    """Run the command line; bad input ends with one line on stderr and exit code 2."""
    from igsm.errors import InputError

    try:
        app()
    except InputError as error:
        print(f"mistakes: error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
