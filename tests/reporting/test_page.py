"""The page: valid HTML, links to files that are there, words for how sure a number is, texts of models escaped."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from igsm.grading.metrics import METRICS
from igsm.reporting.charts import heat_map, measure_chart
from igsm.reporting.claims import Claim
from igsm.reporting.curves import Curve
from igsm.reporting.examples import choose_examples
from igsm.reporting.learning import CURVE_POINTS, learning_chart, thinned
from igsm.reporting.names import cell_title, log_ticks, quantity
from igsm.reporting.report import PAGE, ReportRequest, build_report, write_report
from igsm.reporting.results import Source
from igsm.reporting.summary import summarize
from igsm.reporting.table import AVERAGE

VOID = {"meta", "link", "br", "img", "hr", "input"}
CELLS = {"med_pq:op<=15": 0.95, "med_pq:op=23": 0.5}


class Reader(HTMLParser):
    """Notes links, ids, texts of tables, and tags that are closed in a wrong place."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.loaded: list[str] = []
        self.numbers: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._href = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in named:
            self.ids.append(str(named["id"]))
        if tag != "a":
            self.loaded += [str(named[name]) for name in ("src", "href", "data") if name in named]
        else:
            self._href = str(named["href"])

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, text: str) -> None:
        if not text.strip() or self.open[-1] in ("script", "style"):
            return
        self.words.append(text.strip())
        if self.open[-1] == "a":
            self.links.append((self._href, text.strip()))
        if (
            {"span", "small"} & {*self.open[-2:]}
            and "td" in self.open
            and re.fullmatch(r"[+-]?\d+(\.\d+)?", text.strip())
        ):
            self.numbers.append((text.strip(), self._href if self.open[-1] == "a" else ""))


@pytest.fixture
def request_of_two(make_run) -> ReportRequest:
    sources = [Source("original", make_run(f"original-{seed}", CELLS, seed=seed), seed) for seed in (1, 2)]
    sources += [
        Source("retry 0.5", make_run(f"retry-{seed}", CELLS, kind="retry", rate=0.5, seed=seed), seed)
        for seed in (1, 2)
    ]
    return ReportRequest("A <title> & more", sources, "What is shown.", figure="figure4", columns=list(CELLS))


@pytest.fixture
def folder(request_of_two: ReportRequest, tmp_path: Path) -> Path:
    write_report(build_report(request_of_two), tmp_path / "report")
    return tmp_path / "report"


def test_the_page_is_valid_and_its_links_lead_to_files(folder: Path) -> None:
    """Guards against tags that do not match, anchors and files that are not there, and a number without a file."""
    content = (folder / PAGE).read_text()
    read = Reader(content)
    assert (read.wrong, read.open) == ([], [])
    assert len(read.ids) == len(set(read.ids))
    assert {href[1:] for href, _ in read.links if href.startswith("#")} <= set(read.ids)
    files = [href for href, _ in read.links if not href.startswith("#")]
    assert len(files) > 20
    assert [href for href in files if not (folder / unquote(href)).exists()] == []
    measured = [(text, href) for text, href in read.numbers if "." in text]
    # Measures, rows, cells: the mean and two seeds; the averages; two numbers and their difference in two cells.
    assert len(measured) == 2 * 2 * 2 * 3 + 2 + 3 * 2
    assert [text for text, href in measured if not href] == []
    seed_numbers = [href for _, href in measured if href.endswith("verdicts.jsonl")]
    assert len(seed_numbers) == 16


def test_each_seed_leads_to_its_own_verdicts(request_of_two: ReportRequest, folder: Path) -> None:
    """Guards against a link beside the number of another run."""
    table = build_report(request_of_two).tables[0]
    by_file = {}
    for cell in table.cells.values():
        for result, value in zip(cell.results, cell.by_seed, strict=True):
            by_file[(result.folder / "verdicts.jsonl").resolve()] = METRICS["accuracy"].text(value)
    linked = {
        (folder / unquote(href)).resolve(): text
        for href, text in Reader((folder / PAGE).read_text().partition('id="table-2"')[0]).links
        if href.endswith("verdicts.jsonl")
    }
    assert linked == by_file


def test_nothing_of_the_network_and_nothing_of_what_models_write_is_run(folder: Path) -> None:
    """Guards against a page that loads things from elsewhere, and against HTML from titles and generated texts."""
    content = (folder / PAGE).read_text()
    assert "default-src 'none'" in content
    assert [address for address in Reader(content).loaded if not address.startswith("data:")] == []
    assert "A &lt;title&gt; &amp; more" in content
    assert "<Hen>" not in content
    assert "0123456789" in content  # the commit of the runs


def test_readers_see_names_not_keys(folder: Path) -> None:
    """Guards against keys of files as names, and a decoder named twice or where there is one."""
    words = " ".join(Reader((folder / PAGE).read_text()).words)
    assert "Class med, question after the problem" in words
    for key in ("med_pq", "held_out", "generation_accuracy", "<=", "greedy, greedy"):
        assert key not in words
    assert quantity("held_out_loss").title == "Loss on held-out problems"
    assert quantity("mistake_probability_loss").title == "Mistake probability loss"
    assert cell_title("mini_pq:op<=5 seen") == "op ≤ 5 seen"
    assert log_ticks(0.3, 12) == [0.5, 1, 2, 5, 10]


def test_without_the_library_of_figures_the_pictures_are_there(
    request_of_two: ReportRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a page without figures, and a script that calls what is not there."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *of: None if name == "vl_convert" else find(name, *of)
    )
    write_report(build_report(request_of_two), tmp_path / "report")
    content = (tmp_path / "report" / PAGE).read_text()
    assert content.count('src="data:image/png;base64,') == 5
    assert 'id="charts"' not in content
    assert Reader(content).wrong == []


def test_the_figures_say_what_the_tables_say(request_of_two: ReportRequest, folder: Path) -> None:
    """Guards against figures of other numbers, without n, intervals and seeds."""
    pytest.importorskip("vl_convert")
    content = (folder / PAGE).read_text()
    found = re.search(r'<script type="application/json" id="charts">(.*?)</script>', content, re.DOTALL)
    assert found is not None
    charts = json.loads(found[1])
    assert len(charts) == content.count('class="chart"') == 2 + 2
    assert importlib.util.find_spec("vl_convert") is not None
    table = build_report(request_of_two).tables[0]
    means = {(one["row"], one["cell"]): one for one in charts[0]["layer"][-1]["data"]["values"]}
    assert len(means) == 4
    cell = table.cell("retry 0.5", "med_pq:op=23")
    shown = means["retry 0.5", "op = 23"]
    assert shown["value"] == pytest.approx(100 * cell.value)
    assert shown["n"] == "400 problems"
    assert shown["seeds"].startswith("1: ")
    assert shown["paper"] == "93.6"
    assert {"95 % over problems", "95 % over training seeds"} <= shown.keys()
    assert len(charts[0]["layer"][2]["data"]["values"]) == 8


def test_many_rows_are_a_heat_map_that_keeps_its_size(make_run) -> None:
    """Guards against a heat map stretched to the page's width, and numbers that the table has not."""
    rows = [f"row {i}" for i in range(10)]
    sources = [Source(row, make_run(row, CELLS, n=20)) for row in rows]
    table = build_report(ReportRequest("T", sources, columns=list(CELLS))).tables[0]
    chart = heat_map(table)
    assert chart["width"] == {"step": 46}
    texts = {(one["row"], one["cell"]): one["text"] for one in chart["data"]["values"]}
    assert len(texts) == 30
    assert texts["row 3", "op = 23"] == table.measure.text(table.cell("row 3", "med_pq:op=23").value)
    assert texts["row 3", "mean"] == table.measure.text(table.cell("row 3", AVERAGE).value)
    small = measure_chart(replace(table, rows=table.rows[:2]), table.columns)
    assert small["width"] == "container"


def test_curves_are_thinned_and_ticked() -> None:
    """Guards against megabytes of points, means that lose the level, and ticks such as 4 x 10^0."""
    points = [(float(step), 5.0 / (1 + step)) for step in range(1, 10_001)]
    few = thinned(points)
    assert len(few) <= CURVE_POINTS
    assert thinned(points[:7]) == points[:7]
    assert sum(y for _, y in few) / len(few) == pytest.approx(sum(y for _, y in points) / len(points), rel=0.05)
    chart = learning_chart("loss", [Curve("original", "med_pq", points[:100], 3, 4096.0)])
    y = chart["layer"][0]["encoding"]["y"]
    assert (y["scale"]["type"], y["axis"]["values"]) == ("log", [0.05, 0.1, 0.2, 0.5, 1, 2])
    first = chart["data"]["values"][0]
    assert (first["seed"], first["step"], first["x"]) == ("3", 1, 0.004096)


def test_always_0_has_no_average(request_of_two: ReportRequest, folder: Path) -> None:
    """Guards against a mean of what is no row."""
    table = build_report(request_of_two).tables[0]
    assert table.floor("med_pq:op=23") is not None
    assert table.floor(AVERAGE) is None


def _seeds(make_run, row: str, accuracies: list[float], **settings) -> list[Source]:
    made = enumerate(accuracies, start=1)
    return [
        Source(row, make_run(f"{row} {seed}", {"med_pq:op=23": share}, seed=seed, **settings), seed)
        for seed, share in made
    ]


@pytest.mark.parametrize(
    ("seeds", "verdict", "sure"), [(1, "undecided", "undecided"), (5, "shown", "shown over 5 seeds")]
)
def test_the_summary_says_how_sure_it_is(make_run, seeds: int, verdict: str, sure: str) -> None:
    """Guards against a claim from one training run, and a clear difference that is called undecided."""
    low = [0.30, 0.31, 0.32, 0.33, 0.34][:seeds]
    sources = _seeds(make_run, "original", low) + _seeds(make_run, "retry 0.5", [share + 0.4 for share in low])
    found = summarize(build_report(ReportRequest("T", sources, measures=["accuracy"])))
    (statement,) = found.statements
    assert (statement.verdict, statement.sure) == (verdict, sure)
    assert "On problems of 23 operations, more than the class has in training: 'retry 0.5' solves" in statement.text
    assert statement.text.endswith("points more.")


def test_holm_of_the_summary_counts_the_comparisons_of_all_families(make_run) -> None:
    """Guards: a page that calls p-values corrected which were corrected in their own family only."""
    sources = []
    for row, accuracy in (("original", 0.3), ("retry", 0.6)):
        for seed in range(1, 6):
            cells = dict.fromkeys(("med_pq:op=20", "med_qp:op=20"), accuracy + seed / 50)
            sources.append(Source(row, make_run(f"{row}{seed}", cells, seed=seed), seed))
    found = summarize(build_report(ReportRequest("T", sources, measures=["accuracy"])))
    assert ["P = 0.016 after Holm" in one.why for one in found.statements] == [True, True]


def test_the_summary_judges_the_claims_of_a_sweep(request_of_two: ReportRequest) -> None:
    """Guards against a page that leaves out what its sweep claims, and a count that does not fit."""
    claim = Claim(
        result="Result 2", says="retry helps", row="retry 0.5", against="original", cells=["op=23"], expect="higher"
    )
    missing = claim.model_copy(update={"row": "not run", "says": "this is not run"})
    found = summarize(build_report(replace(request_of_two, claims=[claim, missing])))
    assert found.heading == "2 claims: 1 undecided, 1 not run."
    assert "2 training seeds; 5 a side are needed" in found.statements[0].why
    assert found.statements[1].sure == "not run"


def test_the_summary_of_nothing_and_of_one_row(make_run, tmp_path: Path) -> None:
    """Guards against a crash or a comparison where there is nothing to compare."""
    nothing = build_report(ReportRequest("T", [Source("original", tmp_path / "missing")], columns=["med_pq:op=23"]))
    assert summarize(nothing).heading == "Nothing has been evaluated yet."
    pair = _seeds(make_run, "this", [0.2]) + _seeds(make_run, "that", [0.6])
    (statement,) = summarize(build_report(ReportRequest("T", pair))).statements
    assert (statement.sure, "'that' solves" in statement.text) == ("undecided", True)
    alone = build_report(ReportRequest("T", _seeds(make_run, "original", [0.5])))
    assert summarize(alone).heading.startswith("Accuracy of full solutions (%). original: ")
    write_report(nothing, tmp_path / "report")
    assert "Nothing has been evaluated yet." in (tmp_path / "report" / PAGE).read_text()


def test_examples_are_of_the_same_problem_and_not_all_wrong(request_of_two: ReportRequest) -> None:
    """Guards against two models on two problems, and a page of wrong solutions only."""
    table = build_report(request_of_two).tables[0]
    examples = choose_examples(table)
    assert len(examples) >= 3
    assert any(sample.correct for example in examples for sample in example.samples)
    for example in examples:
        first, second = example.samples
        assert first.index == second.index
        assert first.result.seed == second.result.seed
        assert (first.result.row, second.result.row) == ("original", "retry 0.5")
    single = replace(table, rows=("original",))
    assert {example.samples[0].correct for example in choose_examples(single)} == {True, False}


def test_cells_of_a_heat_map_stand_in_the_table_s_order_in_each_family(make_run) -> None:
    """Guards against "op = 21" of hard before its "op ≤ 21", for med has an "op = 21", too."""
    vl_convert = pytest.importorskip("vl_convert")
    columns = ["med_pq:op=20", "med_pq:op=21", "hard_pq:op<=21", "hard_pq:op=21"]
    sources = [Source("original", make_run("one", dict.fromkeys(columns, 0.5), n=20))]
    table = build_report(ReportRequest("T", sources, columns=columns)).tables[0]
    drawn = vl_convert.vegalite_to_svg(heat_map(table))
    assert re.findall(r">(op [^<]*|mean)</text>", drawn) == ["op = 20", "op = 21", "op ≤ 21", "op = 21", "mean"]
