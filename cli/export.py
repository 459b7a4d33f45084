"""`mistakes export`: a model or problems for other people's tools."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import data as data_options

if TYPE_CHECKING:
    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import Vocabulary

PROMPTS = 4
PROBLEM_FORMATS = ("jsonl", "parquet", "chat")


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="[RUN] OUT", help="New folder to write, after the run or checkpoint if --to is hf."),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="hf: a model for transformers. jsonl, parquet, chat (messages): problems. prompts: with examples."
        ),
    ] = "hf",
    problems: Annotated[int | None, typer.Option(help="How many problems.", min=1)] = None,
    difficulty: data_options.Difficulty = None,
    form: data_options.Form = None,
    kind: data_options.Kind = None,
    rate: data_options.Rate = None,
    mix: data_options.Mix = None,
    split: data_options.Split = None,
    op: data_options.Op = None,
    reask: data_options.Reask = None,
    lexicon: data_options.LexiconName = None,
    seed: data_options.Seed = None,
    workers: data_options.Workers = 1,
    strategy: Annotated[
        str, typer.Option(help="Of prompts: cot, cot_plus, explicit, implicit, wrong_only, explicit_false.")
    ] = "implicit",
    shots: Annotated[int, typer.Option(help="Examples in a prompt.", min=1)] = 8,
    wrong: Annotated[
        str, typer.Option(help="Wrong solutions in them: uniform or like:RUN for the kinds, own:RUN for a run's own.")
    ] = "uniform",
) -> None:
    """Write a model and its tokenizer for transformers, or problems for trainers.

    Problems go to OUT if it ends in .jsonl or .parquet, else to OUT/SPLIT.jsonl or .parquet.

    hf: GPT-2 blocks become GPTNeoXForCausalLM, Llama blocks LlamaForCausalLM. Both are loaded there and compared; what
    differs in any token, in the logits or in a greedy generation is deleted again.

    Other formats: the problems of `mistakes gen-data` with the same options; of prompts by default those of the test
    split.
    """
    given = data_options.problem_options(locals())
    from igsm.errors import InputError, suggest

    if to == "prompts":
        export_prompts(paths, given, problems, strategy, shots, wrong, workers)
        return

    if to == "hf":
        if problems is not None or any(value is not None for value in given.values()):
            raise InputError(f"--to hf writes a model; options of problems are for --to {', '.join(PROBLEM_FORMATS)}")
        if len(paths) != 2:
            raise InputError("--to hf takes a run and a new folder: mistakes export RUN OUT --to hf")
        export_run(*paths)
        return
    if to not in PROBLEM_FORMATS:
        raise InputError(f"--to {to}: unknown format{suggest(to, ['hf', 'prompts', *PROBLEM_FORMATS])}")
    if len(paths) != 1:
        raise InputError(f"--to {to} takes the new folder only: mistakes export OUT --to {to} --problems 1000")
    if problems is None:
        raise InputError("say how many: --problems N")
    export_problems(data_options.data_config(None, given, [], "export"), paths[0], to, problems, workers)


def export_problems(data: DataConfig, folder: Path, form: str, problems: int, workers: int) -> None:
    """Write the first ``problems`` problems of the data to a file in ``folder``, named after the split."""
    from tqdm import tqdm

    from igsm.corpus import export as exporting

    write = exporting.writer(form, "--to")

    def records() -> Iterator[exporting.Record]:  # the bar begins with the first record, not before a refusal
        made = exporting.records(data, problems=problems, workers=workers)
        yield from tqdm(made, total=problems, desc=str(folder), unit=" problems")

    path = write(folder, data.problem.split, records())
    print(f"{path}: {problems:,} problems")


def export_prompts(
    paths: list[Path], given: dict[str, Any], problems: int | None, strategy: str, shots: int, wrong: str, workers: int
) -> None:
    """Write problems with a prompt each to OUT if it ends in .jsonl, else to OUT/STRATEGY.jsonl."""
    from itertools import islice

    from igsm.corpus import export as exporting
    from igsm.corpus import prompts as prompting
    from igsm.errors import InputError
    from igsm.mistakes.mix import weights_of

    if len(paths) != 1 or problems is None:
        raise InputError("say where and how many: mistakes export OUT --to prompts --problems 500")
    if any(given[f"mistakes.{name}"] is not None for name in ("kind", "rate", "mix")):
        raise InputError("--to prompts: solutions in prompts take nothing back; say --wrong instead of --kind")
    given["problem.split"] = given["problem.split"] or "test"
    data = data_options.data_config(None, given, [], "export")
    if wrong.startswith("own:"):
        examples = prompting.own_examples(Path(wrong.removeprefix("own:")))
    else:
        examples = prompting.made_examples(data.problem, data.seed, weights_of(wrong, "--wrong"))
    items = exporting.records(data, workers=workers)
    records = islice(prompting.prompts(items, examples, strategy, shots), problems)
    out = paths[0] if paths[0].suffix == ".jsonl" else paths[0] / f"{strategy}.jsonl"
    exporting.write_text(out, records)
    print(f"{out}: {problems:,} prompts")


def export_run(run: Path, folder: Path) -> None:
    """Write a run's model and tokenizer for transformers into a new folder, load them there, and compare."""
    from igsm.checkpoints import find_checkpoint
    from igsm.config import build_config
    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import read_vocabulary
    from igsm.errors import InputError
    from igsm.model import load_model
    from igsm.model.huggingface import compare, export_model
    from igsm.problems.source import ProblemSource

    if folder.exists():
        raise InputError(f"{folder}: exists already; choose a new folder")
    model, config = load_model(run)
    data = build_config(DataConfig, config.get("data") or {}, f"{run}, data")
    vocabulary = read_vocabulary(find_checkpoint(run), data.problem, data.vocabulary)
    temporary = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        n_rows = export_model(model, temporary, int(vocabulary.from_gpt2[50256]), len(vocabulary.known))
        write_tokenizer(vocabulary, temporary, n_rows)
        source = ProblemSource(data.problem.model_copy(update={"split": "test"}))
        problems = [source.problem(i) for i in range(PROMPTS)]
        prompts = [(problem.text, vocabulary.prompt(problem).tolist()) for problem in problems]
        difference = compare(model, temporary, prompts)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(
        f"{folder}: written and loaded again with transformers; on {PROMPTS} problems the same token ids, logits "
        f"within {difference:.1e}, the same greedy generations"
    )


def write_tokenizer(vocabulary: Vocabulary, folder: Path, n_rows: int) -> None:
    """The tokenizer of a vocabulary and a model's ``n_rows`` ids, in the format of the tokenizers library."""
    from igsm.corpus.vocabulary import ANSWER_START, END, PROBLEM_START, SOLUTION_START, split_words
    from igsm.errors import InputError
    from igsm.model.tokenizer import export_tokenizer

    strings = sorted({word for string in vocabulary.table.strings for word in split_words(string)})
    encoded = {word: vocabulary.from_gpt2[vocabulary.encode_text(word)].tolist() for word in strings}
    words = {word: ids for word, ids in encoded.items() if min(ids) >= 0}  # others are newer than the model
    tokens = {i: vocabulary.decode([i]).encode() for ids in words.values() for i in ids}
    unclear = next((word for word, ids in words.items() if b"".join(tokens[i] for i in ids) != word.encode()), None)
    if unclear:
        raise InputError(f"{unclear.strip()!r}: a letter of several tokens; a tokenizer for this cannot be exported")
    ids = {"end": END, "problem": PROBLEM_START, "solution": SOLUTION_START, "answer": ANSWER_START}
    marks = {name: int(vocabulary.from_gpt2[i]) for name, i in ids.items()}
    export_tokenizer(words, tokens, marks, folder, len(vocabulary.known), n_rows)
