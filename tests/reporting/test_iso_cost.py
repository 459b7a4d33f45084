"""Accuracy against compute, on evaluations whose numbers are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import build
from igsm.reporting.iso_cost import area_under, family_of, iso_cost, value_at
from igsm.reporting.iso_cost_shown import tables, to_csv
from igsm.reporting.results import Source, read_results
from igsm.rundir import atomic_write, write_json

CELL = "nano_pq:op=3"


def evaluation(run: Path, decoder: str, right: int, generated: int, verifier: int | None = 0, **settings) -> None:
    """Ten verdicts, so many right, each of so many tokens."""
    folder = run / "eval" / f"{CELL}-{decoder}"
    lines = []
    for index in range(10):
        verdict = {"index": index, "op": 3, "correct": index < right, "true_answer": 1, "generated_tokens": generated}
        lines.append(verdict | ({} if verifier is None else {"verifier_tokens": verifier, "prefix_tokens": 7}))
    atomic_write(folder / "verdicts.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write_json(folder / "summary.json", {"cell": CELL, "decoder": decoder, "n": 10, "seed": 0, **settings})


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    found = []
    for seed in (1, 2):
        run = tmp_path / f"original-seed{seed}"
        evaluation(run, "greedy", 3 + seed, 100, None)  # an evaluation from before prompts and verifiers were counted
        evaluation(run, "vote2", 5, 200)
        evaluation(run, "vote8", 8, 800)
        evaluation(run, "best4-prm", 9, 300, 100)
        evaluation(run, "regret-old", 10, 100, None, detector="abc", detector_folder="x")
        found.append(Source("original", run, seed))
        retry = tmp_path / f"retry-seed{seed}"
        evaluation(retry, "greedy", 6 + seed, 105)
        found.append(Source("retry", retry, seed))
    return found


def test_costs_curves_and_areas(sources: list[Source]) -> None:
    found = iso_cost(read_results(sources))
    assert found is not None
    settings = {(one.model, one.decoder): one for one in found.settings}
    assert ("original", "regret-old") not in settings, "its tokens are not known"
    best = settings["original", "best4-prm"]
    assert (best.cost, best.point.generated, best.point.verifier, best.point.prefix, best.seeds) == (4, 300, 100, 7, 2)
    assert settings["original", "greedy"].point.prefix is None
    assert settings["original", "greedy"].gain is None
    # 0.5 and 0.5 less 0.4 and 0.5: t of one degree of freedom, 12.706, times the standard error 0.05
    vote = settings["original", "vote2"]
    assert (vote.gain, vote.interval) == (pytest.approx(0.05), None), "both seeds have 0.5"
    assert vote.gain_interval == pytest.approx((0.05 - 12.706 * 0.05, 0.05 + 12.706 * 0.05), abs=1e-4)
    curves = {curve.name: curve for curve in found.curves}
    assert set(curves) == {"original, greedy", "original, vote", "original, best-prm", "retry, greedy"}
    assert curves["original, vote"].points == ((1, 0.45), (2, 0.5), (8, 0.8))
    assert curves["original, vote"].at == pytest.approx((0.45, 0.5, 0.65, 0.8, 0.8))
    assert curves["original, best-prm"].at == pytest.approx((0.45, 0.675, 0.9, 0.9, 0.9))
    assert curves["retry, greedy"].at == pytest.approx((0.75,) * 5), "5 % over its budget is within it"
    assert curves["original, vote"].area == pytest.approx((0.475 + 2 * 0.65 + 0.8) / 4)
    low, high = curves["retry, greedy"].interval or (0, 0)
    assert curves["retry, greedy"].area == pytest.approx(0.75)
    assert low < 0.75 < high
    first, second = tables(found)
    assert first[1] == ["model, decoder", "1x", "2x", "4x", "8x", "16x", "area"]
    assert ["original, best4-prm", "300", "100", "7", "4.00", "90.0", "+45.0 [-18.5, +108.5]", "2"] in second[2]
    assert "original,best4-prm,best-prm,4.0,0.9,300.0,100.0,7.0,2" in to_csv(found)


def test_nothing_without_greedy_decoding(sources: list[Source]) -> None:
    results = read_results(sources)
    assert iso_cost([one for one in results if one.decoder != "greedy"]) is None
    assert iso_cost([one for one in results if one.decoder == "greedy" and one.row == "retry"]) is None


def test_values_between_settings() -> None:
    points = [(2.0, 0.2), (8.0, 0.6)]
    assert value_at(points, 1.0) is None
    assert value_at(points, 1.9) == 0.2
    assert value_at(points, 4.0) == pytest.approx(0.4)
    assert value_at(points, 64.0) == 0.6
    assert area_under(points) is None
    assert area_under([(1.0, 0.5)]) == pytest.approx(0.5)
    assert area_under([(1.05, 0.5), (32.0, 1.0)]) == pytest.approx(
        (math.log(1.05) * 0.5 + math.log(16 / 1.05) * (0.5 + value_at([(1.05, 0.5), (32.0, 1.0)], 16.0)) / 2)
        / math.log(16)
    )


@pytest.mark.parametrize(
    ("decoder", "family"),
    [
        ("vote8", "vote"),
        ("best16-prm", "best-prm"),
        ("best4:0.7-prm", "best:0.7-prm"),
        ("step_beam4-prm", "step_beam-prm"),
        ("regret-p50", "regret-p"),
        ("regret-p", "regret-p"),
        ("greedy", "greedy"),
        ("regret_beam4-p", "regret_beam-p"),
    ],
)
def test_families(decoder: str, family: str) -> None:
    assert family_of(decoder) == family


def test_the_report_has_table_figure_and_numbers(sources: list[Source], tmp_path: Path) -> None:
    runs = [str(source.run) for source in sources[:2]]
    measures = ["--measure", "accuracy", "--measure", "compute_tokens"]
    words = ["report", *runs, *measures]
    shown = CliRunner().invoke(build(words), [*words, "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0, shown.output
    assert "Accuracy (%) at k times the tokens of greedy decoding" in shown.output
    assert (tmp_path / "out" / "accuracy_by_compute.png").read_bytes().startswith(b"\x89PNG")
    assert "Accuracy against compute" in (tmp_path / "out" / "index.html").read_text()
    assert "original-seed1, best-prm | 40.0 | 65.0 | 90.0" in (tmp_path / "out" / "report.md").read_text()
    told = CliRunner().invoke(build(words), [*words, "--json"])
    assert json.loads(told.stdout)["iso_cost"]["budgets"] == [1, 2, 4, 8, 16]
