"""`mistakes gen-data`: a corpus as shards of GPT-2 ids, as text, or as a dataset for other tools."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from cli import data as data_options


def command(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Any other setting of the data: problem.modulus=7."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Start from the `data` section of this YAML file.")] = None,
    difficulty: data_options.Difficulty = None,
    form: data_options.Form = None,
    kind: data_options.Kind = None,
    rate: data_options.Rate = None,
    mix: data_options.Mix = None,
    split: data_options.Split = None,
    op: data_options.Op = None,
    reask: data_options.Reask = None,
    corpus: Annotated[str | None, typer.Option(help="igsm, or boxes: the box-over-box toy.")] = None,
    lexicon: data_options.LexiconName = None,
    context: Annotated[int | None, typer.Option(help="Tokens of a window; default: the difficulty's.")] = None,
    seed: data_options.Seed = None,
    problems: Annotated[int | None, typer.Option(help="How many problems (in shards: about).", min=1)] = None,
    tokens: Annotated[str | None, typer.Option(help="How many tokens: 5000000, 50M or 1.2e9.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the shards or the --export, or its file.")] = None,
    text: Annotated[Path | None, typer.Option(help="Write the problems as text, too: a JSONL file.")] = None,
    export: Annotated[str | None, typer.Option(help="parquet, jsonl, chat or hf, instead of shards.")] = None,
    workers: data_options.Workers = 1,
    part: Annotated[str | None, typer.Option(help="k/n: the k-th of n parts of the shards (array jobs).")] = None,
    shard_tokens: Annotated[str, typer.Option(help="Tokens of one shard file.")] = "16M",
) -> None:
    """Generate data into files. The same command run again goes on where it was interrupted."""
    given = data_options.problem_options(locals()) | {"corpus": corpus, "context": context}
    from tqdm import tqdm

    from igsm.corpus import export as exporting
    from igsm.corpus.generate import generate, parse_part, parse_tokens, windows_for_problems
    from igsm.errors import InputError
    from igsm.preflight.check import check
    from igsm.preflight.fit import check_fit, document_lengths
    from igsm.preflight.work import corpus_work
    from igsm.training.signals import leaving_on_request

    if out is None and text is None:
        raise InputError("nothing to write: give --out FOLDER for shards, --text FILE.jsonl for text, or both")
    if (problems is None) == (tokens is None):
        raise InputError("say how much: either --problems N or --tokens N")
    if export is not None and out is None:
        raise InputError("--export needs --out, the folder to write to")
    if part is not None and (text is not None or export is not None or out is None):
        raise InputError("--part divides shards only; write text or an --export in a command of its own")
    share, per_shard = parse_part(part), parse_tokens(shard_tokens, "--shard-tokens")
    data = data_options.data_config(config, given, overrides or [], "gen-data")
    if text is not None or export is not None:
        exporting.must_be_plain(data)
    write = exporting.writer(export) if export is not None else None
    files = {} if text is None else {text: "text"}
    if out is not None and export is not None:
        files[exporting.target(out, data.problem.split, export)] = export
    for path in files:
        exporting.must_be_new(path, make_folder=False)
    n_tokens = parse_tokens(tokens) if tokens is not None else (problems or 0) * float(document_lengths(data).mean())
    amount = "--tokens" if tokens is not None else "--problems"
    works = [corpus_work(path.parent, n_tokens, form, amount) for path, form in files.items()]
    if out is not None and export is None:
        works.append(corpus_work(out, n_tokens / share[1], "shards", amount))
    for work in works:
        check(work)
    if (warning := check_fit(data, "--context")) is not None:
        print(f"mistakes: warning: {warning}", file=sys.stderr)
    if tokens is not None:
        windows = -(-parse_tokens(tokens) // data.context)
    else:
        windows = windows_for_problems(data, problems or 0)

    def records(target: Path) -> Generator[exporting.Record, None, None]:
        made = exporting.records(
            data, problems=problems, windows=windows if problems is None else None, workers=workers
        )
        for number, record in enumerate(tqdm(made, total=problems, desc=str(target), unit=" problems"), 1):
            yield record
            written[target] = number

    written: dict[Path, int] = {}
    if out is not None and write is not None:
        with leaving_on_request(f"nothing is kept of {out}, which is written whole"), closing(records(out)) as items:
            path = write(out, data.problem.split, items)
        typer.echo(f"{path}: {written.get(out, 0):,} problems; next: {_loading(path, export or '')}")
    elif out is not None:
        bar = None

        def progress(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = tqdm(total=total * data.context, desc=str(out), unit=" tokens", unit_scale=True)
            bar.update(done * data.context - bar.n)

        with leaving_on_request(f"the finished shards in {out} are kept"):
            try:
                made = generate(
                    data, out, windows, shard_tokens=per_shard, workers=workers, part=share, progress=progress
                )
            finally:
                if bar is not None:
                    bar.close()
        if made is None:
            typer.echo(f"{out}: this part is done; the manifest is written with the last part")
        else:
            typer.echo(
                f"{out}: {made.tokens:,} tokens in {len(made.shards)} shards; {made.documents - made.cut:,} whole "
                f"problems, {made.cut:,} cut at a window's end, {made.dropped:,} longer than a window left out; "
                f"next: mistakes pretrain CONFIG data.path={out}, with the same data settings"
            )
    if text is not None:
        with leaving_on_request(f"nothing is kept of {text}, which is written whole"), closing(records(text)) as items:
            exporting.write_text(text, items)
        typer.echo(f"{text}: {written.get(text, 0):,} problems as text; next: mistakes check {text}")


def _loading(path: Path, form: str) -> str:
    """How one would read an export."""
    if form == "hf":
        return f"datasets.load_from_disk({str(path)!r})"
    if form == "parquet":
        return f"pandas.read_parquet({str(path)!r})"
    return f"datasets.load_dataset('json', data_files={str(path)!r})"
