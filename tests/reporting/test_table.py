"""Tables: what is combined, what is missing, what is significant, what stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.grading.metrics import METRICS
from igsm.reporting.paper import FIGURES, paper_table, sort_columns
from igsm.reporting.pooling import paired_test
from igsm.reporting.results import Source, describe, read_results, sources_of_runs
from igsm.reporting.seeds import compare
from igsm.reporting.table import AVERAGE, build_table, split_decoders
from igsm.reporting.text import evidence, notes

ACCURACY, RETRIES = METRICS["accuracy"], METRICS["taken_back"]


def test_missing_cells_stay_missing(make_run) -> None:
    """Guards against a missing score shown as 0.0, and against averages over the cells that happen to be there."""
    run = make_run("a", {"op=3": 0.9})
    table = build_table(read_results([Source("a", run)]), ACCURACY, rows=["a", "b"], columns=["op=3", "op=4"])
    assert table.cell("a", "op=4").value is None
    assert table.cell("b", "op=3").n == 0
    assert ACCURACY.text(table.cell("b", "op=3").value) == "-"
    assert table.cell("a", AVERAGE).value is None


def test_every_number_has_its_n_and_wilson_interval(make_run) -> None:
    """Guards against "100 +/- 0": the interval of 400 of 400 has a lower end below 1."""
    run = make_run("a", {"op=3": 1.1})
    cell = build_table(read_results([Source("a", run)]), ACCURACY).cell("a", "op=3")
    assert (cell.value, cell.n) == (1.0, 400)
    assert cell.interval is not None
    assert 0.98 < cell.interval[0] < 1.0


def test_seeds_are_averaged_and_best_is_chosen(make_run) -> None:
    """Guards against averaging seeds in a figure that shows the best, and the other way round."""
    runs = [make_run(f"seed{seed}", {"op=3": accuracy}, seed=seed) for seed, accuracy in ((1, 0.3), (2, 0.7))]
    results = read_results([Source("a", run, seed) for seed, run in enumerate(runs)])
    pooled = build_table(results, ACCURACY).cell("a", "op=3")
    best = build_table(results, ACCURACY, combine="best").cell("a", "op=3")
    assert pooled.n == 400
    assert pooled.value == sum(result.correct for result in results) / 800
    assert best.n == 400
    assert best.value == max(result.correct for result in results) / 400
    assert best.n_choices == 2


def test_decoders_are_never_pooled(make_run) -> None:
    """Guards against greedy and beam search in one number."""
    run = make_run("a", {"op=3": 0.5}, decoders=("greedy", "beam4"))
    rows = {result.row for result in split_decoders(read_results([Source("a", run)]))}
    assert rows == {"a, greedy", "a, beam4"}


def test_significance_is_paired_on_the_same_problems(make_run) -> None:
    """Guards against an unpaired test, and against pairing different test sets."""
    base, other = make_run("base", {"op=3": 0.4}), make_run("other", {"op=3": 0.6}, kind="retry", rate=0.5)
    first, second = read_results([Source("original", base), Source("retry", other)])
    p_value = paired_test([first], [second])
    assert p_value is not None
    assert p_value < 0.001
    path = next((other / "eval").glob("*/summary.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 2}))
    first, second = read_results([Source("original", base), Source("retry", other)])
    assert paired_test([first], [second]) is None


def test_runs_are_paired_by_training_seed_and_only_on_a_known_test_set(make_run) -> None:
    """Guards against seed 1 tested against seed 2 where a run is missing, and two unknown test sets taken for one."""
    runs = {seed: make_run(f"run{seed}", {"op=3": 0.3 * seed}, seed=seed) for seed in (1, 2)}
    base = read_results([Source("original", runs[seed], seed) for seed in (1, 2)])
    same = read_results([Source("copy", runs[2], 2)])
    found = compare(base, same, ACCURACY)
    assert found is not None
    assert (found.over, found.p_value, found.sides) == ("problems", 1.0, (1, 1))
    for run in runs.values():
        path = next((run / "eval").glob("*/summary.json"))
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": None}))
    assert paired_test(*(read_results([Source("x", runs[seed], seed)]) for seed in (1, 2))) is None


def test_retries_count_correct_solutions_only(make_run) -> None:
    """Guards against Figure 5(a) mixing in wrong solutions, where models retry most."""
    run = make_run("a", {"op=3": 0.5}, kind="retry", rate=0.5)
    result = read_results([Source("a", run)])[0]
    cell = build_table([result], RETRIES).cell("a", "op=3")
    counted = [verdict["taken_back"] for verdict in result.evaluation.verdicts() if verdict["correct"]]
    assert cell.n == len(counted) < 400
    assert cell.value == pytest.approx(sum(counted) / len(counted))


def test_an_interval_shows_its_width(make_run) -> None:
    """Guards against "0.00 to 0.00" for retries that never happened in a finite number of problems."""
    run = make_run("a", {"op=3": 1.1})
    table = build_table(read_results([Source("a", run)]), RETRIES)
    assert evidence(table, table.cell("a", "op=3")) == "0.00 to 0.01, n 400"
    assert RETRIES.range(0.0, 3.69 / 4096) == "0.000 to 0.001"
    assert ACCURACY.range(0.99996, 1.0) == "99.996 to 100.000"
    assert RETRIES.range(1.0, 1.0) == "1.00 to 1.00"
    assert "3.69 / n" in " ".join(notes(table))


def test_paper_numbers_stand_where_the_figures_have_them() -> None:
    """Guards against a shifted column in the transcribed figures (numbers named in the paper's text)."""
    figure3, figure4 = paper_table("figure3", "accuracy"), paper_table("figure4", "accuracy")
    figure5 = paper_table("figure5", "taken_back")
    assert figure3 is not None
    assert figure4 is not None
    assert figure5 is not None
    assert round(figure4.values["original"]["med_qp:op=23"], 3) == 0.783
    assert round(figure4.values["retry 0.5"]["med_qp:op=23"], 3) == 0.945
    assert round(figure3.values["regret version1 beam4"]["med_pq:op=23"], 3) == 0.801
    assert max(figure5.values["retry 0.2"].values()) < 0.4
    assert len(figure4.columns) == 30
    assert all(len(row) == 30 for row in figure4.values.values())


def test_figures_repeat_each_others_rows() -> None:
    """Guards against a row under another's name: what two figures show of the same models must be the same numbers."""
    pairs = [
        *(("figure4", "figure10", measure) for measure in ("accuracy",)),
        *(("figure5", "figure11", measure) for measure in ("taken_back",)),
        *(("figure6", "figure11", f"unnecessary_{what}") for what in ("operations", "parameters")),
    ]
    for first, second, measure in pairs:
        one, other = paper_table(first, measure), paper_table(second, measure)
        assert one is not None
        assert other is not None
        shared = one.values.keys() & other.values.keys()
        assert len(shared) >= 9
        assert all(one.values[row] == other.values[row] for row in shared)
    figure7, figure10 = paper_table("figure7", "accuracy"), paper_table("figure10", "accuracy")
    assert figure7 is not None
    assert figure10 is not None
    tuned = [row for row in figure7.values if row.startswith("retry 0.2, ")]
    assert len(tuned) == 16
    assert all(figure7.values[row] == figure10.values[row] for row in tuned)
    wrong = paper_table("figure5", "taken_back_on_wrong")
    assert wrong is not None
    assert len(wrong.values) == 6  # those whose label does not rest on the order of the text alone


def test_figure_3_and_figure_4_are_other_runs() -> None:
    """The fact that docs and figure3.yaml state: Figure 4's error-free row is not the better of Figure 3's."""
    beams, best = paper_table("figure3", "accuracy"), paper_table("figure4", "accuracy")
    assert beams is not None
    assert best is not None
    rows = [beams.values[f"original beam{beam}"] for beam in (1, 4)]
    above = [cell for cell, value in best.values["original"].items() if value > max(row[cell] for row in rows) + 1e-9]
    assert len(above) == 9
    assert all(cell.startswith("hard") for cell in above)


def test_averages_agree_with_the_printed_ones() -> None:
    """Guards against misread rows: the printed average must be that of the row's cells."""
    for figure in FIGURES:
        table = paper_table(figure, "accuracy")
        for row, average in (table.averages if table else {}).items():
            cells = table.values[row].values()
            assert sum(cells) / len(cells) == pytest.approx(average, abs=0.0011), (figure, row)


def test_difference_and_average_against_the_paper(make_run) -> None:
    """Guards against comparing an average over our few columns with the paper's over thirty."""
    paper = paper_table("figure4", "accuracy")
    run = make_run("a", {"med_pq:op=23": 0.8})
    table = build_table(read_results([Source("original", run)]), ACCURACY, paper=paper)
    cell = table.cell("original", "med_pq:op=23")
    assert cell.paper == 0.777
    assert cell.difference == pytest.approx(cell.value - 0.777)
    assert table.cell("original", AVERAGE).paper is None


def test_columns_are_in_the_order_of_the_figures() -> None:
    """Guards against op=9 after op=10, and against families torn apart."""
    cells = ["med_qp:op=20", "easy_pq:op=10", "easy_pq:op=8 reask", "easy_pq:op=9", "easy_pq:op<=7", "med_pq:op=23"]
    assert sort_columns([*cells, "easy_pq:op=7", "med_pq:op<=15"]) == (
        "med_pq:op<=15",
        "med_pq:op=23",
        "med_qp:op=20",
        "easy_pq:op<=7",
        "easy_pq:op=7",
        "easy_pq:op=9",
        "easy_pq:op=10",
        "easy_pq:op=8 reask",
    )


def test_rows_are_named_by_what_the_run_was_trained_on(make_run) -> None:
    """Guards against two different runs in one row, and two seeds in two rows."""
    runs = [
        make_run("x", {}, seed=1),
        make_run("y", {}, seed=2),
        make_run("z", {}, kind="retry", rate=0.5),
    ]
    assert [source.row for source in sources_of_runs(runs)] == ["original", "original", "retry 0.5"]
    problem = {"problem": {"difficulty": "nano"}}
    masked = {
        "data": problem | {"mistakes": {"kind": "retry_weak", "rate": 0.1}},
        "training": {"label_masking": "step"},
    }
    assert describe(masked) == "retry_weak 0.1 masked"
    assert describe(masked | {"data": masked["data"] | {"method": {"name": "retry"}}}) == "retry_weak 0.1 masked"
    thought = {"data": problem | {"method": {"name": "masked_thought", "rate": 0.4}}}
    assert describe(thought) == "masked_thought"
    figure7 = paper_table("figure7", "accuracy")
    assert figure7 is not None
    lora = {"query_value_rank": 8, "embedding_rank": 16, "output_rank": 16, "scale": 1.0}
    tuned = {"data": problem | {"mistakes": {"kind": "retry", "rate": 0.2}}} | {
        "stage": "finetune",
        "from": "runs/x",
        "lora": lora,
    }
    assert describe(tuned) == "retry 0.2, lora qv8 e16"
    assert figure7.values[describe(tuned)] == figure7.values["lora qv8 e16"] != figure7.values["retry 0.2"]
    assert describe(tuned | {"lora": lora | {"output_rank": 0}}) == "retry 0.2, lora qv8 e16 out0"
    with pytest.raises(InputError, match="names no stage"):
        describe({key: value for key, value in tuned.items() if key != "stage"})
    continued = {key: value for key, value in tuned.items() if key != "lora"} | {"training": masked["training"]}
    assert describe(continued) == "retry 0.2, continued pretrain masked"
    assert figure7.values[describe(continued)] == figure7.values["continued pretrain masked"]
    later = (runs[1] / "config.yaml").read_text() + "continue_from: null\n"  # of a later version, with one option more
    (runs[1] / "config.yaml").write_text(later)
    assert [source.row for source in sources_of_runs(runs)][:2] == ["original", "original"]
    (runs[1] / "config.yaml").write_text(later + "model: {layers: 3}\n")
    assert [source.row for source in sources_of_runs(runs)][:2] == ["original (x)", "original (y)"]


def test_fine_tuned_seeds_share_a_row_though_each_has_a_start_of_its_own(make_run) -> None:
    """Guards against a row a seed for `recover` of runs that a sweep fine-tuned; and one row for different starts."""
    starts = [make_run(f"start{seed}", {}, seed=seed) for seed in (1, 2)]
    tuned = [make_run(f"tuned{seed}", {}, kind="retry", rate=0.2, seed=seed) for seed in (1, 2)]
    for run, start in zip(tuned, starts, strict=True):
        config = run / "config.yaml"
        config.write_text(config.read_text() + f"stage: finetune\nfrom: {start}\n")
    assert {source.row for source in sources_of_runs(tuned)} == {"retry 0.2, continued pretrain"}
    (starts[1] / "config.yaml").write_text((starts[1] / "config.yaml").read_text() + "model: {layers: 3}\n")
    assert len({source.row for source in sources_of_runs(tuned)}) == 2


def test_folders_of_one_name_keep_their_own_rows(make_run, tmp_path: Path) -> None:
    """Guards against two runs in one row because their folders have the same name, with or without a config."""
    runs = [make_run(f"{parent}/run", {"op=3": 0.5}) for parent in ("a", "b")]
    for run in runs:
        (run / "config.yaml").unlink()
    assert [source.row for source in sources_of_runs(runs)] == ["a/run", "b/run"]
    runs += [make_run(name, {}) for name in ("c/run", "d/run", "d/other")]
    (runs[3] / "config.yaml").write_text((runs[3] / "config.yaml").read_text() + "model: {layers: 3}\n")
    rows = [source.row for source in sources_of_runs(runs)]
    assert rows == ["a/run", "b/run", "original (c/run)", "original (d/run)", "original (other)"]


def test_a_run_given_twice_counts_once(make_run, tmp_path: Path, monkeypatch) -> None:
    """Guards against twice the runs in a cell for `mistakes report R1 R1 R2 R2/`, links and relative paths."""
    first, second = make_run("R1", {"op=3": 0.5}), make_run("R2", {"op=3": 0.6}, kind="retry", rate=0.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(second)
    sources = sources_of_runs([first, Path("R1"), second, Path("R2/"), Path("link")])
    assert [(source.row, source.run.name) for source in sources] == [("original", "R1"), ("retry 0.5", "R2")]
    assert len(read_results([*sources, *sources])) == 2


def test_broken_input_is_one_clear_line(make_run, tmp_path: Path) -> None:
    """Guards against a traceback, or an empty table, for a folder that is no run."""
    with pytest.raises(InputError, match="not a run folder"):
        sources_of_runs([tmp_path])
    run = make_run("a", {"op=3": 0.5})
    next((run / "eval").glob("*/summary.json")).write_text('{"cell": "op=3", "decoder": "greedy"}')
    with pytest.raises(InputError, match="it has no 'n'"):
        read_results([Source("a", run)])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", '["cell"]', "summary of an evaluation: an object is expected, not list"),
        (
            "summary.json",
            '{"cell": "op=3", "decoder": "greedy", "n": "8"}',
            "summary of an evaluation: 'n' cannot be '8'",
        ),
        ("summary.json", '{"cell": "op=3", "decoder": "greedy", "n": 0}', "summary of an evaluation: n = 0"),
        ("verdicts.jsonl", '{"index": 0, "correct": true}\n{"correct": true}\n', "record 2: .* no 'index'"),
        ("verdicts.jsonl", '{"index": 0, "correct": 1, "error": null}\n', "record 1: .* 'correct' cannot be 1"),
    ],
)
def test_wrong_types_name_the_file(make_run, name: str, content: str, message: str) -> None:
    """Guards against a traceback far from the damaged file."""
    run = make_run("a", {"op=3": 0.5})
    next((run / "eval").glob(f"*/{name}")).write_text(content)
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        read_results([Source("a", run)])


def test_empty_sections_of_a_config_are_no_crash(make_run) -> None:
    """Guards against an AttributeError for `data:` with nothing behind it."""
    run = make_run("a", {})
    for text in ("data: null\ntraining: null\n", "data: {problem: null}\nseed: null\n"):
        (run / "config.yaml").write_text(text)
        assert sources_of_runs([run, run])[0].row == "a"
    unclear = {"problem": {"op": 3}, "mistakes": {"kind": "retry", "rate": None}}
    assert describe({"data": unclear, "training": None}) == "retry 0"


def test_a_dash_says_what_it_means(make_run) -> None:
    """Guards: "not measured" under the retries of a cell that was measured and has no right solution."""
    run = make_run("a", {"op=3": -0.1})
    path = run / "eval" / "op=3-greedy" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"retries": {"mean_on_correct": None}}))
    wrong = read_results([Source("a", run)])
    unmeasured, nothing = "'-' has not been measured.", "'-' with n 0 has been measured, but no solution counts"
    table = build_table(wrong, RETRIES)
    assert evidence(table, table.cell("a", "op=3")) == "n 0"
    for columns, rows, expected in ((["op=3"], ["a"], [nothing]), (["op=3"], ["a", "b"], [unmeasured, nothing])):
        said = [note for note in notes(build_table(wrong, RETRIES, columns=columns, rows=rows)) if note[0] == "'"]
        assert [note.startswith(start) for note, start in zip(said, expected, strict=True)] == [True] * len(expected)
    assert unmeasured in notes(build_table([], RETRIES, rows=["a"], columns=["op=4"]))
