"""`mistakes gen-data`: a corpus as shards of GPT-2 ids, or as text in a file for other tools."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import data as data_options

if TYPE_CHECKING:
    from igsm.corpus.config import DataConfig


def command(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Any other setting of the data: problem.modulus=7."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Start from the `data` of this preset or YAML file.")] = None,
    difficulty: data_options.Difficulty = None,
    form: data_options.Form = None,
    kind: data_options.Kind = None,
    rate: data_options.Rate = None,
    mix: data_options.Mix = None,
    split: data_options.Split = None,
    op: data_options.Op = None,
    reask: data_options.Reask = None,
    where: data_options.Where = None,
    corpus: Annotated[str | None, typer.Option(help="igsm, or boxes: the box-over-box toy.")] = None,
    lexicon: data_options.LexiconName = None,
    context: Annotated[int | None, typer.Option(help="Tokens of a window; default: the difficulty's.")] = None,
    seed: data_options.Seed = None,
    problems: Annotated[int | None, typer.Option(help="How many problems (in shards: about).", min=1)] = None,
    tokens: Annotated[str | None, typer.Option(help="How many tokens: 5000000, 50M or 1.2e9.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="FILE.jsonl, FILE.chat.jsonl (messages), FILE.parquet, or a folder for shards.")
    ] = None,
    workers: data_options.Workers = 1,
    part: Annotated[str | None, typer.Option(help="k/n: the k-th of n parts of the shards (array jobs).")] = None,
    shard_tokens: Annotated[str, typer.Option(help="Tokens of one shard file.")] = "16M",
) -> None:
    """Generate data. The ending of --out says in which format; anything else is a folder of shards for training.

    The same command for the same folder goes on where it was interrupted; a file is written whole or not at all.
    """
    given = data_options.problem_options(locals()) | {"corpus": corpus, "context": context}
    from igsm.compilation import announce_compilation
    from igsm.corpus import export as exporting
    from igsm.corpus.generate import parse_part, parse_tokens, windows_for_problems
    from igsm.errors import InputError
    from igsm.preflight.check import check
    from igsm.preflight.fit import check_fit, document_lengths
    from igsm.preflight.work import corpus_work
    from igsm.progress import waiting

    if out is None:
        raise InputError("nothing to write: give --out FILE.jsonl (or .parquet), or --out FOLDER for shards")
    if (problems is None) == (tokens is None):
        raise InputError("say how much: either --problems N or --tokens N")
    form = exporting.form_of(out)
    if part is not None and form != "shards":
        raise InputError(f"--part divides the shards of a folder only, and {out} is a file")
    share, per_shard = parse_part(part), parse_tokens(shard_tokens, "--shard-tokens")
    data = data_options.data_config(config, given, overrides or [], "gen-data")
    if form != "shards":
        exporting.must_be_plain(data)
        exporting.must_be_possible(form)
        exporting.must_be_new(out, make_folder=False)
    announce_compilation()
    n_tokens = float(parse_tokens(tokens)) if tokens is not None else 0.0
    if tokens is None:
        with waiting("measuring the first documents"):
            n_tokens = (problems or 0) * float(document_lengths(data).mean())
    folder = out if form == "shards" else out.parent
    check(corpus_work(folder, n_tokens / share[1], form, "--tokens" if tokens is not None else "--problems"))
    with waiting("measuring the first documents"):
        warning = check_fit(data, "--context")
    if warning is not None:
        print(f"mistakes: warning: {warning}", file=sys.stderr)
    windows = -(-parse_tokens(tokens) // data.context) if tokens is not None else None
    if form != "shards":
        _write_file(data, out, problems, windows, workers)
        return
    if windows is None:
        with waiting("counting the problems of a block"):
            windows = windows_for_problems(data, problems or 0)
    _write_shards(data, out, windows, per_shard, workers, share)


def _write_file(data: DataConfig, out: Path, problems: int | None, windows: int | None, workers: int) -> None:
    """So many problems, or those of so many windows, as one file."""
    from igsm.corpus import export as exporting
    from igsm.progress import Progress
    from igsm.training.signals import leaving_on_request

    written = 0

    def records() -> Generator[exporting.Record, None, None]:
        nonlocal written
        made = exporting.records(data, problems=problems, windows=windows, workers=workers)
        for record in Progress(made, total=problems, desc=str(out), unit=" problems"):
            written += 1
            yield record

    with leaving_on_request(f"nothing is kept of {out}, which is written whole"), closing(records()) as items:
        exporting.write(out, items)
    use = f"pandas.read_parquet({str(out)!r})" if out.suffix.lower() == ".parquet" else f"mistakes check {out}"
    after = "" if data.corpus == "boxes" else f"; next: {use}"  # boxes are not graded
    typer.echo(f"{out}: {written:,} problems{after}")


def _write_shards(
    data: DataConfig, out: Path, windows: int, shard_tokens: int, workers: int, share: tuple[int, int]
) -> None:
    """So many windows of token ids, or a share of them, as shards in a folder."""
    from igsm.corpus.generate import generate
    from igsm.progress import Progress
    from igsm.training.signals import leaving_on_request

    bar = None

    def progress(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            bar = Progress(total=total * data.context, desc=str(out), unit=" tokens", unit_scale=True)
        bar.update(done * data.context - bar.n)

    with leaving_on_request(f"the finished shards in {out} are kept"):
        try:
            made = generate(
                data, out, windows, shard_tokens=shard_tokens, workers=workers, part=share, progress=progress
            )
        finally:
            if bar is not None:
                bar.close()
    if made is None:
        typer.echo(f"{out}: this part is done; the manifest is written with the last part")
    else:
        left_out = f"; {made.dropped:,} were longer than a window and are left out" if made.dropped else ""
        typer.echo(
            f"{out}: {made.tokens:,} tokens, {len(made.shards):,} shards\n"
            f"  {made.documents:,} problems: {made.documents - made.cut:,} whole, {made.cut:,} cut off where a window "
            f"ends{left_out}\n"
            f"  next: mistakes pretrain CONFIG data.path={out}, with the same data settings"
        )
