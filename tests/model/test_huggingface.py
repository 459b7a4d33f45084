"""What transformers loads computes what this package computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cli.export import ids_in_use, write_tokenizer
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig
from igsm.model.huggingface import compare, export_model, greedy
from igsm.problems.difficulty import ProblemConfig
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
    write_tokenizer(vocabulary, tmp_path, export_model(model, tmp_path, end, ids_in_use(vocabulary)))
    source = ProblemSource(PROBLEM)
    prompts = [(source.problem(i).text, vocabulary.prompt(source.problem(i)).tolist()) for i in range(3)]
    assert compare(model, tmp_path, prompts, new_tokens=8) < 1e-2
    other = sharp_model(**settings)
    other.blocks[1].attention.qkv.weight.data[:16] += 0.1
    with pytest.raises(InputError, match="differ"):
        compare(other, tmp_path, prompts, new_tokens=2)


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


@pytest.mark.parametrize("settings", [{"qk_norm": True}, {"canon": "A"}], ids=str)
def test_what_transformers_lacks_is_refused(settings: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=next(iter(settings))):
        export_model(sharp_model(**settings), tmp_path, 0)


def test_greedy_takes_the_most_likely() -> None:
    model = sharp_model()
    sequence = greedy(model, [1, 2], 3)
    assert sequence[:2] == [1, 2]
    assert sequence[4] == int(model(torch.tensor([sequence[:4]]))[0, -1].argmax())
