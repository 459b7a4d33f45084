"""The written report: text forms, pictures, and the page."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.reporting import markdown, text
from igsm.reporting.page_tables import measure_grids
from igsm.reporting.paper import paper_table
from igsm.reporting.report import ReportRequest, build_report, write_report
from igsm.reporting.results import Source
from igsm.reporting.samples import solution_html
from igsm.reporting.table import AVERAGE
from igsm.reporting.trade_off import trade_off_points


@pytest.fixture
def request_of_two(make_run) -> ReportRequest:
    cells = {"med_pq:op<=15": 0.95, "med_pq:op=23": 0.5}
    sources = [
        Source("original", make_run("first", cells)),
        Source("retry 0.5", make_run("second", {"med_pq:op<=15": 0.97}, kind="retry", rate=0.5)),
    ]
    return ReportRequest("A <title> & more", sources, "What is shown.", figure="figure4", columns=list(cells))


def test_report_folder_has_every_form(request_of_two: ReportRequest, tmp_path) -> None:
    """Guards against a form that is promised and not written, or is empty."""
    for left in ("taken_back_on_wrong.png", "mine.png"):
        (tmp_path / "report").mkdir(exist_ok=True)
        (tmp_path / "report" / left).write_text("of an earlier report, and of somebody else")
    paths = write_report(build_report(request_of_two), tmp_path / "report")
    names = {path.name for path in paths}
    assert {"report.md", "tables.csv", "report.tex", "index.html", "accuracy.png", "accuracy.pdf"} <= names
    assert {"training_curves.png", "accuracy_bars.png"} <= names
    assert all(path.stat().st_size > 300 for path in paths)
    for path in paths:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"mine.png", *(path.name for path in paths)}


def test_csv_has_a_line_for_every_cell_and_says_where_it_comes_from(request_of_two: ReportRequest) -> None:
    """Guards against numbers without origin, and against missing cells left out or made 0."""
    lines = list(csv.DictReader(io.StringIO(text.csv_text(build_report(request_of_two).tables))))
    assert len(lines) == 2 * 2 * 2 + 2  # and the average of the shares
    missing = next(line for line in lines if line["row"] == "retry 0.5" and line["cell"].endswith("op=23"))
    assert (missing["value"], missing["n"], missing["runs"], missing["paper"]) == ("-", "-", "-", "0.936")
    present = next(line for line in lines if line["row"] == "original")
    assert present["runs"].endswith("first")
    assert present["n"] == "400"


def test_markdown_and_latex_are_well_formed(request_of_two: ReportRequest) -> None:
    """Guards against rows with fewer cells than the head, and unescaped characters that stop LaTeX."""
    table = build_report(request_of_two).tables[0]
    lines = [line for line in text.markdown(table).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines[:5]}) == 1
    latex = text.latex(table)
    assert latex.count("\\begin{tabular}") == latex.count("\\end{tabular}") == 1
    body = [line for line in latex.splitlines() if not line.startswith("%")]
    assert not re.search(r"(?<!\\)[_%#]", "\n".join(body))


def test_signs_of_markdown_and_latex_in_a_name_are_text(make_run) -> None:
    """Guards against a name that adds a column, or that LaTeX stops at."""
    assert markdown.table(["", "a"], [["x|y", "1"]], numbers=True) == "|  | a |\n| --- | ---: |\n| x\\|y | 1 |"
    run = make_run("named", {"med_pq:op=15": 0.9, "med_pq:op<=15": 0.5}, n=10)
    table = build_report(ReportRequest("T", [Source(r"a_b 5% {x} ^~\|", run)])).tables[0]
    assert r"a_b 5% {x} ^~\\|" in text.markdown(table)
    rows = text.latex(table)
    assert r"a\_b 5\% \{x\} \textasciicircum{}\textasciitilde{}\textbackslash{}$|$ & " in rows
    assert r"op$\le$15" in rows


def test_steps_taken_back_are_struck_through_and_the_wrong_one_marked() -> None:
    """Guards against striking out a right step, or marking the sentence after the wrong one."""
    solution = " Define A's B as x; so x = 1. Define C's D as BACK. Define C's E as y; so y = x = 2."
    shown = solution_html(solution, wrong_step=3)
    assert "<s>Define C&#x27;s D as</s> BACK." in shown
    assert shown.count("<s>") == 1
    assert "<mark> Define C&#x27;s E as y; so y = x = 2.</mark>" in shown


def test_unknown_names_get_a_suggestion(request_of_two: ReportRequest) -> None:
    """Guards against a silent empty table for a mistyped measure or figure."""
    from dataclasses import replace

    with pytest.raises(InputError, match="did you mean 'taken_back'"):
        build_report(replace(request_of_two, measures=["taken_bak"]))
    with pytest.raises(InputError, match="unknown figure 'figure44'"):
        build_report(replace(request_of_two, figure="figure44"))


def test_nothing_evaluated_yet_is_a_report_of_dashes(tmp_path) -> None:
    """Guards against a crash of the report at the start of a sweep."""
    sources = [Source("original", tmp_path / "missing")]
    report = build_report(ReportRequest("Empty", sources, figure="figure4", columns=["med_pq:op=23"]))
    write_report(report, tmp_path / "report")
    assert "| original | -<br>paper 77.7 |" in (tmp_path / "report" / "report.md").read_text()


def test_rows_that_begin_alike_stay_apart(make_run) -> None:
    """Guards against "lora, rank 4" among the decoders of "lora", and a baseline that wanders to another row."""
    cells = {"med_pq:op=23": 0.5}
    sources = [
        Source("lora", make_run("one", cells, decoders=("greedy", "beam4"))),
        Source("lora, rank 4", make_run("two", cells)),
    ]
    table = build_report(ReportRequest("T", sources, baseline="lora", measures=["accuracy"])).tables[0]
    assert table.rows == ("lora, greedy", "lora, beam4", "lora, rank 4")
    assert table.baseline == "lora, greedy"
    last = ReportRequest("T", list(reversed(sources)), baseline="lora, rank 4", measures=["accuracy"])
    assert build_report(last).tables[0].rows == ("lora, rank 4", "lora, greedy", "lora, beam4")
    assert build_report(last).tables[0].baseline == "lora, rank 4"


def test_paper_stands_beside_its_own_decoders(make_run) -> None:
    """Guards against a report of several decoders without the paper's numbers, or with them beside regret."""
    cells = {"med_pq:op=23": 0.5}
    names = ("greedy", "beam4", "regret-p")
    sources = [
        Source("original", make_run("one", cells, decoders=names)),
        Source("retry 0.5", make_run("two", cells, decoders=names)),
        Source("retry 0.1", make_run("three", cells, decoders=("regret-p",))),
    ]
    table = build_report(ReportRequest("T", sources, measures=["accuracy"], figure="figure4")).tables[0]
    assert table.baseline == "original, greedy"
    paper = {row: table.cell(row, "med_pq:op=23").paper for row in table.rows}
    assert paper["original, greedy"] == paper["original, beam4"] == 0.777
    assert paper["retry 0.5, greedy"] == pytest.approx(0.936)
    assert paper["original, regret-p"] is None
    assert paper["retry 0.1"] is None
    assert "Figure 4(b)" in " ".join(text.notes(table))
    last = ReportRequest("T", sources[2:], measures=["accuracy"], figure="figure4")
    assert "Figure 4(b)" not in " ".join(text.notes(build_report(last).tables[0]))


def test_the_average_stands_in_every_output(make_run, tmp_path) -> None:
    """Guards against tables without the paper's last column, and one that is not compared with the paper's."""
    paper = paper_table("figure4", "accuracy")
    assert paper is not None
    run = make_run("all", dict.fromkeys(paper.columns, 0.9), n=10)
    request = ReportRequest("T", [Source("original", run)], measures=["accuracy", "taken_back"], figure="figure4")
    accuracy, retries = build_report(request).tables
    average = accuracy.cell("original", AVERAGE).value
    assert average == pytest.approx(sum(accuracy.cell("original", name).value for name in paper.columns) / 30)
    assert accuracy.blocks[-1] == ("all cells", (AVERAGE,))
    ours_and_theirs = f"paper 91.8 ({100 * (average - 0.918):+.1f})"
    for output in (text.markdown(accuracy), text.latex(accuracy), str(measure_grids(accuracy, tmp_path))):
        assert ours_and_theirs in output
    *_, last = text.terminal_tables(accuracy, 80)
    _, drawn = last.renderables
    assert [column.header for column in drawn.columns] == ["", AVERAGE]
    assert "91.8" in str(next(iter(drawn.columns[1].cells)))
    assert f"accuracy,original,average,{average:.6g},-,-,-,0.918,{average - 0.918:.6g},-" in text.csv_text([accuracy])
    assert f",{AVERAGE}," not in text.csv_text([retries])

    short = make_run("some", {"med_pq:op=15": 0.9, "med_pq:op=23": 0.5}, n=10)
    beside = build_report(ReportRequest("T", [Source("original", short)], figure="figure4")).tables[0]
    assert beside.blocks == [("med_pq", ("med_pq:op=15", "med_pq:op=23", AVERAGE))]
    assert beside.cell("original", AVERAGE).paper is None


def test_accuracy_by_tokens_is_what_the_tables_say(make_run) -> None:
    """Guards against averages over all seeds and decoders beside a table of the best, and a figure nobody asked for."""
    cells = {"med_pq:op=15": 0.9, "med_pq:op=23": 0.5}
    sources = [
        Source(f"row {seed // 2}", make_run(f"run{seed}", cells, decoders=("greedy", "beam4")), seed)
        for seed in range(4)
    ]
    request = ReportRequest("T", sources, combine="best", measures=["accuracy", "generated_tokens"])
    accuracy, tokens = build_report(request).tables
    points = trade_off_points([accuracy, tokens])
    assert points == {
        row: (pytest.approx(tokens.cell(row, AVERAGE).value), pytest.approx(accuracy.cell(row, AVERAGE).value))
        for row in ("row 0", "row 1")
    }
    assert trade_off_points([accuracy]) == {}


def test_unknown_baseline_gets_a_suggestion(request_of_two: ReportRequest, tmp_path) -> None:
    """Guards against tests against nothing; a decoder's row that is not evaluated yet is known all the same."""
    from dataclasses import replace

    with pytest.raises(InputError, match="unknown baseline 'orginal'; did you mean 'original'"):
        build_report(replace(request_of_two, baseline="orginal"))
    sources = [Source("original", tmp_path / "none", decoders=("greedy", "beam4"))]
    assert build_report(ReportRequest("T", sources, baseline="original, greedy")).tables[0].baseline is None


def test_a_sweep_that_has_not_run_is_one_line(mistakes, tmp_path) -> None:
    """Guards: hundreds of lines of "-", and silence."""
    sweep = Path(__file__).resolve().parents[2] / "configs" / "sweeps" / "demo.yaml"
    code, out, _ = mistakes("report", sweep, "--root", tmp_path)
    assert (code, out.count("\n")) == (0, 1)
    assert "nothing has been evaluated yet; mistakes sweep" in out


def test_notes_are_brief_unless_asked_for(make_run, mistakes) -> None:
    """Guards: more lines of notes than of numbers; a title broken over the width of a narrow table."""
    run = make_run("some", {"med_pq:op=15": 0.9, "med_pq:op=23": 0.5}, n=10)
    code, out, _ = mistakes("report", run, columns=80)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "Accuracy of full solutions (%)" in out
    brief = out.splitlines()
    code, out, _ = mistakes("report", run, "--explain", columns=80)
    assert len(out.splitlines()) > len(brief)
