"""`mistakes findings`: two ways of training in plain words, and never surer than its training seeds allow."""

from __future__ import annotations

import io
import json
import shutil

import pytest
import yaml
from rich.console import Console

from cli.findings import show
from igsm.errors import InputError
from igsm.reporting import lineage
from igsm.reporting.findings import find
from igsm.reporting.report import ReportRequest
from igsm.reporting.results import Source

SEEN, FIRST, SECOND = "trio_pq:op<=5 seen", "trio_pq:op=6", "trio_pq:op=7"


def request(make_run, base: dict[int, float], other: dict[int, float]) -> ReportRequest:
    """Seed -> accuracy out of distribution, of each side."""
    sources = []
    for row, rate, seeds in (("original", 0.0, base), ("retry 0.2", 0.2, other)):
        for seed, accuracy in seeds.items():
            cells = {SEEN: 0.95, FIRST: accuracy, SECOND: accuracy}
            kind = "retry" if rate else "none"
            run = make_run(f"{row} {seed}", cells, kind=kind, rate=rate, seed=seed, n=200)
            sources.append(Source(row, run, seed))
    return ReportRequest("Demo", sources, baseline="original", columns=(SEEN, FIRST, SECOND))


def test_two_seeds_are_not_sold_as_settled(make_run) -> None:
    """Guards: a demo of one or two runs a side that says more than it can know."""
    found = find(request(make_run, {1: 0.4, 2: 0.45}, {1: 0.7, 2: 0.75}))
    assert found.harder == [FIRST, SECOND]
    assert "6 to 7 operations" in found.sentence
    assert found.sentence.endswith("points more.")
    assert found.certainty.startswith("Not settled: every run of one side is ahead")
    assert "no difference could be surer" in found.certainty


def test_many_seeds_settle_it(make_run) -> None:
    base = {seed: 0.35 + seed / 100 for seed in range(1, 6)}
    found = find(request(make_run, base, {seed: value + 0.3 for seed, value in base.items()}))
    assert found.p_value == pytest.approx(2 / 252)
    assert found.certainty == "Chance in training would do this in 0.79 % of cases (5 training runs a side)."


def test_a_loss_is_a_loss(make_run) -> None:
    """Guards: a sentence written for the result one hopes for."""
    found = find(request(make_run, {1: 0.7}, {1: 0.4}))
    assert found.sentence.endswith("points fewer.")
    assert "Not settled" in found.certainty


def test_the_screen_is_whole_at_80_columns(make_run) -> None:
    found = find(request(make_run, {1: 0.4, 2: 0.45}, {1: 0.7, 2: 0.75}))
    text = io.StringIO()
    show(found, "Models learn sums.", Console(file=text, width=80))
    screen = text.getvalue()
    assert max(map(len, screen.splitlines())) <= 80
    assert "op=6 (harder than trained)" in screen
    assert "<- not computable yet" in screen
    assert "~ Define Green Barn's <Hen> as BACK." in screen
    content = found.content()
    assert content["seeds"] == {"original": [1, 2], "retry 0.2": [1, 2]}
    assert set(content["accuracy"]["original"]) == {SEEN, FIRST, SECOND}


def test_runs_of_one_start_are_tested_in_pairs(make_run) -> None:
    """Guards: the spread of the starts counted against a difference that every pair shows."""
    base = {seed: 0.2 + seed / 20 for seed in range(1, 8)}
    made = request(make_run, base, {seed: value + 0.06 for seed, value in base.items()})
    assert find(made).p_value > 0.1
    for source in made.sources:
        config = source.run / "config.yaml"
        settings = yaml.safe_load(config.read_text()) | {"stage": "finetune", "from": f"/starts/{source.seed}"}
        config.write_text(yaml.safe_dump(settings))
    lineage._origin.cache_clear()
    found = find(made)
    assert found.p_value == pytest.approx(2 / 2**7)
    assert found.certainty.endswith("1.6 % of cases (7 training runs a side, in pairs of one start).")


def test_seeds_of_one_start_say_nothing_of_others(make_run) -> None:
    made = request(make_run, dict.fromkeys(range(1, 6), 0.2), dict.fromkeys(range(1, 6), 0.6))
    for source in made.sources:
        config = source.run / "config.yaml"
        settings = yaml.safe_load(config.read_text()) | {"stage": "finetune", "from": "/starts/the-one"}
        config.write_text(yaml.safe_dump(settings))
    lineage._origin.cache_clear()
    said = "(5 fine-tuning runs a side). All go on from one model: of others it says nothing."
    assert find(made).certainty.endswith(said)


def test_two_sides_alike_are_not_fewer(make_run) -> None:
    assert find(request(make_run, {1: 0.0}, {1: 0.0})).sentence.endswith(
        "solved 0.0 %, models that had seen right solutions only 0.0 %: no difference."
    )


def test_a_cell_without_a_common_seed_is_one_line(make_run) -> None:
    made = request(make_run, {1: 0.4, 2: 0.4}, {1: 0.7})
    for seed, cell in ((1, FIRST), (2, SECOND)):
        (folder,) = (made.sources[seed - 1].run / "eval").glob(f"{cell}-*")
        shutil.rmtree(folder)
    with pytest.raises(InputError, match="original: no training seed has been evaluated on all of trio_pq:op=6"):
        find(made)


def test_nothing_to_compare_is_one_line(make_run) -> None:
    with pytest.raises(InputError, match="run the sweep first"):
        find(request(make_run, {1: 0.4}, {}))


def test_a_needless_retry_is_not_shown_as_a_mistake_that_was_noticed(make_run) -> None:
    """Guards: a step that could be computed, taken back for no reason, as the example of what was learned."""
    made = request(make_run, {1: 0.4}, {1: 0.7})
    heading = "retry 0.2: a mistake is noticed and taken back"
    assert heading in [example.heading for example in find(made).examples]
    for path in made.sources[-1].run.glob("eval/*/verdicts.jsonl"):
        verdicts = [json.loads(line) for line in path.read_text().splitlines()]
        for verdict in verdicts:
            verdict["needlessly_taken_back"] = verdict["taken_back"]
        path.write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    assert heading not in [example.heading for example in find(made).examples]
