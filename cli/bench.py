"""`mistakes bench ...`: how fast this machine generates, grades, trains and decodes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.terminal import Json

app = typer.Typer(help="Speed on this machine, beside what it is compared with.")


def benchmark(name: str) -> Any:
    """The module ``benchmarks/<name>.py``, which lies beside this package, in a clone as where it is installed."""
    root = Path(__file__).resolve().parents[1]
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(f"benchmarks.{name}")


@app.command()
def generate(
    seconds: Annotated[float, typer.Option(help="Time for each row.", min=0.1)] = 5.0,
    lexicon: Annotated[str, typer.Option(help="full, nano, or a file of names.")] = "full",
    methods: Annotated[bool, typer.Option("--methods", help="Of every method, beside retry.")] = False,
    as_json: Json = False,
) -> None:
    """Problems and tokens a second of one core, by kind of data."""
    if methods:
        benchmark("generate_methods").report(seconds, as_json)
        return
    benchmark("generate").report(seconds, lexicon, as_json)


@app.command()
def grade(
    seconds: Annotated[float, typer.Option(help="Time for each row.", min=0.1)] = 3.0,
    lexicon: Annotated[str, typer.Option(help="full, nano, or a file of names.")] = "full",
    as_json: Json = False,
) -> None:
    """Solutions graded a second by one core, from their texts."""
    benchmark("grade").report(seconds, lexicon, as_json)


@app.command()
def train(
    difficulty: Annotated[str, typer.Option(help="Comma-separated: med, hard.")] = "med,hard",
    only: Annotated[str | None, typer.Option(help="Only these of our rows, separated by ';'.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file for the results.")] = None,
    speed: Annotated[
        Path | None, typer.Option(help="Put the speed into this file, for `mistakes sweep --speed`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Training tokens a second, beside transformers' GPT-2."""
    from igsm.preflight.resources import check_writable
    from igsm.progress import waiting

    difficulties, names = difficulty.split(","), only.split(";") if only else None
    benchmark("sizes").check_train(difficulties, names, speed)
    if out is not None:
        check_writable(out.parent)
    with waiting("loading torch"):
        train = benchmark("train")
    train.report(difficulties, names, out, speed, as_json)


@app.command()
def decode(
    run: Annotated[Path | None, typer.Option(help="Run folder or checkpoint; default: random weights.")] = None,
    decoders: Annotated[str, typer.Option(help="Comma-separated, as for `mistakes eval`.")] = "greedy,beam4",
    problems: Annotated[int, typer.Option(help="Prompts to continue.", min=1)] = 128,
    batch: Annotated[int, typer.Option(help="Rows side by side, beams included.", min=1)] = 32,
    layers: Annotated[int, typer.Option(help="Of the random model.", min=1)] = 6,
    heads: Annotated[int, typer.Option(help="Of the random model, each 64 wide.", min=1)] = 4,
    difficulty: Annotated[
        str | None, typer.Option(help="Of the prompts' problems; default: the run's, or med.")
    ] = None,
    op: Annotated[int | None, typer.Option(help="Operations of the problems: exactly so many.", min=1)] = None,
    compare: Annotated[bool, typer.Option(help="Run transformers' generate on the same weights too.")] = True,
    speed: Annotated[
        Path | None, typer.Option(help="Put the speeds into this file, for `mistakes sweep --speed`.")
    ] = None,
    plan: Annotated[
        float | None,
        typer.Option(help="Decode nothing: say what a GPU of so many GB would record and keep, e.g. 80.", min=1),
    ] = None,
    as_json: Json = False,
) -> None:
    """Generated tokens a second, beside transformers' generate."""
    from igsm.decoding.decoders import parse_decoder
    from igsm.progress import waiting

    names = [name.strip() for name in decoders.split(",")]
    if plan is None:
        benchmark("sizes").check_decode(run, names, (layers, heads), difficulty, op, speed)
    for name in names:
        parse_decoder(name)
    with waiting("loading torch"):
        decode = benchmark("decode" if plan is None else "decode_plan")
    if plan is not None:
        decode.report(run, names, layers, heads, difficulty or "med", plan, as_json)
        return
    decode.report(run, names, problems, batch, layers, heads, difficulty, op, compare, speed, as_json)


@app.callback()
def _group() -> None:
    pass
