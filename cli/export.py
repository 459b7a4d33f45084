"""`mistakes export`: a model for other people's tools."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from igsm.corpus.vocabulary import Vocabulary

PROMPTS = 4


def command(
    run: Annotated[Path, typer.Argument(help="Run folder or checkpoint.")],
    out: Annotated[Path, typer.Argument(help="New folder.")],
) -> None:
    """Write a model and its tokenizer for transformers.

    GPT-2 blocks become GPTNeoXForCausalLM, Llama blocks LlamaForCausalLM. Both are loaded there and compared; what
    differs in any token, in the logits or in a greedy generation is deleted again.

    Problems for other trainers: `mistakes gen-data --out FILE.jsonl`, FILE.chat.jsonl or FILE.parquet.
    """
    export_run(run, out)


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
