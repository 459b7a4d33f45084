"""Claims: a verdict says no more than the training seeds allow, and as much."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from cli.findings import claims_markdown, show_claims
from igsm.config import build_config
from igsm.errors import InputError
from igsm.reporting.claims import Claim, Judged, check_rows, judge
from igsm.reporting.results import Source, read_results
from igsm.significance import paired_permutation_test

CELLS = ("trio_pq:op=6", "trio_pq:op=7")
FIVE = range(1, 6)


def claim(**changes: object) -> Claim:
    content = {"result": "Result 2", "says": "retry helps", "row": "retry 0.2", "against": "original"}
    content |= {"cells": ["op=6", "op=7"], "expect": "higher"}
    return build_config(Claim, content | changes, "claim")


def sources(make_run, **rows: dict[int, float]) -> list[Source]:
    """Row -> seed -> accuracy, the mean of op=6 and op=7, which is 0.2 below."""
    found = []
    for name, seeds in rows.items():
        for seed, accuracy in seeds.items():
            cells = {CELLS[0]: accuracy + 0.1, CELLS[1]: accuracy - 0.1}
            run = exact(make_run(f"{name} {seed} {accuracy:.4f}", cells, seed=seed, n=200), cells)
            found.append(Source(name, run, seed))
    return found


def exact(run: Path, cells: dict[str, float]) -> Path:
    """As many verdicts of each cell right as its accuracy says."""
    for cell, accuracy in cells.items():
        path = run / "eval" / f"{cell}-greedy" / "verdicts.jsonl"
        verdicts = [json.loads(line) for line in path.read_text().splitlines()]
        for i, verdict in enumerate(verdicts):
            verdict["correct"] = i < round(accuracy * len(verdicts))
        path.write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    return run


def one(make_run, base: dict[int, float], other: dict[int, float], **changes: object) -> Judged:
    rows = read_results(sources(make_run, original=base, retry=other))
    (found,) = judge([claim(row="retry", **changes)], rows)
    return found


def test_a_difference_over_five_seeds_is_shown(make_run) -> None:
    found = one(make_run, {seed: 0.3 + seed / 100 for seed in FIVE}, {seed: 0.5 + seed / 100 for seed in FIVE})
    assert found.verdict == "shown"
    assert found.p_value == found.adjusted == pytest.approx(2 / 252)
    assert found.numbers().startswith("33.0 to 53.0 (+20.0; +")
    low, high = found.interval or (0, 0)
    # Welch: 0.2 -+ t(8) * sqrt(2 * variance / 5), variance of 0.01 .. 0.05
    assert (high - low) / 2 == pytest.approx(2.306 * (2 * 0.00025 / 5) ** 0.5, rel=1e-3)


def test_the_wrong_direction_refutes(make_run) -> None:
    """Guards: a verdict that looks at the p-value alone."""
    found = one(make_run, {seed: 0.5 + seed / 100 for seed in FIVE}, {seed: 0.3 + seed / 100 for seed in FIVE})
    assert found.verdict == "refuted"


def test_four_seeds_settle_nothing(make_run) -> None:
    found = one(make_run, dict.fromkeys(range(1, 5), 0.3), dict.fromkeys(range(1, 5), 0.6))
    assert (found.verdict, found.why) == ("undecided", "4 training seeds; 5 a side are needed")


@pytest.mark.parametrize(
    ("ahead", "margin", "verdict"), [(0.005, 0.05, "shown"), (0.005, 0.02, "undecided"), (0.2, 0.05, "refuted")]
)
def test_alike_needs_an_interval_inside_the_margin(make_run, ahead: float, margin: float, verdict: str) -> None:
    """Guards: no difference found taken for none there."""
    base = {seed: 0.4 + seed / 100 for seed in FIVE}
    other = {seed: value + ahead for seed, value in base.items()}
    assert one(make_run, base, other, expect="alike", margin=margin).verdict == verdict


def test_a_bound_is_held_against_the_interval_of_one_row(make_run) -> None:
    rows = read_results(sources(make_run, retry={seed: 0.4 + seed / 100 for seed in FIVE}))
    low = claim(row="retry", against=None, expect="at_least", value=0.38)
    high = claim(row="retry", against=None, expect="at_most", value=0.38)
    near = claim(row="retry", against=None, expect="at_most", value=0.43)
    assert [found.verdict for found in judge([low, high, near], rows)] == ["shown", "refuted", "undecided"]


def test_seeds_without_all_cells_do_not_count(make_run) -> None:
    """Guards: the mean of one seed's easy cell beside another's two."""
    found = sources(make_run, original=dict.fromkeys(FIVE, 0.3), retry=dict.fromkeys(FIVE, 0.5))
    found.append(Source("retry", make_run("half", {CELLS[0]: 0.9}, seed=6, n=200), 6))
    (judged,) = judge([claim(row="retry")], read_results(found))
    assert sorted(judged.row) == [*FIVE]


def test_two_rows_are_compared_on_the_problems_that_both_have(make_run) -> None:
    """Guards: a row that has been extended to more problems, harder or easier ones, taken for better or worse."""
    rows = sources(make_run, original=dict.fromkeys(FIVE, 0.5), retry=dict.fromkeys(FIVE, 0.5))
    for source in rows:
        if source.row == "retry":  # of the first 100 problems, which all have, the first 60 and 40 are right in both
            for cell in CELLS:
                folder = source.run / "eval" / f"{cell}-greedy"
                lines = (folder / "verdicts.jsonl").read_text().splitlines()
                (folder / "verdicts.jsonl").write_text("\n".join(lines[:100]) + "\n")
                summary = json.loads((folder / "summary.json").read_text())
                (folder / "summary.json").write_text(json.dumps(summary | {"n": 100}))
    (found,) = judge([claim(row="retry")], read_results(rows))
    assert found.problems == found.content()["problems_a_cell"] == 100
    assert found.row == found.against


def test_holm_counts_all_claims_that_are_tested(make_run) -> None:
    base, other = {seed: 0.3 + seed / 100 for seed in FIVE}, {seed: 0.5 + seed / 100 for seed in FIVE}
    rows = read_results(sources(make_run, original=base, retry=other))
    many = judge([claim(row="retry")] * 7 + [claim(row="retry", expect="alike", margin=0.1)], rows)
    assert many[0].adjusted == pytest.approx(7 * 2 / 252)
    assert many[0].verdict == "undecided"


def test_decoders_of_one_model_are_paired_by_seed(make_run) -> None:
    """Guards: two decoders of the same five models tested as ten models."""
    found = []
    for seed in FIVE:
        run = make_run(f"run{seed}", dict.fromkeys(CELLS, seed / 10), seed=seed, n=200)
        found.append(Source("original", run, seed))
        found.append(Source("again", run, seed))
    (judged,) = judge([claim(row="again", expect="alike", margin=0.01)], read_results(found))
    assert judged.interval == (0.0, 0.0)
    assert judged.verdict == "shown"


def test_a_claim_over_two_families_is_the_mean_of_both(make_run) -> None:
    """Guards: such claims called "not run" for ever; a seed that has one family only counted beside those of both."""
    cells = ["trio_pq:op=6", "trio_qp:op=6"]
    found = []
    for row, more in (("original", 0.0), ("retry", 0.2)):
        for seed in FIVE:
            values = dict.fromkeys(cells[: 1 if (row, seed) == ("retry", 5) else 2], 0.3 + more)
            found.append(Source(row, exact(make_run(f"{row}{seed}", values, seed=seed, n=200), values), seed))
    (judged,) = judge([claim(row="retry", cells=["op=6"])], read_results(found))
    assert judged.row == pytest.approx(dict.fromkeys(range(1, 5), 0.5))
    assert judged.against == pytest.approx(dict.fromkeys(FIVE, 0.3))


def test_a_claim_about_a_decoder_is_not_judged_on_another(make_run) -> None:
    """Guards: a claim judged, and shown, at the only decoder measured, as one on first mistakes at all parameters."""
    runs = [make_run(f"run{seed}", dict.fromkeys(CELLS, 0.9), seed=seed, decoders=("beam4",)) for seed in FIVE]
    rows = read_results([Source("original", run, seed) for seed, run in zip(FIVE, runs, strict=True)])
    bound = {"row": "original", "against": None, "expect": "at_least", "value": 0.1}
    other, only = judge([claim(**bound, decoder="greedy"), claim(**bound)], rows)
    assert (other.verdict, only.verdict) == ("not run", "shown")


def tuned(make_run, seeds: int, gain: float) -> list[Source]:
    """Two ways to go on from each of so many runs, one always better by the same, of very different starts."""
    found = []
    for seed in range(1, seeds + 1):
        start = make_run(f"start{seed}", dict.fromkeys(CELLS, 0.5), seed=seed)
        for row, more in (("original", 0.0), ("retry", gain)):
            one = sources(make_run, **{row: {seed: 0.2 + seed / 20 + more}})[0]
            settings = yaml.safe_load((one.run / "config.yaml").read_text()) | {"stage": "finetune", "from": str(start)}
            (one.run / "config.yaml").write_text(yaml.safe_dump(settings))
            found.append(one)
    return found


def test_runs_of_the_same_starts_are_paired(make_run) -> None:
    """Guards: a gain at every start drowns in the spread of the starts."""
    (judged,) = judge([claim(row="retry")], read_results(tuned(make_run, 7, 0.03)))
    assert judged.p_value == 2 / 2**7
    assert judged.interval == pytest.approx((0.03, 0.03), abs=0.01)
    assert judged.verdict == "shown"


def test_seeds_of_one_start_are_no_pairs_and_are_told(make_run) -> None:
    """Guards: five fine-tunings of one model shown as if five models had been tried."""
    found = tuned(make_run, 5, 0.03)
    for one in found:
        config = one.run / "config.yaml"
        config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"from": "/nowhere/error-free"}))
    (judged,) = judge([claim(row="retry")], read_results(found))
    assert judged.one_start
    assert judged.least == pytest.approx(2 / 252)
    assert judged.why.endswith("5 seeds a side, all from one model")


def test_a_claim_that_cannot_be_settled_costs_the_others_nothing(make_run) -> None:
    rows = read_results(tuned(make_run, 7, 0.03))
    few = [replace(one, row=f"{one.row} of five") for one in rows if one.seed is not None and one.seed <= 5]
    short = claim(row="retry of five", against="original of five")
    judged = judge([claim(row="retry"), short, short, short], [*rows, *few])
    assert judged[0].adjusted == judged[0].p_value
    assert [one.verdict for one in judged] == ["shown", "undecided", "undecided", "undecided"]
    assert judged[1].why == "5 pairs of seeds cannot come below p = 0.062"


def test_a_claim_with_too_few_seeds_costs_the_others_nothing(make_run) -> None:
    """Guards: four seeds a side, which could come to p = 0.03, in the correction of what is settled."""
    base, other = {seed: 0.3 + seed / 100 for seed in FIVE}, {seed: 0.5 + seed / 100 for seed in FIVE}
    four = {seed: other[seed] for seed in range(1, 5)}
    rows = read_results(sources(make_run, original=base, retry=other, few=four))
    settled, open_ = judge([claim(row="retry"), claim(row="few")], rows)
    assert (settled.adjusted, settled.verdict) == (settled.p_value, "shown")
    assert (open_.adjusted, open_.why) == (None, "4 training seeds; 5 a side are needed")


def test_paired_permutation_test_is_the_share_of_signs() -> None:
    values = [0.3, -0.1, 0.2, 0.25]
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=4)
    ]
    assert paired_permutation_test(values) == pytest.approx(sum(one >= sum(values) - 1e-12 for one in sums) / 16)
    assert paired_permutation_test([0.1] * 6) == 2 / 64


def test_what_is_not_run_is_said(make_run) -> None:
    (judged,) = judge([claim()], read_results(sources(make_run, original={1: 0.3})))
    assert (judged.verdict, judged.numbers()) == ("not run", "-")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"against": None}, "expect=higher needs against"),
        ({"expect": "alike"}, "expect=alike needs against and margin"),
        ({"expect": "at_most"}, "expect=at_most needs value"),
        ({"measure": "acuracy"}, "unknown measure 'acuracy'; did you mean 'accuracy'"),
    ],
)
def test_a_claim_that_says_too_little_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        claim(**changes)


def test_a_claim_about_no_row_is_refused() -> None:
    with pytest.raises(InputError, match="there is no row 'retry 0.2'; did you mean 'retry 0.1'"):
        check_rows([claim()], ["original", "retry 0.1"])


def test_the_screen_fits_80_columns_and_the_page_is_a_table(make_run) -> None:
    base, other = {seed: 0.3 + seed / 100 for seed in FIVE}, {seed: 0.5 + seed / 100 for seed in FIVE}
    judged = judge([claim(row="retry"), claim()], read_results(sources(make_run, original=base, retry=other)))
    text = io.StringIO()
    show_claims(judged, Console(file=text, width=80))
    assert max(map(len, text.getvalue().splitlines())) <= 80
    *_, counts, note = text.getvalue().splitlines()
    assert counts == "2 claims: 1 shown, 1 not run"
    assert note == "Holm's correction counts 1 of 2 comparisons so far; the others once run."
    assert "; 200 problems a cell" in " ".join(text.getvalue().split())
    assert claims_markdown(judged).count("\n") == 3


def test_runs_of_other_settings_are_named(mistakes, tmp_path: Path) -> None:
    """Guards: claims that read "not run" where runs lie in the folder that were made with other settings."""
    preset = yaml.safe_load((Path(__file__).parents[2] / "configs/pretrain/trio.yaml").read_text(encoding="utf-8"))
    preset["training"]["learning_rate"] = 0.5
    run = tmp_path / "evidence" / "trio_pq-original-seed1"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump({"stage": "pretrain"} | preset), encoding="utf-8")
    code, _, err = mistakes("findings", "evidence", "--root", tmp_path)
    assert code == 2
    assert "no row of a claim has been evaluated yet" in err
    assert "trio_pq-original-seed1 was made with other settings: training.learning_rate: 0.5 there" in err
    assert not (tmp_path / "evidence" / "evidence.json").exists()
