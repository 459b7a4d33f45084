"""The plan: which jobs, in which order, in which folders, and what counts as done."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from igsm.config import build_config
from igsm.errors import InputError
from igsm.evaluation.shipped import model_folder
from igsm.rundir import write_json
from igsm.sweeps.cost import cost, start_settings
from igsm.sweeps.jobs import Job
from igsm.sweeps.plan import plan, report_request, select
from igsm.sweeps.settings import what_differs
from igsm.sweeps.state import missing, state
from igsm.sweeps.sweep import Sweep, fill, grid_points, load_sweep
from igsm.training.folder import same_start


def job(jobs: list[Job], name: str) -> Job:
    return next(one for one in jobs if one.name == name)


def write_run(one: Job, **changes: Any) -> None:
    """The folder of a finished run; ``changes`` overwrite its training settings."""
    settings = dict(one.settings)
    settings["training"] = settings["training"] | changes
    settings["model"] = settings["model"] | {"vocabulary_size": 64}  # filled in by the run itself
    one.run.mkdir(parents=True)
    (one.run / "config.yaml").write_text(yaml.safe_dump(settings))
    (one.run / "DONE").write_text("")


def test_each_arm_is_pretrained_then_evaluated(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against evaluating a run before it exists, and against arms that lose their overrides."""
    jobs = plan(sweep, tmp_path)
    assert [one.stage for one in jobs] == ["pretrain", "eval"] * 3
    retry = job(jobs, "pretrain nano_pq-retry-0.5-seed1")
    assert "data.mistakes.rate=0.5" in retry.command
    assert retry.settings["data"]["mistakes"]["rate"] == 0.5
    assert job(jobs, "eval nano_pq-retry-0.5-seed1 greedy").needs == (retry.name,)


def test_a_start_stands_before_what_goes_on_from_it(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards: commands printed for a script in which fine-tuning comes before its start, as the arms stand."""
    tuned = {"row": "tuned", "finetune": {"start": "original", "config": "configs/finetune/nano/continued.yaml"}}
    content["arms"] = [tuned, {"row": "original"}]
    names = [one.name for one in plan(build_config(Sweep, content, "test"), tmp_path)]
    assert names.index("pretrain nano_pq-original-seed1") < names.index("finetune nano_pq-tuned-seed1")


def test_seeds_change_weights_and_data(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against "three seeds" that see the same data in the same order."""
    jobs = plan(build_config(Sweep, content | {"seeds": [1, 2]}, "test"), tmp_path)
    second = job(jobs, "pretrain nano_pq-original-seed2").settings
    assert (second["seed"], second["data"]["seed"]) == (2, 2)


def test_a_seed_given_twice_is_refused(content: dict[str, Any]) -> None:
    """Guards against one run counted as two in pooled accuracies and intervals."""
    with pytest.raises(InputError, match="seeds: 2 stands twice"):
        build_config(Sweep, content | {"seeds": [2, 1, 2]}, "test")


def test_an_arm_may_have_only_the_first_seeds(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against paying for eight seeds of arms that nobody needs at eight; the others keep them all."""
    first, *others = content["arms"]
    jobs = plan(
        build_config(
            Sweep,
            content | {"seeds": [3, 1, 2], "arms": [first, *({**arm, "most_seeds": 2} for arm in others)]},
            "test",
        ),
        tmp_path,
    )
    trained = [one.run.name for one in jobs if one.stage == "pretrain"]
    assert [name for name in trained if "original" in name] == [f"nano_pq-original-seed{seed}" for seed in (3, 1, 2)]
    assert [name for name in trained if "-retry-0.5-" in name] == [f"nano_pq-retry-0.5-seed{seed}" for seed in (3, 1)]


def test_a_mean_with_the_run_of_the_next_seed_waits_for_it(content: dict[str, Any], tmp_path: Path) -> None:
    arms = [{"row": "mean", "name": "original", "decoders": ["greedy+model@{next_run}:0.5"]}]
    jobs = plan(build_config(Sweep, content | {"arms": arms, "seeds": [1, 2]}, "test"), tmp_path)
    found = {job.run.name: job for job in jobs if job.stage == "eval"}
    assert len(found) == 2
    for name, job in found.items():
        other = name[:-1] + {"1": "2", "2": "1"}[name[-1]]
        assert job.command[job.command.index("--decoder") + 1] == f"greedy+model@{job.run.with_name(other)}:0.5"
        assert set(job.needs) == {f"pretrain {name}", f"pretrain {other}"}
        behind = [one.name for one in jobs[: jobs.index(job)]]
        assert set(job.needs) <= set(behind)
    with pytest.raises(InputError, match="give at least two seeds"):
        plan(build_config(Sweep, content | {"arms": arms, "seeds": [1]}, "test"), tmp_path)


def test_samples_are_kept_of_decoders_that_take_several(content: dict[str, Any], tmp_path: Path) -> None:
    content |= {"keep_samples": True, "decoders": ["greedy", "vote4", "best2-oracle", "beam4"]}
    jobs = [job for job in plan(build_config(Sweep, content, "test"), tmp_path) if job.stage == "eval"]
    assert {job.decoder for job in jobs if "--keep-samples" in job.command} == {"vote4", "best2-oracle"}


def test_a_claim_about_a_row_that_is_not_there_is_refused(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards a claim that nobody judges, and a line that names each row once a seed."""
    claim = {"result": "1", "says": "x", "row": "retry 0.4", "cells": ["op=3"], "expect": "at_most", "value": 1}
    sweep = build_config(Sweep, content | {"seeds": [1, 2], "claims": [claim]}, "test")
    with pytest.raises(InputError, match="there is no row 'retry 0.4'") as caught:
        plan(sweep, tmp_path)
    assert str(caught.value).count("original") <= 1


def test_a_claim_may_name_a_group_of_cells(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards claims of one file against families whose cells are others, of which they were silent."""
    claim = {"result": "x", "says": "y", "row": "original", "against": "retry 0.2", "expect": "higher"}
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(content | {"claims": [claim | {"cells": ["harder", "op<=3"]}]}))
    family = content["families"]["nano_pq"]
    family = family | {"cells": [*family["cells"], "nano_pq:op=5"]}
    grouped = {"families": {"nano_pq": family | {"groups": {"harder": ["op=4", "op=5"]}}}}
    (tmp_path / "grouped.yaml").write_text(yaml.safe_dump(grouped))
    assert load_sweep(file, ["families=grouped.yaml"]).claims[0].cells == ["op=4", "op=5", "op<=3"]
    with pytest.raises(InputError, match="claim 'y': no family has a group 'harder'"):
        load_sweep(file)
    grouped["families"]["other"] = family | {"groups": {"harder": ["op=6"]}}
    (tmp_path / "grouped.yaml").write_text(yaml.safe_dump(grouped))
    with pytest.raises(InputError, match="families differ in what 'harder' is"):
        load_sweep(file, ["families=grouped.yaml"])
    grouped["families"]["other"] = content["families"]["nano_pq"] | {"groups": {"harder": ["op=4", "op=5"]}}
    (tmp_path / "grouped.yaml").write_text(yaml.safe_dump(grouped))
    with pytest.raises(InputError, match="claim 'y': family other has no cell 'op=5'"):
        load_sweep(file, ["families=grouped.yaml"])


def test_arms_of_one_name_share_the_run(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against training the error-free model once for every decoder of Figure 3."""
    content["arms"] = [
        {"row": "beam1", "name": "original", "decoders": ["greedy"]},
        {"row": "beam4", "name": "original", "decoders": ["beam4"]},
    ]
    jobs = plan(build_config(Sweep, content, "test"), tmp_path)
    assert [one.stage for one in jobs] == ["pretrain", "eval", "eval"]


def test_two_different_runs_in_one_folder_are_refused(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against one arm silently taking another's model for its own."""
    content["arms"] = [{"row": "a"}, {"row": "b", "name": "a", "overrides": ["training.steps=30"]}]
    with pytest.raises(InputError, match="share the run folder"):
        plan(build_config(Sweep, content, "test"), tmp_path)


@pytest.fixture
def tuning(content: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A sweep with an arm that is fine-tuned."""
    tune = tmp_path / "tune.yaml"
    tune.write_text(
        "data: {problem: {difficulty: nano}, context: 128}\ntraining: {steps: 9, batch: 2, warmup_steps: 1}\n"
    )
    tuned = {"start": "original", "config": str(tune), "overrides": ["training.steps={long_steps}"]}
    return content | {"arms": [*content["arms"], {"row": "tuned", "finetune": tuned}]}


def test_fine_tuning_starts_from_the_run_of_the_same_family_and_seed(tuning: dict[str, Any], tmp_path: Path) -> None:
    """Guards against fine-tuning seed 2 from seed 1, and against starting before the base run is there."""
    content = tuning
    jobs = plan(build_config(Sweep, content | {"seeds": [1, 2]}, "test"), tmp_path)
    tuned = job(jobs, "finetune nano_pq-tuned-seed2")
    assert tuned.needs == ("pretrain nano_pq-original-seed2",)
    assert f"from={tmp_path / 'test' / 'nano_pq-original-seed2'}" in tuned.command
    assert tuned.settings["training"]["steps"] == 40
    content["arms"][-1]["finetune"]["start"] = "orignal"
    with pytest.raises(InputError, match="did you mean 'original'"):
        plan(build_config(Sweep, content, "test"), tmp_path)


def test_fine_tuning_may_start_from_a_model_that_is_there(tuning: dict[str, Any], tmp_path: Path) -> None:
    """Guards: hours of pretraining before a comparison for which the package has a model."""
    tuned = tuning["arms"].pop()
    tuned["finetune"] |= {"start": None, "model": "error-free"}
    jobs = plan(build_config(Sweep, tuning | {"arms": [tuned], "seeds": [1, 2]}, "test"), tmp_path)
    assert [one.stage for one in jobs] == ["finetune", "eval"] * 2
    assert jobs[0].needs == ()
    assert {one.settings["from"] for one in jobs[::2]} == {str(model_folder("error-free"))}
    assert cost(jobs[0], start_settings(jobs[0], jobs), None).bytes > 1e6  # the shape is read from the model
    for wrong, message in (
        ({"model": "eror-free"}, "eror-free: a run folder, or a model .* did you mean 'error-free'"),
        ({"start": "original"}, "give start .* or model .*, one of them"),
    ):
        arm = tuned | {"finetune": tuned["finetune"] | wrong}
        with pytest.raises(InputError, match=message):
            plan(build_config(Sweep, tuning | {"arms": [arm]}, "test"), tmp_path)


def test_the_shipped_model_is_one_in_every_installation(tmp_path: Path) -> None:
    """Guards: a sweep that no longer goes on in another checkout, and one that goes on from another model."""
    here, there = model_folder("error-free"), tmp_path / "igsm" / "trained" / "error-free"
    assert same_start(str(there), str(here), tmp_path / "run")  # gone: what is there cannot be compared
    shutil.copytree(here, there)
    assert same_start(str(there), str(here), tmp_path / "run")
    write_json(there / "manifest.json", {})
    assert not same_start(str(there), str(here), tmp_path / "run")


def test_wrong_settings_are_found_before_anything_runs(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against a typing error that is noticed after days, at the last arm."""
    content["arms"].append({"row": "typo", "overrides": ["training.stepps=3"]})
    with pytest.raises(InputError, match=r"training\.stepps.*did you mean 'steps'"):
        plan(build_config(Sweep, content, "test"), tmp_path)


def test_done_needs_the_same_settings(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against taking a finished run of another recipe for this one, and against redoing an equal one."""
    first, _, second, *_ = plan(sweep, tmp_path)
    assert state(first)[0] == "to run"
    write_run(first, workers=7)  # how many processes generate data does not matter
    assert state(first)[0] == "done"
    write_run(second, learning_rate=0.5)
    kind, reason = state(second)
    assert kind == "conflict"
    assert "learning_rate: 0.5 there, 0.002 here" in reason


def test_settings_of_none_are_settings(sweep: Sweep, content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against a run on problems of op=2 only, or with other sizes, taken for one on all problems."""
    first, *_ = plan(sweep, tmp_path)
    assert (first.settings["data"]["problem"]["op"], first.settings["training"]["device"]) == (None, "auto")
    other = build_config(Sweep, content | {"arms": [{"row": "original", "overrides": ["data.problem.op=2"]}]}, "test")
    write_run(plan(other, tmp_path)[0], device="cpu")  # which device is the run's own affair
    kind, reason = state(first)
    assert (kind, "data.problem.op: 2 there, None here" in reason) == ("conflict", True)
    assert "device" not in reason


def test_fine_tuned_runs_are_known_again_under_another_spelling_or_elsewhere(
    tuning: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against `from=` compared as text: conflicts after `--root ./runs` or after moving all runs."""
    sweep, name = build_config(Sweep, tuning, "test"), "finetune nano_pq-tuned-seed1"
    monkeypatch.chdir(tmp_path)
    tuned = job(plan(sweep, Path("runs")), name)
    write_run(replace(tuned, settings=tuned.settings | {"model": {}}))
    assert state(job(plan(sweep, tmp_path / "runs"), name)) == ("done", "")
    (tmp_path / "runs").rename(tmp_path / "moved")
    assert state(job(plan(sweep, Path("moved")), name)) == ("done", "")
    write_run(replace(tuned, settings=tuned.settings | {"model": {}, "from": "runs/test/nano_pq-retry-0.5-seed1"}))
    assert "from: runs/test/nano_pq-retry-0.5-seed1 there" in state(tuned)[1].replace("'", "")


def write_summary(one: Job, end: str = "", **changes: Any) -> None:
    """The results of all cells of an evaluation, at step 20 of its run."""
    (one.run / "checkpoints" / "step_20").mkdir(parents=True, exist_ok=True)
    for cell in one.cells:
        summary = {"cell": cell, "decoder": one.decoder, "n": one.problems, "seed": one.test_seed}
        summary |= {"checkpoint": "step_20"} | changes
        write_json(one.run / "eval" / f"{cell}-{one.decoder}{end}" / "summary.json", summary)


@pytest.mark.parametrize(
    "changes",
    [{"n": 7}, {"seed": 2}, {"checkpoint": "step_10"}, {"weights": "b" * 16}, {"chosen": ["context"], "context": 99}],
)
def test_results_of_something_else_are_not_the_jobs(sweep: Sweep, tmp_path: Path, changes: dict[str, Any]) -> None:
    """Guards against results of an older checkpoint, or under other settings, taken for the job's: it is to run."""
    _, evaluation, *_ = plan(sweep, tmp_path)
    write_json(evaluation.run / "checkpoints/step_20/manifest.json", {"weights.safetensors": {"sha256": "a" * 64}})
    write_summary(evaluation, **changes)
    assert state(evaluation) == ("to run", "2 of 2 cells")
    assert missing(evaluation) == 1
    for more in ({}, {"weights": "a" * 16}, {"n": 4096}):
        write_summary(evaluation, "-beside", **more)
        assert state(evaluation) == ("done", "")


def test_a_report_has_the_sweeps_problems_and_test_seed(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against a report on other problems than the sweep asks for, where a folder has more or others too."""
    _, evaluation, *_ = plan(sweep, tmp_path)
    (source,) = {
        source.run: source for source in report_request(sweep, tmp_path).sources if source.run == evaluation.run
    }.values()
    assert (source.test_seed, source.n) == (evaluation.test_seed, evaluation.problems)


def test_select_takes_what_is_needed_along(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against --only running an evaluation without its model."""
    chosen = select(plan(sweep, tmp_path), "eval nano_pq-retry-0.5")
    assert [one.stage for one in chosen] == ["pretrain", "eval"]
    with pytest.raises(InputError, match="no job"):
        select(plan(sweep, tmp_path), "nothing of that name")


def test_report_has_a_row_for_every_arm_and_all_columns(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against unfinished arms vanishing from the table instead of showing "-"."""
    request = report_request(sweep, tmp_path)
    assert [source.row for source in request.sources] == ["original", "retry 0.2", "retry 0.5"]
    assert request.columns == ("nano_pq:op<=3", "nano_pq:op=4")


def test_cost_counts_windows_and_knows_what_it_does_not_know(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against GPU-hours that were never measured."""
    training, evaluation, *_ = plan(sweep, tmp_path)
    price = cost(training, {}, None)
    assert price.tokens == 20 * 4 * 128
    assert price.hours is None
    assert cost(training, {}, 1024.0).hours == pytest.approx(10 / 3600)
    assert cost(evaluation, {}, None).tokens == 8 * 2 * 50
    assert cost(evaluation, {}, None).hours is None


def test_runs_that_start_from_others_have_their_disk(tuning: dict[str, Any], tmp_path: Path) -> None:
    """Guards against 0 B for every fine-tuning and probe, whose model is that of their start, or their start's."""
    probe = tmp_path / "probe.yaml"
    probe.write_text(
        "from: x\nrow_length: 192\nlora: {embedding_rank: 4}\ntraining: {steps: 9, batch: 2, warmup_steps: 1}\n"
    )
    tuning["arms"][-1]["probe"] = {"config": str(probe)}
    jobs = plan(build_config(Sweep, tuning, "test"), tmp_path)
    base, tuned, detector = (
        cost(one, start_settings(one, jobs), None)
        for one in (jobs[0], job(jobs, "finetune nano_pq-tuned-seed1"), job(jobs, "probe nano_pq-tuned-seed1-probe"))
    )
    assert base.bytes == tuned.bytes > 0
    assert base.bytes / 3 < detector.bytes < base.bytes / 2  # no optimizer's moments of frozen weights
    assert detector.tokens == 9 * 2 * 192


def test_the_log_of_a_copilot_has_its_disk(content: dict[str, Any], tmp_path: Path) -> None:
    copilot = {"start": "original", "stage": "copilot", "config": "configs/copilot/nano.yaml"}
    arms = [{"row": "original"}, {"row": "copilot", "finetune": copilot, "evaluate": False}]
    jobs = plan(build_config(Sweep, content | {"arms": arms}, "test"), tmp_path)
    with_log = next(one for one in jobs if one.stage == "copilot")
    settings = start_settings(with_log, jobs)
    position = 4 * settings["model"]["heads"] * settings["model"]["head_size"] + 4 * 192 + 9
    assert cost(with_log, settings, None).bytes > 2 * 128 * 16 * 128 * position


def test_grid_pairs_values_that_go_together() -> None:
    """Guards against LoRA ranks 4 with embedding ranks of another row."""
    points = grid_points({"rank, embedding": [[4, 8], [8, 16]], "rate": [0.1, 0.2]}, "here")
    assert points[1] == {"rank": 4, "embedding": 8, "rate": 0.2}
    assert len(points) == 4
    with pytest.raises(InputError, match="names 2 values"):
        grid_points({"a, b": [[1, 2, 3]]}, "here")


def test_unknown_variable_is_named() -> None:
    """Guards against a literal `{rtae}` reaching the training command."""
    with pytest.raises(InputError, match="did you mean 'rate'"):
        fill("data.mistakes.rate={rtae}", {"rate": 0.1}, "arm 'x'")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoders": ["greedi"]}, "unknown decoder 'greedi'; did you mean 'greedy'"),
        ({"cells": ["nano_pq:op<=3", "nanno_pq:op=4"]}, "unknown cell 'nanno_pq:op=4'; did you mean 'nano_pq:op=4'"),
        ({"cells": ["op=60"]}, "cell 'nano_pq:op=60'"),
        ({"cells": ["med_pq:op=20"]}, "has the names of lexicon 'full', nano_pq-original-seed1 learns those of 'nano'"),
        ({"arms": [{"row": "x", "grid": {"rate": []}}]}, "arm 'x': grid 'rate' has no values; give at least one"),
    ],
)
def test_wrong_names_are_found_before_anything_runs(
    content: dict[str, Any], tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """Guards against a decoder or cell whose typing error is noticed after all pretraining."""
    content["families"]["nano_pq"]["cells"] = change.pop("cells", ["op=4"])
    with pytest.raises(InputError, match=message):
        plan(build_config(Sweep, content | change, "test"), tmp_path)


def test_cells_are_filed_under_their_full_names(content: dict[str, Any], tmp_path: Path) -> None:
    """Guards against evaluations under short names that are done again for ever and never reach the report."""
    content["families"]["nano_pq"]["cells"] = ["op<=3", "op=4,op=4 reask"]
    sweep = build_config(Sweep, content, "test")
    names = ("nano_pq:op<=3", "nano_pq:op=4", "nano_pq:op=4 reask")
    assert job(plan(sweep, tmp_path), "eval nano_pq-original-seed1 greedy").cells == names
    request = report_request(sweep, tmp_path)
    assert request.columns == request.sources[0].cells == names


def test_an_option_newer_than_the_run_counts_once_it_is_on() -> None:
    """Guards against finished runs that an update of the program no longer takes for the same."""
    found = {"lora": {"query_value_rank": 4}}
    assert what_differs({"lora": {"query_value_rank": 4, "output_rank": 0}}, found) == []
    assert what_differs({"lora": {"query_value_rank": 4, "output_rank": 8}}, found) == [
        "lora.output_rank: None there, 8 here"
    ]
    assert what_differs({"lora": {"query_value_rank": 0}}, found) == ["lora.query_value_rank: 4 there, 0 here"]


def test_a_report_leaves_out_runs_of_other_settings_and_says_so(sweep: Sweep, tmp_path: Path) -> None:
    """Guards against numbers of another run in a row, and a row that vanishes with its run."""
    original, _, retry, *_ = plan(sweep, tmp_path)
    for one, config in ((original, yaml.safe_dump(original.settings | {"seed": 9})), (retry, "data: [")):
        one.run.mkdir(parents=True)
        (one.run / "config.yaml").write_text(config)
    request = report_request(sweep, tmp_path)
    assert request.all_rows == ["original", "retry 0.2", "retry 0.5"]
    assert [source.row for source in request.sources] == ["retry 0.5"]
    assert "original-seed1 was made with other settings: seed: 9 there, 1 here" in request.introduction
    assert "retry-0.2-seed1/config.yaml: not valid YAML" in request.introduction
