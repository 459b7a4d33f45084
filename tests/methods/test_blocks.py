"""Blocks of every method whose documents are not plain: the same compiled and not, whatever was made before."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from igsm.corpus.blocks import Generator
from igsm.corpus.config import DataConfig
from igsm.methods.registry import METHODS, make_method
from igsm.mistakes.layout import PLAIN
from igsm.problems.difficulty import ProblemConfig

SETTINGS: list[dict[str, object]] = [
    {"name": "fix", "delay": 2},
    {"name": "fix", "delay": "end", "share": 1.0},
    {"name": "restart", "share_fix": 0.25},
    {"name": "restart", "first": "right", "share": 1.0},
    {"name": "correct", "share": 0.5},
    {"name": "tagged", "tags": "kinds", "judged": 0.2},
    {"name": "hindsight", "feedback": "verbal", "order": "other"},
    {"name": "turns", "failed": 0.2},
    {"name": "in_context", "strategy": "explicit"},
    {"name": "in_context", "strategy": "cot"},
]


def config(settings: dict[str, object]) -> DataConfig:
    problem = ProblemConfig(difficulty="easy")
    return DataConfig(problem=problem, context=512, windows_per_block=4, method=make_method(settings))


def digests() -> list[str]:
    """Of block 1 of each, made after another block by the same generator."""
    found = []
    for settings in SETTINGS:
        generator = Generator(config(settings))
        generator.block(7)
        made = generator.block(1)
        found.append(hashlib.sha256(made.tokens.tobytes() + made.roles.tobytes()).hexdigest()[:16])
    return found


def test_all_methods_with_documents_of_their_own_are_here() -> None:
    own = {name for name, method in METHODS.items() if method().layout() != PLAIN}
    assert own == {settings["name"] for settings in SETTINGS}


def test_compiled_equals_plain_and_blocks_depend_on_nothing_before() -> None:
    fresh = []
    for settings in SETTINGS:
        made = Generator(config(settings)).block(1)
        fresh.append(hashlib.sha256(made.tokens.tobytes() + made.roles.tobytes()).hexdigest()[:16])
    assert digests() == fresh
    assert len(set(fresh)) == len(SETTINGS)
    code = "from tests.methods.test_blocks import digests; print(*digests())"
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == fresh
