"""The loop learns, logs, evaluates, stops on nonsense and refuses folders that hold something else."""

from __future__ import annotations

import errno
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from igsm.corpus.config import DataConfig
from igsm.errors import InputError
from igsm.model import GPT, load_model
from igsm.training import execution, resume
from igsm.training.distributed import Ranks
from igsm.training.execution import Execution
from igsm.training.folder import MAY_CHANGE
from igsm.training.objective import IGNORE, Batch, CrossEntropy, Loss, Objective, batch_of
from igsm.training.optimizers import Optimizers
from igsm.training.schedules import learning_rate
from igsm.training.task import TrainingError
from tests.training.toy_training import CONTEXT, ToyWindows, metrics, toy_config, toy_task, toy_train, weights

ALONE = Ranks(torch.device("cpu"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "muon"},
        {"schedule": "wsd", "gradient_clip": 1.0},
        {"optimizer": "muon", "precision": "bfloat16_products"},
    ],
    ids=str,
)
def test_it_learns_to_count(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Guards: targets not shifted, gradients not reaching the weights, a schedule that never rises."""
    config = toy_config(steps=60, batch=16, learning_rate=0.02, **settings)
    assert toy_train(config, tmp_path / "run").status == "done"
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert losses[0] == pytest.approx(3.47, abs=0.1)  # ln 32
    assert losses[-1] < 0.5
    model, _ = load_model(tmp_path / "run")
    assert model(torch.arange(10).view(1, 10)).argmax(-1)[0, 3:].tolist() == list(range(4, 11))


def test_metrics_say_what_was_done(tmp_path: Path) -> None:
    """Guards: counts per process instead of per run, a learning rate one step off, a missing field."""
    config = toy_config(label_masking="parameter", log_every=5, steps=12)
    toy_train(config, tmp_path)
    lines = metrics(tmp_path)
    assert [line["step"] for line in lines] == [5, 10, 12]
    batches = iter(ToyWindows(config, ALONE, 0))
    targets = [next(batches).n_targets for _ in range(12)]
    last = lines[-1]
    assert last["tokens_seen"] == 12 * 4 * CONTEXT
    assert last["targets_seen"] == sum(targets)
    assert last["masked_share"] == pytest.approx(1 - sum(targets[10:]) / (2 * 4 * CONTEXT))
    assert last["learning_rate"] == pytest.approx(0.002 * 0.01)
    assert last["gradient_norm"] > 0
    assert last["tokens_per_second"] > 0
    assert 0 <= last["loader_wait_share"] <= 1


def test_held_out_loss_and_evaluation_are_logged(tmp_path: Path) -> None:
    """Guards: evaluation in training mode, on other data every time, or left out at the end."""
    seen = []

    def evaluate(model: nn.Module, step: int) -> dict[str, float]:
        assert not model.training
        assert not torch.is_grad_enabled()
        seen.append(step)
        return {"accuracy": 0.5}

    config = toy_config(steps=15)
    batch = next(iter(ToyWindows(config, ALONE, 999)))
    toy_train(config, tmp_path, held_out=lambda: iter([batch]), evaluate=evaluate)
    lines = [line for line in metrics(tmp_path) if "held_out_loss" in line]
    assert seen == [line["step"] for line in lines] == [10, 15]
    model, _ = load_model(tmp_path)
    logits = model(*batch.inputs).flatten(0, 1)
    loss = nn.functional.cross_entropy(logits, batch.targets.flatten(), ignore_index=IGNORE)
    assert lines[-1]["held_out_loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert lines[-1]["accuracy"] == 0.5


def test_micro_batches_change_nothing_but_rounding(tmp_path: Path) -> None:
    """Guards: the mean of the parts' means instead of the mean over all targets."""
    toy_train(toy_config(label_masking="step"), tmp_path / "whole")
    toy_train(toy_config(label_masking="step", micro_batch=3), tmp_path / "parts")
    for a, b in zip(metrics(tmp_path / "whole"), metrics(tmp_path / "parts"), strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-4)
        assert a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-3)


class Counting(Objective):
    """Cross-entropy that also says how often token 3 is the target's guess, of the even targets."""

    metrics = ("says_3", "none_of_them")

    def forward(self, batch: Batch) -> Loss:
        even = (batch.targets != IGNORE) & (batch.targets % 2 == 0)
        guessed = self.logits(batch.inputs).argmax(-1) == 3
        zero = torch.zeros(())
        named = {"none_of_them": (zero, zero), "says_3": ((guessed & even).sum(), even.sum())}
        return Loss(CrossEntropy(self.model)(batch).sum, named)


def test_what_an_objective_measures_stands_beside_its_loss(tmp_path: Path) -> None:
    """Guards: a metric divided by the loss's count, averaged over parts or steps of uneven counts, or named wrongly; a
    mean over nothing given as a number; another gradient."""
    recipe = {"log_every": 3, "checkpoint_every": 6, "evaluate_every": 6, "micro_batch": 3, "learning_rate": 1e-9}
    config = toy_config(label_masking="step", steps=6, **recipe)
    held_out = next(iter(ToyWindows(config, ALONE, 999)))
    toy_train(config, tmp_path / "run", objective=Counting, held_out=lambda: iter([held_out]))
    toy_train(config, tmp_path / "plain", held_out=lambda: iter([held_out]))
    assert weights(tmp_path / "run", 6) == weights(tmp_path / "plain", 6)
    model, _ = load_model(tmp_path / "run")  # its weights hardly changed
    batches = list(itertools.islice(ToyWindows(config, ALONE, 0), 6))
    lines = metrics(tmp_path / "run")
    for line, those in zip(lines, (batches[:3], batches[3:], [held_out]), strict=True):
        targets = torch.cat([batch.targets for batch in those])
        even = (targets != IGNORE) & (targets % 2 == 0)
        guessed = model(torch.cat([batch.inputs[0] for batch in those])).argmax(-1) == 3
        name = "says_3" if "loss" in line else "held_out_says_3"
        assert line[name] == pytest.approx(guessed[even].float().mean().item())
    plain = [line.keys() for line in metrics(tmp_path / "plain")]
    assert [line.keys() - keys for line, keys in zip(lines, plain, strict=True)] == [
        {"says_3"},
        {"says_3"},
        {"held_out_says_3"},
    ]


def test_a_weighted_batch_is_divided_by_its_weights(tmp_path: Path) -> None:
    """Guards: weights whose sum is below 1 divided by 1; micro-batches divided by their own."""

    class Weighted(ToyWindows):
        def __iter__(self) -> Iterator[Batch]:
            for batch in super().__iter__():
                factor = torch.arange(4)[:, None] * 1e-3
                yield batch_of(batch.inputs, batch.targets, factor.expand(batch.targets.shape))

    config = toy_config(steps=5, micro_batch=2)
    toy_train(config, tmp_path, batches=lambda step: Weighted(config, ALONE, step))
    first = next(iter(Weighted(config, ALONE, 0)))
    model = toy_task(config, ALONE).model
    each = CrossEntropy(model)
    rows = [batch_of((row[None],), targets[None]) for row, targets in zip(first.inputs[0], first.targets, strict=True)]
    n = torch.tensor([float(row.count) for row in rows])
    sums = torch.stack([each(row).sum for row in rows])
    factor = torch.arange(4) * 1e-3
    assert metrics(tmp_path)[0]["loss"] == pytest.approx(((sums * factor).sum() / (n * factor).sum()).item(), rel=1e-5)
    assert metrics(tmp_path)[0]["targets_seen"] == n.sum()


def test_checkpoints_kept(tmp_path: Path) -> None:
    """Guards: keep_every counted in checkpoints, or the last one deleted."""
    toy_train(toy_config(steps=20, checkpoint_every=2, keep_last=3, keep_every=8), tmp_path)
    names = sorted(int(path.name[5:]) for path in (tmp_path / "checkpoints").iterdir())
    assert names == [8, 16, 18, 20]


def poisoned_model(config: Any, bad_calls: set[int], value: float) -> nn.Module:
    """A model whose logits are multiplied by `value` in some calls."""

    class Model(GPT):
        calls = 0

        def forward(self, ids: torch.Tensor, **kw: Any) -> torch.Tensor:
            self.calls += 1
            logits = super().forward(ids, **kw)
            return logits * value if self.calls in bad_calls else logits

    torch.manual_seed(0)
    return Model(config.model)


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_nonsense_stops_naming_the_last_good_checkpoint(tmp_path: Path, value: float) -> None:
    """Guards: hours of training on NaN, and a checkpoint of NaN weights."""
    config = toy_config(log_every=4)
    model = poisoned_model(config, {13}, value)
    with pytest.raises(TrainingError, match="step 13.*last good checkpoint: .*step_10"):
        toy_train(config, tmp_path, model=model)
    loaded, _ = load_model(tmp_path)
    assert all(torch.isfinite(p).all() for p in loaded.parameters())


def test_a_bounded_number_of_bad_steps_is_left_out(tmp_path: Path) -> None:
    """Guards: a skipped step that still moves weights or moments; an unbounded number of skips."""
    config = toy_config(skip_bad_steps=2, steps=8)
    toy_train(config, tmp_path / "ok", model=poisoned_model(config, {3, 5}, float("nan")))
    lines = metrics(tmp_path / "ok")
    assert [line["skipped_steps"] for line in lines] == [0, 0, 1, 1, 2, 2, 2, 2]
    assert [line["step"] for line in lines if "loss" not in line] == [3, 5]  # nothing was measured there
    assert all(0 <= line["masked_share"] < 1 for line in lines if "loss" in line)
    loaded, _ = load_model(tmp_path / "ok")
    assert all(torch.isfinite(p).all() for p in loaded.parameters())
    with pytest.raises(TrainingError, match="step 6"):
        toy_train(config, tmp_path / "bad", model=poisoned_model(config, {3, 5, 6}, float("nan")))


def test_a_resumed_run_may_allow_fewer_bad_steps_than_it_had(tmp_path: Path) -> None:
    """Guards an IndexError where no step of this start is bad."""
    config = toy_config(skip_bad_steps=2, steps=8)
    toy_train(config, tmp_path, model=poisoned_model(config, {3, 5}, float("nan")))
    (tmp_path / "DONE").unlink()
    shutil.rmtree(tmp_path / "checkpoints" / "step_8")
    assert toy_train(toy_config(skip_bad_steps=0, steps=8), tmp_path).status == "done"


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    """Guards: a run silently overwritten, or continued with another recipe."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="thesis.tex"):
        toy_train(toy_config(), tmp_path / "other")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        toy_train(toy_config(), tmp_path / "file")
    toy_train(toy_config(), tmp_path / "run")
    before = weights(tmp_path / "run", 20)
    with pytest.raises(InputError, match="training.learning_rate is 0.002 there and 0.1 here"):
        toy_train(toy_config(learning_rate=0.1), tmp_path / "run")
    with pytest.raises(InputError, match="model.layers"):
        toy_train(toy_config({"layers": 1}), tmp_path / "run")
    assert toy_train(toy_config(checkpoint_every=7), tmp_path / "run").status == "done"
    assert weights(tmp_path / "run", 20) == before


def test_settings_that_may_change_exist() -> None:
    """Guards: a renamed setting that can then not be changed any more."""
    settings = {f"training.{name}" for name in type(toy_config().training).model_fields}
    settings |= {f"data.{name}" for name in DataConfig.model_fields}
    assert MAY_CHANGE - {"tracking", "validation"} <= settings  # sections of their own


@pytest.mark.parametrize(("given", "small", "expected"), [(None, 10**6, 1), (None, 1, 2), (2, 10**6, 2), (3, 1, 3)])
def test_small_models_train_on_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: int | None, small: int, expected: int
) -> None:
    """Guards: a small model ten times slower on two busy cores; threads that stay changed after the run."""
    monkeypatch.setattr(execution, "SMALL", small)
    seen: list[int] = []

    def evaluate(model: nn.Module, step: int) -> dict[str, float]:
        seen.append(torch.get_num_threads())
        return {}

    threads = [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)  # real ones make later forks hang in OpenMP
    toy_train(toy_config(steps=5, threads=given), tmp_path, evaluate=evaluate)
    assert torch.get_num_threads() == 2
    assert seen == [expected]


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: a stack trace; half a checkpoint that looks whole."""
    real = resume.save_checkpoint

    def full(folder: Path, *rest: Any) -> None:
        if folder.name == "step_15":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(folder, *rest)

    monkeypatch.setattr(resume, "save_checkpoint", full)
    with pytest.raises(InputError, match="No space left on device; last good checkpoint: .*step_10"):
        toy_train(toy_config(), tmp_path)


@pytest.mark.parametrize(("place", "kept"), [("gradients", 7), ("measure", 10), ("update", 5)])
def test_out_of_memory_is_one_line_and_keeps_what_is_done(
    place: str, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: a stack trace; steps that are lost, or saved with half an update."""
    config = toy_config(evaluate_every=10, checkpoint_every=5, held_out_windows=4)
    kind, name = (Optimizers, "step") if place == "update" else (Execution, place)
    real, calls = getattr(kind, name), []

    def full(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == (1 if place == "measure" else 8):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return real(*arguments)

    held_out = {"held_out": lambda: iter([next(iter(ToyWindows(config, Ranks(torch.device("cpu")), 99)))])}
    monkeypatch.setattr(kind, name, full)
    message = f"out of memory on cpu after step .*; make training.micro_batch smaller than 4; .*step_{kept}$"
    with pytest.raises(InputError, match=message):
        toy_train(config, tmp_path / "stopped", **held_out)
    assert toy_train(config, tmp_path / "stopped", **held_out).began_at == kept
    monkeypatch.undo()
    toy_train(config, tmp_path / "whole", **held_out)
    assert weights(tmp_path / "stopped", 20) == weights(tmp_path / "whole", 20)


@pytest.mark.parametrize("bad", [set(), {6}])
def test_out_of_memory_saves_no_step_that_nobody_looked_at(
    bad: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards: weights that are not finite as "last good checkpoint"; targets of the last steps that are not counted."""
    config = toy_config(log_every=10)
    real, calls = Execution.gradients, []

    def full(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 9:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*arguments)

    monkeypatch.setattr(Execution, "gradients", full)
    with pytest.raises(InputError, match=f"last good checkpoint: .*step_{5 if bad else 8}$"):
        toy_train(config, tmp_path / "run", model=poisoned_model(config, bad, float("nan")))
    if not bad:
        assert metrics(tmp_path / "run")[-1]["targets_seen"] > metrics(tmp_path / "run")[0]["targets_seen"] > 0


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", {0: 0.5, 1: 1.0, 2: 1.0, 101: 0.01, 51: 0.5102}),
        ("linear", {0: 0.5, 2: 1.0, 101: 0.01, 51: 0.51}),
        ("wsd", {0: 0.5, 2: 1.0, 80: 1.0, 101: 0.01}),
        ("constant", {0: 0.5, 50: 1.0, 101: 1.0}),
    ],
)
def test_schedules(schedule: str, expected: dict[int, float]) -> None:
    """Guards: a decay that ends early, a first step at rate 0."""
    config = toy_config(steps=102, warmup_steps=2, schedule=schedule, learning_rate=1.0).training
    for step, factor in expected.items():
        assert learning_rate(config, step) == pytest.approx(factor, abs=0.01), step


def test_the_paper_recipe_is_the_default() -> None:
    config = toy_config().training
    assert (config.betas, config.final_ratio) == ((0.9, 0.98), 0.01)
    assert (config.label_masking, config.loss_on) == ("none", "all")
