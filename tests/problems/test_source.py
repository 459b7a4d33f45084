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
from igsm.mistakes.source import DocumentSource
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


def test_question_stands_where_the_format_says() -> None:
    """Bug guarded: pq and qp exchanged."""
    for format_, first in (("pq", False), ("qp", True)):
        document = DocumentSource(ProblemConfig(format=format_), seed=1).document(0)
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
