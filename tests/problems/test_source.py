"""Problems by index, and the settings that name a stream of them."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from igsm.config import build_config
from igsm.errors import InputError
from igsm.problems import record as r
from igsm.problems.difficulty import DIFFICULTIES, ProblemConfig, max_possible_op
from igsm.problems.sampler import CHUNK
from igsm.problems.source import ProblemSource
from tests.problems.drawn import drawn, identity


def test_a_problem_is_a_pure_function_of_seed_settings_and_index() -> None:
    """Bug guarded: a problem that depends on which ones were asked for before, across chunks."""
    indices = [0, 700, CHUNK - 1, CHUNK, 3, 700, 2 * CHUNK, 0]
    jumping = ProblemSource(ProblemConfig(), seed=5)
    found = [identity(jumping.record(i)) for i in indices]
    ascending = ProblemSource(ProblemConfig(), seed=5)
    expected = {i: identity(ascending.record(i)) for i in sorted(set(indices))}
    assert found == [expected[i] for i in indices]


def test_a_returned_record_is_not_overwritten() -> None:
    """Bug guarded: a view into the chunk's buffer."""
    source = ProblemSource(ProblemConfig(), seed=5)
    first = source.record(0)
    before = identity(first)
    for chunk in range(1, 5):
        source.record(chunk * CHUNK)
    assert identity(first) == before


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"seed": -1}, {"seed": 0, "split": "test"}, {"seed": 0, "max_edge": 19}]
)
def test_two_streams_share_no_problem(other: dict[str, Any]) -> None:
    """Bug guarded: Random(seed + index): neighbouring seeds are shifted copies; a stream name without the split."""
    first = {identity(record) for record in drawn(3000, seed=0)}
    settings = {key: value for key, value in other.items() if key != "seed"}
    second = {identity(record) for record in drawn(3000, seed=other["seed"], **settings)}
    assert len(first) == len(second) == 3000
    assert not first & second


@pytest.mark.parametrize(
    "mistakes",
    [{"kind": "retry", "retry_rate": 0.5}, {"kind": "retry_weak", "retry_rate": 0.2, "error_free_share": 0.3}],
)
def test_mistakes_leave_the_problems_as_they_are(mistakes: dict[str, Any]) -> None:
    """Bug guarded: mistakes drawn from the problems' stream, so that an error-free corpus cannot be paired with one."""
    plain, wrong = (ProblemSource(ProblemConfig(**settings), seed=2) for settings in ({}, mistakes))
    n_mistakes = 0
    for i in range(60):
        assert identity(plain.record(i)) == identity(wrong.record(i))
        n_mistakes += len(wrong.document(i).spans)
        assert plain.document(i).spans == ()
        assert wrong.document(i).problem_text == plain.document(i).problem_text
    assert n_mistakes > 20


def test_error_free_share_is_the_share_of_documents_without_mistakes() -> None:
    """Bug guarded: a share applied to steps, or in the wrong sense."""
    config = ProblemConfig(op=15, kind="retry", retry_rate=0.9, error_free_share=0.75)
    source = ProblemSource(config, seed=3)
    free = sum(not source.document(i).spans for i in range(400))
    assert 0.66 < free / 400 < 0.84


def test_question_stands_where_the_format_says() -> None:
    """Bug guarded: pq and qp exchanged."""
    for format_, first in (("pq", False), ("qp", True)):
        document = ProblemSource(ProblemConfig(format=format_), seed=1).document(0)
        assert document.problem_text.startswith(" How many") == first
        assert document.problem_text.endswith("?") != first


def test_one_problem_is_quick() -> None:
    """Bug guarded: a whole chunk made for one problem."""
    ProblemSource(ProblemConfig(op=20, split="test"), seed=1).record(0)  # compiled by now
    start = time.perf_counter()
    ProblemSource(ProblemConfig(op=20, split="test"), seed=2).record(CHUNK + 10)
    assert time.perf_counter() - start < 0.25  # 50 ms on a free core


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"difficulty": "mde"}, "did you mean 'med'"),
        ({"kind": "rety"}, "did you mean 'retry'"),
        ({"retry_rate": 1.0}, r"retry_rate must be in \[0, 1\)"),
        ({"retry_rate": -0.1}, r"retry_rate must be in \[0, 1\)"),
        ({"op": 0}, "op"),
        ({"op": 500}, "at most"),
        ({"difficulty": "nano", "op": 200}, "at most"),
        ({"split": "validation"}, "split"),
        ({"depths": [5]}, "depths"),
        ({"widths": [3, 2]}, "widths"),
        ({"max_edge": 48}, "parameters"),
        ({"modulus": 1}, "modulus"),
        ({"modulus": 29}, "modulus"),
        ({"n_symbols": 53}, "n_symbols"),
        ({"op": 9, "n_symbols": 8}, r"op=9 .*at most 8"),
        ({"n_symbols": 8}, r"max_op=15 .*at most 8"),
        ({"difficulty": "nano", "max_op": 20}, r"max_op=20 .*at most"),
        ({"retry_rate": 0.5}, "kind and retry_rate go together: kind 'none'"),
        ({"kind": "retry"}, "kind and retry_rate go together: kind 'retry'"),
        ({"dificulty": "med"}, "did you mean 'difficulty'"),
    ],
)
def test_bad_settings_get_one_clear_line(settings: dict[str, Any], message: str) -> None:
    """Bug guarded: a bad value that is silently used, or a traceback."""
    with pytest.raises(InputError, match=message) as caught:
        build_config(ProblemConfig, settings, "options")
    assert "\n" not in str(caught.value)


def test_a_lexicon_that_is_too_small_is_refused(tmp_path: Path) -> None:
    """Bug guarded: an endless loop over distinct names when a group has fewer than a layer needs."""
    path = tmp_path / "names.json"
    names = {"Zoo": {"zoos": ["Old Zoo", "New Zoo"]}, "Pen": {"pens": ["Left Pen", "Right Pen", "Far Pen"]}}
    path.write_text(json.dumps({"chains": [["Zoo", "Pen"]], "categories": names}))
    fitting = {"difficulty": "nano", "lexicon": str(path), "depths": (2,), "widths": (2,)}
    assert ProblemSource(ProblemConfig(**fitting)).record(0).head[r.DEPTH] == 2
    with pytest.raises(InputError, match="2 names"):
        ProblemSource(ProblemConfig(**fitting | {"widths": (3,)}))
    with pytest.raises(InputError, match="2 categories"):
        ProblemSource(ProblemConfig(**fitting | {"depths": (3,)}))


def test_problems_do_not_depend_on_the_names() -> None:
    """Bug guarded: a stream keyed by the path of a lexicon file, which differs from machine to machine."""
    assert ProblemConfig(lexicon="full").stream_name == ProblemConfig(lexicon="/a/b.json").stream_name
    assert ProblemConfig().stream_name != ProblemConfig(reask="loose").stream_name
    assert ProblemConfig(op=9).stream_name == ProblemConfig(op=9, max_op=30).stream_name


def test_no_problem_has_more_operations_than_the_bound() -> None:
    """Bug guarded: a bound that refuses what exists."""
    for name, problem_class in DIFFICULTIES.items():
        most = max(int(record.head[r.OP]) for record in drawn(500, difficulty=name))
        assert most <= problem_class.max_op <= max_possible_op(problem_class)
    small = {"difficulty": "easy", "depths": (2,), "widths": (2,)}
    bound = max_possible_op(ProblemConfig(**small, max_op=3).problem_class)
    most = 0
    with contextlib.suppress(InputError):
        for op in range(1, bound + 1):
            ProblemSource(ProblemConfig(**small, op=op)).record(0)
            most = op
    assert 4 < most < bound
