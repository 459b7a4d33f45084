"""What the repository keeps of trained runs: models that solve what they solved, results that a sweep goes on from."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from igsm.checkpoints import CONFIG, MODEL_FILES, defect, find_checkpoint
from igsm.config import load_stored, load_yaml
from igsm.errors import InputError
from igsm.evaluation.runs import load_run
from igsm.evaluation.watch import Solver
from igsm.problems.source import ProblemSource
from igsm.sweeps.plan import plan
from igsm.sweeps.state import state
from igsm.sweeps.sweep import load_sweep
from scripts.keep_results import keep

ROOT = Path(__file__).resolve().parents[2]
KEPT = sorted((ROOT / "docs" / "results" / "models").glob("*/DONE"))
ARCHIVES = sorted((ROOT / "docs" / "results" / "runs").glob("*.tar.xz"))
RESULTS = [
    json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text()) for name in ("question_first", "unneeded")
]
SWEEPS = (
    ("demo", ["families=families/trio_qp.yaml", "folder=evidence", "seeds=[1,2,3,4,5,6,7,8]"]),
    ("evidence", []),
)
"""That the kept models are of."""


def test_there_are_archives() -> None:
    assert ARCHIVES


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one)) is not None}


def test_they_are_those_of_the_results() -> None:
    reported = {
        f"{row}, seed {seed}"
        for results in RESULTS
        for row, cells in results["accuracy"].items()
        for seed in next(iter(cells.values()))
    }
    found = {json.loads((path.parent / "provenance.json").read_text())["command"][-1] for path in KEPT}
    assert {Path(run).name for run in found} == {path.parent.name for path in KEPT}
    assert len(KEPT) == len(reported) > 0


@pytest.mark.parametrize("done", KEPT, ids=lambda path: path.parent.name)
def test_they_are_whole_and_have_todays_keys(done: Path) -> None:
    checkpoint = find_checkpoint(done.parent)
    assert defect(checkpoint, MODEL_FILES) is None
    assert load_yaml(checkpoint / CONFIG) == load_stored(checkpoint / CONFIG) == load_yaml(done.parent / CONFIG)
    assert sum(path.stat().st_size for path in checkpoint.iterdir()) < 1_000_000


def test_their_sweeps_go_on_from_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a setting renamed, or a default changed, so that runs of before are no longer those that are wanted."""
    monkeypatch.chdir(ROOT)
    for done in KEPT:
        shutil.copytree(done.parent, tmp_path / "evidence" / done.parent.name)
    sweeps = [load_sweep(ROOT / "configs" / "sweeps" / f"{name}.yaml", wanted) for name, wanted in SWEEPS]
    jobs = [job for sweep in sweeps for job in plan(sweep, tmp_path)]
    trained = [job.run.name for job in jobs if job.stage == "pretrain" and state(job)[0] == "done"]
    assert sorted(trained) == [done.parent.name for done in KEPT]


@pytest.mark.parametrize("done", KEPT, ids=lambda path: path.parent.name)
def test_they_solve_most_of_what_they_were_trained_on(done: Path) -> None:
    run = load_run(done.parent)
    solver = Solver(run, device="cpu")
    problems = (ProblemSource(run.data.problem, 9).problem(number) for number in range(20))
    assert sum(solver.solved(problem).verdict.correct for problem in problems) >= 16


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_a_sweep_goes_on_from_kept_results(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: runs of which the results are kept trained once more, and an archive that is not what its runs give."""
    monkeypatch.chdir(ROOT)
    name = archive.name.partition(".")[0]
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    kept = {path.name for path in (tmp_path / name).iterdir()}
    jobs = [job for job in plan(load_sweep(name), tmp_path) if job.run.name in kept]
    assert {job.run.name for job in jobs} == kept
    assert {state(job) for job in jobs} == {("done", "")}
    assert keep(tmp_path / name, tmp_path / "again.tar.xz") == len(kept)
    assert members(tmp_path / "again.tar.xz") == members(archive)


def test_only_whole_results_are_kept(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: has no finished run"):
        keep(tmp_path / "empty", tmp_path / "kept.tar.xz")
    with tarfile.open(ARCHIVES[0]) as tar:
        tar.extractall(tmp_path, filter="data")
    runs = tmp_path / ARCHIVES[0].name.partition(".")[0]
    verdicts = next(iter(runs.glob("*/eval/*/verdicts.jsonl")))
    whole = verdicts.read_text()
    verdicts.write_text(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"verdicts\.jsonl"):
        keep(runs, tmp_path / "kept.tar.xz")
    assert not (tmp_path / "kept.tar.xz").exists()
