"""The command ``mistakes``."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Annotated, Any

import typer

from igsm.errors import InputError
from igsm.interruption import lost_exceptions, send_again, sent_again

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_USAGE: Any = typer.BadParameter.__mro__[2]  # ClickException: typer has had it from click, then from a copy of its own

# command -> (module, one line of help). A command's module is imported only when it is called.
COMMANDS = {
    "try": ("cli.try_", "Watch a trained model solve problems, each step graded."),
    "show": ("cli.show", "Print one problem, its solution and its mistakes."),
    "describe": ("cli.describe", "Problem classes in numbers, before anything is trained on them."),
    "methods": ("cli.methods", "The ways of learning from mistakes, with their sources."),
    "gen-data": ("cli.gen_data", "Generate problems: JSONL, Parquet, or shards for training."),
    "prompts": ("cli.prompts", "Prompts with wrong and right examples, for other language models."),
    "pretrain": ("cli.pretrain", "Pretrain a model from random weights."),
    "finetune": ("cli.finetune", "LoRA or continued pretraining of a trained model."),
    "probe": ("cli.probe", "Does a model know which parameters can be computed next?"),
    "copilot": ("cli.copilot", "A Copilot that learns from a model's mistakes beside it."),
    "log": ("cli.log", "What the Mistake Log of a run with a Copilot holds."),
    "config": ("cli.config", "Print what a preset and its overrides come to."),
    "inspect": ("cli.inspect", "Show a run: config, data seen, curves, checkpoints."),
    "export": ("cli.export", "A model for transformers, or solutions in the formats trainers take."),
    "check": ("cli.check", "Grade solutions of any source, step by step, from their texts."),
    "inject": ("cli.inject", "Put mistakes into your own step-by-step data, in the formats trainers take."),
    "text": ("cli.text", "Small models from scratch on your text, with and without mistakes."),
    "solve": ("cli.solve", "Answer problems given as text."),
    "eval": ("cli.eval", "Generate solutions of test problems and grade every step."),
    "recover": ("cli.recover", "Does a model get over a wrong sentence, planted or its own?"),
    "confidence": ("cli.confidence", "What is BACK worth to a model, and what does it cost?"),
    "search": ("cli.search", "At which kinds of problems does a model fail more than elsewhere?"),
    "scorecard": ("cli.scorecard", "All that is known of how runs correct themselves, side by side."),
    "sweep": ("cli.sweep", "Everything a figure needs: train, evaluate, report."),
    "report": ("cli.report", "Tables, figures and one HTML page from finished runs."),
    "findings": ("cli.findings", "What a finished sweep of two ways of training shows, in words."),
    "bench": ("cli.bench", "Speed on this machine, beside what it is compared with."),
}


def build(arguments: list[str]) -> typer.Typer:
    """The command line for ``arguments``: the module of the command they name is imported, no other."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # rich's boxes cut the names of options off at 80 columns
        help="Learning from mistakes in pretraining: data, training, evaluation and tables.",
    )
    app.callback()(_options)
    for name, (module_name, line) in COMMANDS.items():
        if name not in arguments[:1]:
            app.command(name, help=line)(_nothing)
            continue
        module = importlib.import_module(module_name)
        if hasattr(module, "app"):  # a group of subcommands such as `bench`
            app.add_typer(module.app, name=name)
        else:
            app.command(name, epilog=_as_it_stands(getattr(module, "EPILOG", "")))(module.command)
    return app


def _as_it_stands(text: str) -> str:
    """A help text whose lines are not filled."""
    return f"\b\n{text}" if text else ""


def _nothing() -> None:
    pass


def _version(wanted: bool) -> None:
    if wanted:
        from igsm.versions import version_lines

        typer.echo("\n".join(version_lines()))
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Versions of all that results depend on."),
    ] = False,
) -> None:
    pass


def _words() -> list[str]:
    """The command line; where a shell asks how to complete one, that one (typer's variables for bash and others)."""
    if "_MISTAKES_COMPLETE" not in os.environ:
        return sys.argv[1:]
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")).split()[1:]


class _Interrupted(BaseException):
    """Ctrl-C where no command has a better answer. Of a KeyboardInterrupt typer makes a silent exit."""


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not sent_again(number, frame):
        raise _Interrupted


def _heard(lost: BaseException | None) -> bool:
    if not isinstance(lost, _Interrupted):
        return False
    send_again(signal.SIGINT)
    return True


def main() -> None:
    """Run the command line; bad input ends with one line on stderr and exit code 2.

    A reader that has enough, as in `mistakes solve FILE | head -1`, is no error.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        with lost_exceptions(_heard):
            code = _run()
    finally:
        if signal.getsignal(signal.SIGINT) is _interrupt:  # after Ctrl-C the next one must end what is left, at once
            signal.signal(signal.SIGINT, before)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_stdout()
    except OSError as error:
        code = _disk_full(error)
    sys.exit(code)


def _run() -> int | str | None:
    try:
        return build(_words())(prog_name="mistakes", standalone_mode=False) or 0
    except InputError as error:
        return _bad_input(str(error))
    except BrokenPipeError:
        _leave_stdout()
    except OSError as error:
        if error.errno not in FULL:
            raise
        return _disk_full(error)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            return end.code
        _leave_stdout()  # typer has turned it into exit code 1
    except _Interrupted:
        print("mistakes: stopped; files that were whole before stay", file=sys.stderr)
        return 130
    except _USAGE as error:
        if sys.argv[1:]:
            return _bad_input(_one_line(error))
        print(error.format_message())  # the help
        return 2
    return 0


def _bad_input(message: str) -> int:
    if os.environ.get("RANK", "0") != "0":
        time.sleep(3)  # if the first process says the same, torchrun ends this one in the meantime
    if (progress := sys.modules.get("igsm.progress")) is not None:
        progress.close_bars()
    print(f"mistakes: error: {message}", file=sys.stderr)
    return 2


def _disk_full(error: OSError) -> int:
    _leave_stdout()
    return _bad_input(f"{error.filename or 'standard output'}: cannot be written: {error.strerror}")


def _one_line(error: Any) -> str:
    """A usage error of typer's, with the command it belongs to."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    if message.endswith("?") or context is None:
        return message
    if message == "Missing command":
        message += f" ({', '.join(context.command.list_commands(context))})"
    return f"{message}; see '{context.command_path} --help'"


def _leave_stdout() -> None:
    """Let what is still buffered go nowhere: Python's own flush at the end would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
