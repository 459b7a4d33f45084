"""Lineage: runs that go back to one run are pairs; what has nothing in common is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from igsm.grading.metrics import METRICS
from igsm.reporting.lineage import model, of_one_start, origin, paired_by
from igsm.reporting.results import Result, Source, read_results
from igsm.reporting.seeds import compare, over_seeds
from igsm.reporting.table import build_table
from igsm.reporting.text import notes

CELL = "trio_pq:op=6"


@pytest.fixture
def run(make_run) -> Callable[..., Result]:
    """The result of a run that starts from another's weights."""

    def make(name: str, accuracy: float = 0.5, start: Path | str | None = None) -> Result:
        path: Path = make_run(name, {CELL: accuracy}, n=400)
        settings = yaml.safe_load((path / "config.yaml").read_text())
        settings |= {"stage": "finetune", "from": str(start)} if start else {}
        (path / "config.yaml").write_text(yaml.safe_dump(settings))
        (result,) = read_results([Source("row", path)])
        return result

    return make


def test_the_origin_is_found_over_several_starts(run) -> None:
    first = run("first")
    second = run("second", start=first.run / "checkpoints" / "step_10")
    third = run("third", start=second.run)
    assert origin(third) == origin(second) == origin(first) == str(first.run.resolve())


def test_a_start_that_is_gone_is_still_one(run) -> None:
    both = [run(name, start="/nowhere/start") for name in ("a", "b")]
    assert origin(both[0]) == origin(both[1]) == "/nowhere/start"
    assert paired_by(both[:1], both[1:]) is origin


def test_a_shipped_model_is_one_in_every_installation(run) -> None:
    """Guards: fine-tunings of one model, made in two checkouts, taken for those of two."""
    both = [run(name, start=f"/{name}/igsm/trained/error-free") for name in ("a", "b")]
    assert origin(both[0]) == origin(both[1]) == "igsm/trained/error-free"
    assert of_one_start(both)


def test_runs_that_start_from_each_other_end(run) -> None:
    second = run("second")
    settings = yaml.safe_load((second.run / "config.yaml").read_text())
    first = run("first", start=second.run)
    (second.run / "config.yaml").write_text(yaml.safe_dump(settings | {"stage": "finetune", "from": str(first.run)}))
    assert origin(first) == str(second.run.resolve())


def test_models_in_common_pair_before_starts(run) -> None:
    one = run("one")
    assert paired_by([one], [one]) is model
    assert paired_by([one], [run("another")]) is None


def test_two_runs_of_one_start_in_a_row_are_no_pairs(run) -> None:
    """Guards: five trainings from one start counted as one pair, or paired at random."""
    start = run("start")
    rows = [[run(f"{row}{seed}", start=start.run) for seed in range(2)] for row in "ab"]
    assert paired_by(*rows) is None


def test_one_start_in_common_makes_no_pairs(run) -> None:
    """Guards: one shared start among others throws all the other seeds away."""
    start = run("start")
    rows = [[run(f"{row}1", start=start.run), run(f"{row}2")] for row in "ab"]
    assert paired_by(*rows) is None
    assert paired_by(rows[0][:1], rows[1]) is origin


def test_a_table_tests_pairs_of_one_start(run) -> None:
    base, other = [], []
    for seed in range(6):
        start = run(f"start{seed}")
        base.append(run(f"base{seed}", 0.1 + seed / 10, start.run))
        other.append(run(f"other{seed}", 0.2 + seed / 10, start.run))
    found = compare(base, other, METRICS["accuracy"])
    assert found is not None
    assert (found.over, found.p_value, found.sides, found.least) == ("seeds", 2 / 2**6, (6, 6), 2 / 2**6)
    seeds, interval = over_seeds(base, other, METRICS["accuracy"])
    assert seeds == (6, 6)
    assert interval is not None
    assert 0.0 < interval[0] < interval[1] < 0.2


def test_a_table_says_whose_seeds_go_on_from_one_model(run) -> None:
    """Guards: the spread of fine-tuning one model read as that of training models."""
    start = run("start")
    rows = [replace(run(f"{row}{seed}", start=start.run), row=row) for seed in range(2) for row in ("a", "b")]
    own = [replace(run(f"own{seed}"), row="own") for seed in range(2)]
    one, some = (" ".join(notes(build_table(found, METRICS["accuracy"]))) for found in (rows, [*rows, *own]))
    assert "Of all rows, all seeds are fine-tuned from one model" in one
    assert "Of a, b, all seeds are fine-tuned from one model" in some
    assert "one model" not in " ".join(notes(build_table(own, METRICS["accuracy"])))


def test_a_table_says_what_five_pairs_cannot_show(run) -> None:
    """Guards: the least p-value of five seeds against five others, 0.008, said of five pairs."""
    rows = []
    for seed in range(5):
        start = run(f"start{seed}")
        rows += [replace(run(f"{row}{seed}", 0.1 + seed / 10, start.run), row=row) for row in ("base", "other")]
    text = " ".join(notes(build_table(rows, METRICS["accuracy"], baseline="base")))
    assert "With 5 against 5 training seeds no p-value can be below 0.062, 0.062 after the correction" in text
