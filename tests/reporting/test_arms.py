"""Numbers of runs over their training seeds: means, intervals, differences between ways of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from igsm.reporting import back_curve, correction_seeds, recovery_seeds
from igsm.reporting.arms import arms_of, over_seeds, share, share_difference, to_csv
from igsm.statistics import t_interval, welch_interval

ARMS = {"o1": "original", "o2": "original", "r1": "retry 0.2", "r2": "retry 0.2", "r3": "retry 0.2"}
VALUES = {"o1": 0.2, "o2": 0.4, "r1": 0.6, "r2": 0.7, "r3": 0.8}


def lines(**values: float | None) -> list[dict]:
    return [{"run": run, "cell": "op=7", "x": value} for run, value in values.items()]


def test_means_intervals_and_differences() -> None:
    first, second = over_seeds(lines(**VALUES), ARMS, ["cell"], ["x"])
    assert (first["arm"], first["cell"], first["seeds"], first["x_by_seed"]) == ("original", "op=7", 2, [0.2, 0.4])
    assert first["x"] == pytest.approx(0.3)
    assert (first["x_low"], first["x_high"]) == t_interval([0.2, 0.4])
    assert first["x_difference"] is None
    assert second["x_difference"] == pytest.approx(0.4)
    ends = second["x_difference_low"], second["x_difference_high"]
    assert ends == welch_interval([0.2, 0.4], [0.6, 0.7, 0.8])
    assert second["x_difference_p"] == pytest.approx(0.1)  # one of the ten ways to deal five values out
    assert share(second, "x") == "70.0 [45, 95]"
    assert share(first, "x") == "30.0 [0, 100]", "and not [-97, 157]"
    assert share_difference(second, "x").startswith("+40.0 [")


def test_what_is_not_known_is_left_out() -> None:
    """A seed without the number, an arm with one seed, an arm without the line."""
    first, second = over_seeds(lines(o1=None, o2=0.4, r1=0.5), ARMS, ["cell"], ["x"])
    assert (first["seeds"], first["x"], first["x_low"]) == (2, 0.4, None)
    assert (second["x_difference"], second["x_difference_low"], second["x_difference_p"]) == (
        pytest.approx(0.1),
        None,
        None,
    )
    (only,) = over_seeds(lines(r1=0.5, r2=None), ARMS, ["cell"], ["x"])
    assert (only["arm"], only["x_difference"]) == ("retry 0.2", None)
    (nothing,) = over_seeds(lines(o1=None), ARMS, ["cell"], ["x"])
    assert (nothing["x"], share(nothing, "x"), share_difference(nothing, "x")) == (None, "-", "")
    head, row = to_csv([only]).splitlines()
    assert head.startswith("arm,cell,seeds,x,")
    assert row.startswith("retry 0.2,op=7,2,0.5,")


def test_arms_are_named_by_what_was_trained_on(tmp_path: Path) -> None:
    """Runs that differ in their seed only are one arm; those without mistakes stand first."""
    configs = {
        "b1": "seed: 1\ndata: {problem: {difficulty: nano}, mistakes: {kind: retry, rate: 0.2}}",
        "b2": "seed: 2\ndata: {problem: {difficulty: nano}, mistakes: {kind: retry, rate: 0.2}}",
        "a": "seed: 1\ndata: {problem: {difficulty: nano}, mistakes: {kind: none}}",
    }
    for name, text in configs.items():
        (tmp_path / name / "checkpoints" / "step_5").mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text(text)
    (tmp_path / "bare").mkdir()
    runs = [tmp_path / name for name in ("b1", "b2", "bare", "a")]
    found = arms_of(runs)
    assert list(found.items()) == [("a", "original"), ("b1", "retry 0.2"), ("b2", "retry 0.2"), ("bare", "bare")]
    checkpoint = tmp_path / "b1" / "checkpoints" / "step_5"
    assert arms_of([runs[0], checkpoint]) == {"b1": "retry 0.2", "step_5": "retry 0.2, step_5"}, "no second seed"


def recovery_line(run: str, source: str, kind: str, place: str, recovered: float, back: float) -> dict:
    measures = {
        **dict.fromkeys(recovery_seeds.MEASURES), "recovered": recovered, "taken_back": back, "n": 50,
        "own_less_injected": -0.5 if source == "own" else None,
    }  # fmt: skip
    return {"run": run, "cell": "op=7", "decoding": "greedy", "source": source, "kind": kind, "place": place} | measures


def test_recovery_over_seeds() -> None:
    """Beginnings in their order whichever run has them; own mistakes beside the injected ones in their place."""
    found = [recovery_line("o1", "injected", "wrong arithmetic", "half", 0.5, 0)]
    for run in ("r1", "r2"):
        found += [
            recovery_line(run, "free", "", "", 0.8 if run == "r1" else 0.9, 0),
            recovery_line(run, "injected", "name only", "half", 0.7, 1.0),
            recovery_line(run, "own", "name only", "own", 0.1, 0.2),
            recovery_line(run, "injected", "name only", "own", 0.6, 1.0),
        ]
    together = recovery_seeds.numbers(found, ARMS)
    assert [(one["source"], one["kind"], one["place"]) for one in together] == [
        ("free", "", ""), ("injected", "name only", "half"), ("own", "name only", "own"),
        ("injected", "name only", "own"), ("injected", "wrong arithmetic", "half"),
    ]  # fmt: skip
    assert (together[2]["injected"], together[2]["injected_taken_back"]) == (pytest.approx(0.6), 1)
    text = recovery_seeds.to_markdown(together)
    assert "| name only | retry 0.2 | 2 | 50 | 10.0 | 60.0 | -50.0 |" in text
    assert "| name only | retry 0.2 | 2 | 50 | 20.0 | 100.0 |" in text
    assert "| wrong arithmetic, half | original | 1 | 50 | 50.0 |" in text
    for title, tables in recovery_seeds.terminal(together, 80):
        assert len(title) <= 80
        assert tables


def test_confidence_over_seeds() -> None:
    found = [
        {"run": run, "cell": "op=7", "decoder": "greedy", **dict.fromkeys(correction_seeds.MEASURES)}
        | {"accuracy": VALUES[run], "detection": 0.5, "tokens": 60, "relative": 0.5 if run < "r" else None}
        | {"needlessly_taken_back": 0.25}
        for run in ARMS
    ]
    together = correction_seeds.numbers(found, ARMS)
    text = correction_seeds.to_markdown(together)
    assert "| greedy | original | 2 | 30.0 [" in text
    assert "| greedy | retry 0.2 | 3 | 70.0 [45, 95] | +40.0 [" in text
    assert "| greedy | retry 0.2 | - | 50.0 | - | - |" in text
    first, *seeds = back_curve.figure(together).axes[0].lines
    assert first.get_xydata().tolist() == [[0.25, pytest.approx(30)]]
    assert [one.get_xydata().tolist() for one in seeds[:2]] == [[[0.25, 20]], [[0.25, 40]]]
    assert "| retry 0.2 | op=7 | 70.0 at 0.250 |" in back_curve.markdown(together)
