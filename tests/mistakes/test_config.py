"""Settings of mistakes: what is refused, what keys were called before, and what they leave as it is."""

from __future__ import annotations

from typing import Any

import pytest

from igsm.config import build_config
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from tests.problems.drawn import identity


@pytest.mark.parametrize(
    "mistakes",
    [{"kind": "retry", "rate": 0.5}, {"kind": "retry_weak", "rate": 0.2, "error_free_share": 0.3}],
)
def test_mistakes_leave_the_problems_as_they_are(mistakes: dict[str, Any]) -> None:
    """Bug guarded: mistakes drawn from the problems' stream, so that an error-free corpus cannot be paired with one."""
    plain, wrong = (DocumentSource(ProblemConfig(), MistakeConfig(**settings), 2) for settings in ({}, mistakes))
    n_mistakes = 0
    for i in range(60):
        assert identity(plain.record(i)) == identity(wrong.record(i))
        n_mistakes += len(wrong.document(i).spans)
        assert plain.document(i).spans == ()
        assert wrong.document(i).problem_text == plain.document(i).problem_text
    assert n_mistakes > 20


def test_error_free_share_is_the_share_of_documents_without_mistakes() -> None:
    """Bug guarded: a share applied to steps, or in the wrong sense."""
    mistakes = MistakeConfig(kind="retry", rate=0.9, error_free_share=0.75)
    source = DocumentSource(ProblemConfig(op=15), mistakes, seed=3)
    free = sum(not source.document(i).spans for i in range(400))
    assert 0.66 < free / 400 < 0.84


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "rety"}, "did you mean 'retry'"),
        ({"rate": 1.0}, "rate must be at least 0 and below 1, not 1"),
        ({"rate": -0.1}, "rate must be at least 0 and below 1, not -0.1"),
        ({"rate": 0.5}, "kind and rate go together: kind 'none'"),
        ({"kind": "retry"}, "kind and rate go together: kind 'retry'"),
        ({"error_free_share": 1.5}, "error_free_share"),
    ],
)
def test_bad_settings_get_one_clear_line(settings: dict[str, Any], message: str) -> None:
    """Bug guarded: a bad value that is silently used, or a traceback."""
    with pytest.raises(InputError, match=message) as caught:
        build_config(MistakeConfig, settings, "options")
    assert "\n" not in str(caught.value)
