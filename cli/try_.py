"""`mistakes try`: watch a trained model solve problems."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from igsm.decoding.decoders import decoder_lines

EPILOG = "\n".join(["Decoders:", *decoder_lines()])
_UNASKED = 3
"""Problems where nobody can ask for the next one."""


def command(
    run: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="Run folder or checkpoint; default: --model.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Of the package: retry (the default) or error-free.")] = None,
    op: Annotated[
        int | None, typer.Option(help="Operations of the problems; default: one more than in training.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the problems and of sampling.")] = 0,
    decoder: Annotated[str, typer.Option(help="greedy, sample, beam4, regret-p, ... (below).")] = "greedy",
    problems: Annotated[
        int | None, typer.Option(help="Show so many and end, without asking between them.", min=1)
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also the most probable next sentences at each step.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a problem.")] = False,
) -> None:
    """Watch a trained model solve problems, each step graded as it comes.

    What the model takes back is struck through. At the question after a problem:

    Enter or n: the next one. A number: one of so many operations.
    b: the same by the other model that comes with the package.
    p: which sentences were how probable at each step.
    The text of a problem is solved. q: the end.

    Text that is piped in is solved, too (without --op and --problems): a problem a line.
    """
    from cli.try_session import Model, Session, piped_texts
    from igsm.decoding.decoders import parse_decoder
    from igsm.errors import InputError
    from igsm.preflight.evaluation import check_decoder

    check_decoder(parse_decoder(decoder))  # before anything is loaded
    if run is not None and model is not None:
        raise InputError(f"--model is a shipped model, RUN ({run}) another one: give one of them")
    first = Model.of_run(run, decoder, seed) if run is not None else Model.shipped(model or "retry", decoder, seed)
    session = Session(first, op, probabilities)
    if problems is None and not as_json and sys.stdin.isatty() and sys.stdout.isatty():
        session.converse()
        return
    piped = problems is None and op is None and not sys.stdin.isatty()
    if not as_json:
        session.intro()
    for drawn in session.drawn(problems or _UNASKED, piped_texts(sys.stdin) if piped else ()):
        if as_json:
            print(json.dumps(session.record(drawn), ensure_ascii=False), flush=True)
        else:
            session.show(drawn)
