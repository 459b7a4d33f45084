"""What transformers loads computes what this package computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cli.export import write_tokenizer
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.errors import InputError
from igsm.mistakes.layout import Mark
from igsm.model import GPT, ModelConfig
from igsm.model.huggingface import compare, export_model, greedy
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon
from igsm.problems.source import ProblemSource

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")

PROBLEM = ProblemConfig(difficulty="easy", split="test")


def sharp_model(**settings: Any) -> GPT:
    """Random weights, large enough that attention and rotation matter."""
    size = load_vocabulary(PROBLEM).size
    torch.manual_seed(0)
    model = GPT(ModelConfig(layers=2, heads=2, head_size=16, vocabulary_size=size, **settings)).eval()
    for parameter in model.parameters():
        parameter.data = parameter.data * 5 + 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("settings", [{"rotary_base": 500.0}, {"architecture": "llama", "tied": False}], ids=str)
def test_the_exported_model_is_the_model(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Guards trap 11: rotary_pct's default of 0.25, fused weights not regrouped, gelu instead of gelu_new."""
    model = sharp_model(**settings)
    vocabulary = load_vocabulary(PROBLEM)
    end = int(vocabulary.from_gpt2[50256])
    write_tokenizer(vocabulary, tmp_path, export_model(model, tmp_path, end, len(vocabulary.known)))
    source = ProblemSource(PROBLEM)
    prompts = [(source.problem(i).text, vocabulary.prompt(source.problem(i)).tolist()) for i in range(3)]
    assert compare(model, tmp_path, prompts, new_tokens=8) < 1e-2
    other = sharp_model(**settings)
    other.blocks[1].attention.qkv.weight.data[:16] += 0.1
    with pytest.raises(InputError, match="differ"):
        compare(other, tmp_path, prompts, new_tokens=2)


def test_marks_of_a_method_are_in_the_prompt_and_are_read_again(tmp_path: Path) -> None:
    """Guards: a model that is asked without its tag, and a restart that reads "<|unused 134|>" and is no restart."""
    from transformers import AutoTokenizer

    marks = (Mark.GOOD, Mark.BAD, Mark.RESTART)
    vocabulary = load_vocabulary(PROBLEM, marks=frozenset(marks))
    write_tokenizer(vocabulary, tmp_path, vocabulary.size + 2, (Mark.GOOD,))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    problem = ProblemSource(PROBLEM).problem(0)
    assert tokenizer(problem.text)["input_ids"] == vocabulary.prompt(problem, (Mark.GOOD,)).tolist()
    ids = [*vocabulary.from_gpt2[list(marks)], int(vocabulary.from_gpt2[Mark.END])]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<|good|><|bad|><|restart|>"


def test_every_word_keeps_its_ids(tmp_path: Path) -> None:
    """Guards: words of several tokens split at other places, or decoded with other spaces."""
    from transformers import AutoTokenizer

    vocabulary = load_vocabulary(PROBLEM)
    write_tokenizer(vocabulary, tmp_path, vocabulary.size + 2)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    strings = [string for string in vocabulary.table.strings if string]
    expected = [vocabulary.from_gpt2[vocabulary.encode_text(string)].tolist() for string in strings]
    assert tokenizer(strings, add_special_tokens=False)["input_ids"] == expected
    assert tokenizer.batch_decode(expected) == strings


def test_words_newer_than_the_model_are_unknown(tmp_path: Path) -> None:
    """Guards an old model's export: a word that it has no id for is an unknown one, and has no negative id."""
    from transformers import AutoTokenizer

    known = load_vocabulary(PROBLEM).known
    newer = int(load_vocabulary(PROBLEM).encode_text(" How")[0])
    vocabulary = Vocabulary(load_lexicon("full"), ids=[i for i in known if i != newer])
    write_tokenizer(vocabulary, tmp_path, len(known) + 1)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(known) + 1))
    many, how = tokenizer(" many How", add_special_tokens=False)["input_ids"]
    assert (how, tokenizer.decode([many])) == (tokenizer.unk_token_id, " many")


def test_a_model_with_too_few_rows_is_refused(tmp_path: Path) -> None:
    """Guards rows made up for ids that the model was never trained on."""
    model = sharp_model()
    with pytest.raises(InputError, match=r"the model knows \d+ ids, its data's vocabulary has \d+"):
        export_model(model, tmp_path, 0, model.embedding.num_embeddings + 1)


@pytest.mark.parametrize("settings", [{"qk_norm": True}, {"canon": "A"}], ids=str)
def test_what_transformers_lacks_is_refused(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        export_model(sharp_model(**settings), tmp_path, 0)


def test_greedy_takes_the_most_likely() -> None:
    model = sharp_model()
    sequence = greedy(model, [1, 2], 3)
    assert sequence[:2] == [1, 2]
    assert sequence[4] == int(model(torch.tensor([sequence[:4]]))[0, -1].argmax())
