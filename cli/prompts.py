"""`mistakes prompts`: problems with wrong and right examples before them, for other people's language models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import data as data_options


def command(
    out: Annotated[Path, typer.Argument(help="New file: FILE.jsonl.")],
    strategy: Annotated[
        str, typer.Option(help="cot, cot_plus, explicit, implicit, wrong_only or explicit_false.")
    ] = "implicit",
    shots: Annotated[
        int, typer.Option(help="Examples in a prompt; of cot_plus as many as fill its length.", min=1)
    ] = 8,
    problems: Annotated[int, typer.Option(help="How many problems.", min=1)] = 512,
    wrong: Annotated[
        str, typer.Option(help="Wrong solutions: kinds uniform or like:RUN; or own:RUN, those a run's model wrote.")
    ] = "uniform",
    difficulty: data_options.Difficulty = "easy",
    form: data_options.Form = None,
    split: data_options.Split = "test",
    op: data_options.Op = None,
    reask: data_options.Reask = None,
    where: data_options.Where = None,
    lexicon: data_options.LexiconName = None,
    seed: data_options.Seed = None,
    workers: data_options.Workers = 1,
) -> None:
    """Write prompts that show how problems are solved, and how not, before they ask one.

    explicit: a wrong solution, what the grader says of it, and the right one. implicit: without what it says. cot:
    right ones only; cot_plus: as many of them as make the prompt as long as implicit's. wrong_only: wrong ones only.
    explicit_false: what is said is about another example. All have the same problems and the same examples. What a
    model writes is graded by `mistakes check`.
    """
    given = data_options.problem_options(locals() | {"kind": None, "rate": None, "mix": None})
    from itertools import islice

    from igsm.corpus import export, prompts
    from igsm.errors import InputError
    from igsm.mistakes.mix import weights_of

    if export.form_of(out) != "jsonl":
        raise InputError(f"{out}: prompts are JSON lines; name the file FILE.jsonl")
    data = data_options.data_config(None, given, [], "mistakes prompts")
    if wrong.startswith("own:"):
        examples = prompts.own_examples(Path(wrong.removeprefix("own:")), data.problem)
    else:
        examples = prompts.made_examples(data.problem, data.seed, weights_of(wrong, "--wrong"))
    whole = data.model_copy(update={"context": 65536, "windows_per_block": 2})  # no window may leave long ones out
    items = export.records(whole, workers=workers)
    export.write(out, islice(prompts.prompts(items, examples, strategy, shots), problems))
    print(f"{out}: {problems:,} prompts")
