"""`mistakes export`: a model, or solutions, for other people's tools."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.given import refuse
from cli.terminal import Json, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from igsm.corpus.vocabulary import Vocabulary
    from igsm.mistakes.layout import Mark
    from igsm.text.export import Export

PROMPTS = 4
UNREAD: dict[str, tuple[str, ...]] = {"processbench": ("skip_bad", "show")}
UNREAD |= dict.fromkeys(("preference", "stepwise", "verl"), ("view", "end_errors", "show"))
"""The target -> options that it does not read; the others do not read those of processbench."""
OF_SOLUTIONS = ("mask", "tokenizer", "lexicon", "rule", "modulus", "view", "end_errors", "skip_bad", "show", "as_json")
README = """# {run}

Written by `mistakes export {run}`. A problem, solved in the folder of this file:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")
prompt = tokenizer({problem!r}, return_tensors="pt")
print(tokenizer.decode(model.generate(**prompt, max_new_tokens=512, do_sample=False)[0]))
```
"""


def command(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(help="Run folder or checkpoint; with --to, a file of solutions: gen-data's or a model's.")
    ],
    out: Annotated[Path, typer.Argument(help="New folder; with --to, a new file (-: standard output).")],
    to: Annotated[
        str | None,
        typer.Option(
            help="Solutions as segments (axolotl), labels, trl (token ids), preference, stepwise, processbench or verl."
        ),
    ] = None,
    mask: Annotated[
        str, typer.Option(help="No loss on: none; mistake: the wrong words of what is taken back; step: all of it.")
    ] = "none",
    tokenizer: Annotated[
        Path | None, typer.Option(help="Folder of a tokenizer of transformers; labels and trl need one.")
    ] = None,
    lexicon: Annotated[str | None, typer.Option(help="Of the problems: as for mistakes check.")] = None,
    rule: Annotated[str, typer.Option(help="strict; lenient: reads past the form that chat models write in.")] = (
        "strict"
    ),
    modulus: Annotated[int, typer.Option(help="Of problems whose record has no field 'modulus'.", min=2)] = 23,
    view: Annotated[
        str, typer.Option(help="Of processbench: kept leaves out what was taken back; raw has it, never as an error.")
    ] = "kept",
    end_errors: Annotated[
        str, typer.Option(help="Of processbench, solutions that only end wrongly: drop, or label the last step.")
    ] = "drop",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what cannot be read, as --to processbench always does.")
    ] = False,
    show: Annotated[
        int, typer.Option(help="Show so many solutions with mistakes: what has loss, what has none.", min=0)
    ] = 0,
    as_json: Json = False,
) -> None:
    """A model and its tokenizer for transformers; with --to, solutions for trainers.

    Models: GPT-2 blocks become GPTNeoXForCausalLM, Llama blocks LlamaForCausalLM. Both are loaded there and compared;
    what differs in any token, in the logits or in a greedy generation is deleted again.

    Solutions: a file of `mistakes gen-data`, generations.jsonl.gz of `mistakes eval`, or any that `mistakes check`
    reads. Each is graded. To segments, labels and trl go right ones, with what they take back; to preference, pairs of
    right and wrong ones; to stepwise and processbench, all; to verl, the problems.
    """
    if to is None:
        if source.is_file():
            raise typer.BadParameter(f"{source} is a file; a file of solutions needs --to, such as --to stepwise")
        refuse(context, OF_SOLUTIONS, "without --to")
        export_run(source, out)
        return
    from igsm.text.export import Export
    from igsm.text.tokens import Tokenizer

    refuse(context, UNREAD.get(to, ("view", "end_errors")), f"with --to {to}")
    loaded = None if tokenizer is None else Tokenizer(tokenizer)
    export_solutions(
        source, out, Export(to, mask, loaded, lexicon, rule, modulus, view, end_errors, skip_bad, show), as_json
    )


def export_solutions(file: Path, out: Path, settings: Export, as_json: bool) -> None:
    """Write solutions for trainers, and say what was written and what was left out."""
    from cli.inject import print_sample
    from igsm.errors import InputError
    from igsm.progress import bytes_read
    from igsm.text.export import Exported, export, in_words
    from igsm.text.files import STANDARD
    from igsm.training.signals import leaving_on_request

    if file.is_dir():
        raise InputError(
            f"{file}: a folder; --to takes a file of solutions, such as RUN/eval/CELL/generations.jsonl.gz"
        )
    to_stdout = str(out) == STANDARD
    if to_stdout and as_json:
        raise InputError("- and --json both write to standard output: leave one out")
    done = Exported()
    with (
        leaving_on_request(f"nothing is kept of {out}, which is written whole"),
        bytes_read(str(out)) as show_progress,
    ):
        for done in export(file, out, settings):
            show_progress(done.bytes_read, done.bytes_total)
    for sample in done.samples:
        print_sample(sample, stderr=as_json or to_stdout)
    if as_json:
        hidden = ("samples", "bytes_read", "bytes_total")
        content = {name: value for name, value in vars(done).items() if name not in hidden}
        print_json({"out": str(out), "to": settings.target, "mask": settings.mask, **content})
        return
    words = (
        f"{out}: {done.written:,} rows as {settings.target}, from {done.solutions:,} solutions, {done.wrong:,} wrong"
    )
    if done.tokens:
        words += f"; loss on {done.tokens_with_loss:,} of {done.tokens:,} tokens, at most {done.longest_row:,} a row"
    typer.echo(words + (f"; left out: {in_words(done.left_out)}" if done.left_out else ""), err=to_stdout)


def export_run(run: Path, folder: Path) -> None:
    """Write a run's model and tokenizer for transformers into a new folder, load them there, and compare."""
    from igsm.checkpoints import find_checkpoint
    from igsm.config import build_config
    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import read_vocabulary
    from igsm.errors import InputError
    from igsm.preflight.resources import check_writable
    from igsm.problems.source import ProblemSource
    from igsm.progress import waiting
    from igsm.training.settings import stored_model

    if folder.exists():
        raise InputError(f"{folder}: exists already; choose a new folder")
    check_writable(folder.parent)
    stored_model(str(run)).model.must_be_exportable()
    with waiting("loading torch and transformers"):
        from igsm.model import load_model
        from igsm.model.huggingface import compare, export_model

    model, config = load_model(run)
    data = build_config(DataConfig, config.get("data") or {}, f"{run}, data")
    vocabulary = read_vocabulary(find_checkpoint(run), data.problem, data.vocabulary)
    if data.method.examples(data, vocabulary):
        raise InputError(f"{run}: its prompts hold examples (method {data.method.name}), which no tokenizer writes")
    temporary = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        n_rows = export_model(model, temporary, int(vocabulary.from_gpt2[50256]), len(vocabulary.known))
        write_tokenizer(vocabulary, temporary, n_rows, data.method.prompt)
        source = ProblemSource(data.problem.model_copy(update={"split": "test"}))
        problems = [source.problem(i) for i in range(PROMPTS)]
        prompts = [(problem.text, vocabulary.prompt(problem, data.method.prompt).tolist()) for problem in problems]
        difference = compare(model, temporary, prompts)
        (temporary / "README.md").write_text(README.format(run=run, problem=problems[0].text.lstrip()))
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    print(
        f"{folder}: written and loaded again with transformers; on {PROMPTS} problems the same token ids, logits "
        f"within {difference:.1e}, the same greedy generations\n  next: {folder}/README.md shows how to prompt it"
    )


def write_tokenizer(vocabulary: Vocabulary, folder: Path, n_rows: int, prompt: Sequence[Mark] = ()) -> None:
    """The tokenizer of a vocabulary and a model's ``n_rows`` ids, in the format of the tokenizers library.

    Args:
        prompt: marks behind the prompt.
    """
    from igsm.corpus.vocabulary import split_words
    from igsm.errors import InputError
    from igsm.mistakes.layout import Mark
    from igsm.model.tokenizer import export_tokenizer

    strings = sorted({word for string in vocabulary.table.strings for word in split_words(string)})
    encoded = {word: vocabulary.from_gpt2[vocabulary.encode_text(word)].tolist() for word in strings}
    words = {word: ids for word, ids in encoded.items() if min(ids) >= 0}  # others are newer than the model
    tokens = {i: vocabulary.decode([i]).encode() for ids in words.values() for i in ids}
    unclear = next((word for word, ids in words.items() if b"".join(tokens[i] for i in ids) != word.encode()), None)
    if unclear:
        raise InputError(f"{unclear.strip()!r}: a letter of several tokens; a tokenizer for this cannot be exported")
    marks = {mark.name.lower(): known for mark in Mark if (known := int(vocabulary.from_gpt2[mark])) >= 0}
    behind = [mark.name.lower() for mark in prompt]
    export_tokenizer(words, tokens, marks, folder, len(vocabulary.known), n_rows, behind)
