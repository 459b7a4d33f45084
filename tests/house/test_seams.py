"""What grows is one file each: no other source knows a kind, a method or a decoder by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from igsm.decoding.decoders import DECODERS
from igsm.methods.registry import METHODS
from igsm.mistakes.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {path: path.read_text() for room in ("igsm", "cli") for path in sorted((ROOT / room).rglob("*.py"))}
# retry is a method's name, too; retry_weak has a setting of its own; step probes ask about the two oldest whole steps.
KNOWN_ELSEWHERE = {"none", "retry", "retry_weak", "wrong_result", "wrong_operand"}


def naming(word: str, *but: str) -> set[str]:
    """Sources that hold the word, without those of rooms that mean something else by it."""
    found = (path.relative_to(ROOT).as_posix() for path, text in SOURCES.items() if re.search(rf"\b{word}\b", text))
    return {path for path in found if not path.startswith(but)}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - KNOWN_ELSEWHERE))
def test_a_kind_is_a_file_and_the_list(kind: str) -> None:
    """Guards: a kind of mistake that cuts through several files again."""
    # a metric of verdicts and a planted sentence have this name
    others = ["igsm/grading/metrics.py", "igsm/evaluation/planted.py"] if kind == "not_computable" else []
    assert naming(kind, *others) == {f"igsm/mistakes/{kind}.py", "igsm/mistakes/kinds.py"}


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"retry"}))
def test_a_method_is_known_in_its_room_only(name: str) -> None:
    module = re.escape(f"igsm.methods.{name}")
    assert naming(module, "igsm/methods/") == set()  # a method may build on another
    assert "igsm/methods/registry.py" in naming(module)


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.__name__)
def test_a_decoder_is_known_in_its_folder_only(decoder: type) -> None:
    module = re.escape(decoder.__module__)
    assert naming(module, "igsm/decoding/decoders/") == set()
    assert naming(module) >= {"igsm/decoding/decoders/__init__.py"}
