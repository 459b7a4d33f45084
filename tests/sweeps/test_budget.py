"""Budgets: what they say of a run that has not been trained is what its training counts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from igsm.config import build_config
from igsm.model.config import LoRAConfig
from igsm.reporting.budgets import Budget, markdown, terminal_table
from igsm.rundir import RunFolder
from igsm.sweeps.budget import COUNTED, SAMPLED, budgets, notes
from igsm.sweeps.plan import plan
from igsm.sweeps.sweep import Sweep
from igsm.training.budget import WINDOWS, operations_a_token, share_with_loss, tokens_seen, with_vocabulary
from igsm.training.config import FinetuneConfig, PretrainConfig
from igsm.training.distributed import Ranks
from igsm.training.windows import window_batches

LAYER = 12 * 64**2
SETTINGS: dict[str, dict[str, Any]] = {
    "data": {"problem": {"difficulty": "nano"}, "context": 128, "windows_per_block": WINDOWS},
    "model": {"layers": 2, "heads": 2, "head_size": 32, "vocabulary_size": 100},
    "training": {"steps": 20, "batch": WINDOWS, "warmup_steps": 2},
}


def config(**changes: Any) -> PretrainConfig:
    return build_config(PretrainConfig, {name: SETTINGS[name] | changes.get(name, {}) for name in SETTINGS}, "test")


def test_operations_of_a_token() -> None:
    """Worked out by hand: 2 layers of width 64, 100 ids."""
    assert operations_a_token(config()) == 6 * (2 * LAYER + 100 * 64)
    untied = config(model={**SETTINGS["model"], "tied": False})
    assert operations_a_token(untied) == operations_a_token(config())  # what is looked up is not multiplied
    own = {**SETTINGS, "from": "runs/x", "lora": {"query_value_rank": 3, "embedding_rank": 1}}
    updates = 4 * 3 * 64 * 2 + 1 * (100 + 64)
    assert LoRAConfig(query_value_rank=3, embedding_rank=1).n_weights(config().shape) == updates
    tuned = build_config(FinetuneConfig, own, "test")
    assert operations_a_token(tuned) == 4 * (2 * LAYER + 100 * 64) + 6 * updates


@pytest.mark.parametrize(
    ("data", "training"),
    [
        ({}, {}),
        ({}, {"loss_on": "solution"}),
        ({"mistakes": {"kind": "retry", "rate": 0.5}}, {"label_masking": "step"}),
        ({"method": {"name": "correct", "share": 0.5}}, {}),
    ],
)
def test_the_share_with_loss_is_that_of_training(data: dict[str, Any], training: dict[str, Any]) -> None:
    """Guards against a count that knows nothing of the method or the recipe: it is that of the run's first batch."""
    run = config(data={**SETTINGS["data"], **data}, training={**SETTINGS["training"], **training})
    run = with_vocabulary(run.model_copy(update={"model": run.model.model_copy(update={"vocabulary_size": None})}))
    from igsm.corpus.vocabulary import load_vocabulary

    vocabulary = load_vocabulary(run.data.problem, marks=run.data.method.marks)
    assert run.shape.vocabulary_size == vocabulary.size
    batches = window_batches(run.data, run.training, Ranks(torch.device("cpu")), 0, vocabulary)
    first = next(iter(batches))
    batches.close()
    assert share_with_loss(run) * WINDOWS * 128 == first.n_targets
    assert (first.n_targets == WINDOWS * 127) == (not data and not training)


def test_finished_runs_say_what_they_have_counted(sweep: Sweep, tmp_path: Path) -> None:
    jobs = [job for job in plan(sweep, tmp_path) if job.stage == "pretrain"]
    folder = RunFolder(jobs[0].run)
    folder.path.mkdir(parents=True)
    lines = [{"step": 20, "tokens_seen": 1000, "targets_seen": 700}, {"step": 20, "held_out_loss": 1.0}]
    folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert tokens_seen(folder.path) is None
    folder.done.touch()
    assert tokens_seen(folder.path) == (1000, 700)
    (only,) = budgets(sweep, tmp_path, planned=False)
    assert (only.row, only.runs, only.tokens, only.with_loss) == ("original", 1, 1000, 700)
    every = budgets(sweep, tmp_path, planned=True)
    assert [(one.row, one.runs) for one in every] == [("original", 1), ("retry 0.2", 0), ("retry 0.5", 0)]
    assert {one.tokens for one in every[1:]} == {20 * 4 * 128}
    assert {one.with_loss for one in every[1:]} == {20 * 4 * 127}
    assert {one.operations / one.tokens for one in every} == {only.operations / 1000}
    assert notes(every)[1:] == [COUNTED, SAMPLED]


def test_the_tables_are_whole_at_80_columns() -> None:
    found = [Budget("fine-tuned, with a long name | of its own", 5, 1.2345e10, None, 6.78901e20)]
    file = io.StringIO()
    Console(file=file, width=80).print(terminal_table(found))
    assert "…" not in file.getvalue()
    assert "1.234e+10" in file.getvalue()
    assert "\\| of its own | 5 | 1.234e+10 | - | 6.789e+20 |" in markdown(found)
