"""The sweeps that are shipped: each is planned to the last job, without running anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from igsm.problems.difficulty import ProblemConfig
from igsm.reporting.paper import FIGURES, paper_table
from igsm.reporting.table import PROBED
from igsm.sweeps.cost import cost, start_settings
from igsm.sweeps.plan import plan, report_request
from igsm.sweeps.sweep import load_sweep

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "configs" / "sweeps").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_sweep_can_be_planned(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a sweep that crashes as shipped: unknown keys, presets that are not there, unknown decoders."""
    from igsm.decoding.decoders import parse_decoder
    from igsm.evaluation.cells import parse_cells
    from igsm.problems.difficulty import ProblemConfig

    monkeypatch.chdir(ROOT)
    jobs = plan(load_sweep(path), tmp_path)
    stages = {job.stage for job in jobs}
    assert "eval" in stages
    assert stages & {"pretrain", "finetune"}
    for job in jobs:
        if job.stage == "eval":
            if job.command[0] == "eval":
                argument = job.command[job.command.index("--decoder") + 1]
                assert parse_decoder(argument).name == job.decoder
            else:
                assert job.decoder in PROBED
            names = [cell.name for cell in parse_cells(",".join(job.cells), ProblemConfig())]
            assert names == list(job.cells)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "sweeps" / "families").glob("*.yaml")), ids=lambda p: p.stem
)
def test_shipped_families_can_stand_in_another_sweep(path: Path, tmp_path: Path) -> None:
    """Guards against families that no shipped sweep names, which only the documentation uses."""
    sweep = load_sweep(ROOT / "configs" / "sweeps" / "demo.yaml", [f"families=families/{path.name}"])
    assert plan(sweep, tmp_path)
    for name, family in sweep.families.items():
        assert all(cell.startswith(f"{name}:") for cell in family.cells)


@pytest.mark.parametrize("figure", FIGURES)
def test_every_row_of_a_figure_is_in_its_sweep(figure: str, tmp_path: Path) -> None:
    """Guards against a figure that lacks a row of the paper's, or spells its name differently."""
    sweep = load_sweep(ROOT / "configs" / "sweeps" / f"{figure}.yaml")
    assert sweep.figure == figure
    request = report_request(sweep, tmp_path)
    rows = {source.row for source in request.sources}
    rows |= {f"retry 0.2, {row}" for row in rows if figure == "figure7"}  # as runs that are given one by one are named
    papers = [own for measure in sweep.measures if (own := paper_table(figure, measure)) is not None]
    assert papers
    also = paper_table("figure4", "accuracy")
    assert also is not None
    borrowed = set(also.values) if figure in ("figure7", "figure8") else set()
    for own in papers:
        assert set(own.values) - borrowed <= rows, own.source
        assert set(request.columns or ()) >= set(own.columns)
        if own.measure != "taken_back_on_wrong":  # in distribution nothing is wrong
            assert set(request.columns or ()) == set(own.columns)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_as_the_paper_made_it(figure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against masking less than the paper's strikethrough ("Define ... as"), and against the best of one model
    where the paper shows the best of two, fine-tuned ones included."""
    monkeypatch.chdir(ROOT)
    sweep = load_sweep(ROOT / "configs" / "sweeps" / f"{figure}.yaml")
    jobs = [job for job in plan(sweep, tmp_path) if job.stage in ("pretrain", "finetune")]
    for job in jobs:
        assert job.settings["training"]["label_masking"] == ("step" if "masked" in job.name else "none"), job.name
    assert {"masked" in job.name for job in jobs} == ({False} if figure == "figure3" else {False, True})
    best = figure != "figure3"
    assert (sweep.combine, sweep.seeds) == (("best", [1, 2]) if best else ("pooled", [1]))
    for job in jobs:
        if job.stage == "finetune":
            assert job.settings["from"].rsplit("-seed", 1)[1] == job.run.name.rsplit("-seed", 1)[1]


def test_probes_have_the_papers_share_of_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against rows twice as long as the paper's: version 1 takes half of pretraining's tokens for med, a quarter
    for hard, version 2 a quarter of a per cent."""
    monkeypatch.chdir(ROOT)
    jobs = plan(load_sweep(ROOT / "configs" / "sweeps" / "figure3.yaml"), tmp_path)
    tokens = {job.run.name: cost(job, start_settings(job, jobs), None).tokens for job in jobs if job.stage != "eval"}
    for family in ("med_pq", "med_qp", "hard_pq", "hard_qp"):
        run = f"{family}-original-seed1"
        expected = {"version1": 0.5 if family.startswith("med") else 0.25, "version2": 0.0025}
        for version, share in expected.items():
            assert tokens[f"{run}-{version}"] / tokens[run] == pytest.approx(share, rel=0.01)


def test_figures_share_their_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against training the same model twice for two figures, or two different ones into one folder."""
    monkeypatch.chdir(ROOT)
    for folder in ("paper", "lite", "demo", "evidence"):
        settings: dict[Path, object] = {}
        for path in FILES:
            sweep = load_sweep(path)
            if sweep.folder == folder:
                for job in plan(sweep, tmp_path):
                    if job.stage != "eval":
                        assert settings.setdefault(job.run, job.settings) == job.settings, (path.name, job.name)


def test_the_docs_say_what_a_sweep_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the table of docs/reproducing.md against sweeps that have grown since."""
    monkeypatch.chdir(ROOT)
    lines = (ROOT / "docs" / "reproducing.md").read_text().splitlines()
    documented = 0
    for target, *cells in (line.strip("| ").split(" | ") for line in lines if line.startswith("| `")):
        counts = next((cell for cell in cells if re.fullmatch(r"\d+ / \d+ / \d+", cell)), None)
        if counts is None:
            continue
        documented += 1
        tokens, problems = cells[cells.index(counts) + 1 :][:2]
        jobs = plan(load_sweep(ROOT / "configs" / "sweeps" / f"{target.strip('`')}.yaml"), tmp_path)
        training = [job for job in jobs if job.stage != "eval"]
        stages = [job.stage for job in jobs]
        assert counts == " / ".join(str(stages.count(name)) for name in ("pretrain", "finetune", "probe")), target
        stated = sum(float(number) for number in re.findall(r"[\d.]+e\d+", tokens))
        assert stated == pytest.approx(sum(cost(job, start_settings(job, jobs), None).tokens for job in training), 0.05)
        generated = sum(job.problems * len(job.cells) for job in jobs if job.stage == "eval")
        assert float(problems) == pytest.approx(generated, 0.05), target
    assert documented > 10


@pytest.mark.parametrize("families", ["methods", "methods_lite", "methods_med"])
def test_claims_are_about_cells_that_are_there(families: str) -> None:
    """Guards against claims that no run of a larger family could ever decide."""
    sweep = load_sweep("methods", [f"families=families/{families}.yaml"])
    (family,) = sweep.families.values()
    assert {cell for claim in sweep.claims for cell in claim.cells} < {cell.split(":")[1] for cell in family.cells}


@pytest.mark.parametrize("families", ["methods", "methods_lite", "methods_med"])
def test_controls_see_as_many_right_solutions_as_the_methods(families: str, tmp_path: Path) -> None:
    """Guards against controls whose length was right for other documents: counted anew, to 8 %."""
    from igsm.corpus.blocks import block
    from igsm.corpus.config import DataConfig
    from igsm.methods.registry import make_method

    (family,) = load_sweep("methods", [f"families=families/{families}.yaml"]).families.values()
    problem = ProblemConfig(difficulty=str(family.variables["difficulty"]))
    steps = next(int(text.split("=")[1]) for text in family.overrides if text.startswith("training.steps="))

    def a_window(name: str) -> float:
        data = DataConfig(problem=problem, context=int(family.variables["context"]), method=make_method({"name": name}))
        made = block(data, 0)
        right = {"tagged": 0.75, "hindsight": 0.875}.get(name, 1.0)  # the share of documents with a right solution
        return right * made.documents.size / len(made.tokens)

    for method in ("fix", "restart", "correct", "tagged", "hindsight", "turns"):
        share = a_window(method) / a_window("retry")
        assert family.variables[f"steps_{method}"] == pytest.approx(share * steps, rel=0.08), method
        tuned = share * float(family.variables["tuning_steps"])
        assert family.variables[f"tuning_steps_{method}"] == pytest.approx(tuned, rel=0.08), method


@pytest.mark.parametrize("families", ["methods", "methods_lite", "methods_med"])
def test_methods_have_both_controls_in_both_parts(
    families: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a comparison without a control, and against a preset for a GPU that cannot be planned."""
    monkeypatch.chdir(ROOT)
    sweep = load_sweep("methods", [f"families=families/{families}.yaml"])
    jobs = [job for job in plan(sweep, tmp_path) if job.stage != "eval" and job.run.name.endswith("seed1")]
    steps = {job.run.name: job.settings["training"]["steps"] for job in jobs}
    (family,) = sweep.families
    for tuned in ("", "-fine-tuned"):
        whole = steps[f"{family}-error-free{tuned}-seed1"]
        for method in ("fix", "restart", "correct", "tagged", "hindsight", "turns"):
            assert 0 < steps[f"{family}-control-right-ones-of-{method}{tuned}-seed1"] < whole
            own = f"{family}-{method}{tuned}-seed1"
            assert method in ("fix", "restart") or steps[own] == whole
