"""A Copilot's training: its loss by hand, its log, and a Pilot that does not notice it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from igsm.config import load_config
from igsm.errors import InputError
from igsm.model import GPT, ModelConfig, load_model
from igsm.model.checkpoint import load_training_state
from igsm.model.copilot import Pair
from igsm.model.sight import parts_of
from igsm.preflight.check import must_be_enough
from igsm.preflight.work import Training
from igsm.training.config import FinetuneConfig
from igsm.training.copilot import CopilotObjective, copilot_loss, copilot_task, load_copilot, train_copilot, with_rounds
from igsm.training.copilot_config import CopilotRunConfig
from igsm.training.distributed import Ranks
from igsm.training.loop import train
from igsm.training.mistake_log import Entry, MistakeLog, errors_of, look
from igsm.training.objective import IGNORE, Batch, batch_of
from igsm.training.settings import resolve
from tests.training.toy_copilot import on_two_ranks, toy_train
from tests.training.toy_training import metrics, train_config, weights
from tests.untrained import tiny_nano, write_untrained

END, START, V = 0, 1, 6
ALONE = Ranks(torch.device("cpu"))
SMALL = [
    *("data.context=96", "data.problem.difficulty=nano", "data.windows_per_block=4", "tracking.mode=disabled"),
    *("training.steps=6", "training.batch=4", "training.warmup_steps=1", "training.learning_rate=0.003"),
    *("training.checkpoint_every=3", "training.log_every=1", "training.evaluate_every=3"),
    *("training.held_out_windows=4", "training.evaluate_problems=0", "training.device=cpu"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "base"
    write_untrained(folder, tiny_nano())
    return folder


def config(base: Path, *more: str) -> CopilotRunConfig:
    changes = [f"from={base}", *SMALL, "copilot.layers=2", "copilot.heads=2", "copilot.head_size=8", *more]
    return load_config(CopilotRunConfig, "configs/copilot/nano.yaml", changes)


def run(base: Path, folder: Path, *more: str, ranks: Ranks = ALONE) -> Any:
    return train_copilot(resolve(config(base, *more), folder), folder, ranks)


def parts(folder: Path, step: int) -> tuple[GPT, nn.Module]:
    checkpoint = folder / f"checkpoints/step_{step}"
    return load_model(checkpoint)[0], load_copilot(checkpoint)[0]


def alike(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


# ---------------------------------------------------------------- what a step computes


class Fixed(nn.Module):
    """A Copilot that says the same everywhere, and keeps what it was given."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = nn.Parameter(output)
        self.given: list[Any] = []

    def forward(self, *given: Any) -> Tensor:
        self.given.append(given)
        return self.output.expand(*given[0].shape[:2], -1)


def objective(base: Path, output: Tensor, *more: str) -> CopilotObjective:
    torch.manual_seed(3)
    pilot = GPT(ModelConfig(layers=2, heads=1, head_size=8, vocabulary_size=V))
    for parameter in pilot.parameters():
        nn.init.normal_(parameter, std=0.5)
    made = Pair(pilot, Fixed(output))  # type: ignore[arg-type]
    return CopilotObjective(made, config(base, *more), END, START, 1)


def three_tokens() -> Batch:
    """A problem of one token, then an answer of two, 4 and END; behind it another document begins."""
    ids = torch.tensor([[3, START, 4, END, 5, START]])
    return batch_of({"ids": ids}, torch.tensor([[IGNORE, 4, END, IGNORE, IGNORE, IGNORE]]))


def test_the_loss_is_equation_7(base: Path) -> None:
    """Guards: the sign of an error, a root for each token, positions outside the answer, an error one position off."""
    output = torch.linspace(-0.2, 0.3, V)
    made = objective(base, output)
    batch = three_tokens()
    loss = made(batch)
    pilot, copilot = made.model.pilot, made.model.copilot
    seen: list[Tensor] = []
    p = pilot.head(pilot.hidden(batch.inputs["ids"], seen=seen)).softmax(-1)[0]  # type: ignore[call-overload]
    first, second = torch.eye(V)[4] - p[1], torch.eye(V)[END] - p[2]
    expected = (((output - first) ** 2).sum() + ((output - second) ** 2).sum()).sqrt()
    pilots = -p[1, 4].log() - p[2, END].log()
    torch.testing.assert_close(loss.sum, pilots + expected)
    assert [float(number.detach()) for number in loss.metrics["copilot_loss"]] == [
        pytest.approx(float(expected.detach())),
        1,
    ]
    assert [float(number.detach()) for number in loss.metrics["pilot_loss"]] == [
        pytest.approx(float(pilots.detach())),
        2,
    ]
    errors, source, given = copilot.given[0]
    torch.testing.assert_close(errors[0, 1:3], torch.stack((first, second)))
    torch.testing.assert_close(source[0, 0], seen[0][0, 0])
    torch.testing.assert_close(source[0, 1], (seen[1] + seen[2])[0, 1] / 2)
    assert given.answering[0].tolist() == [False, True, True, False, False, True]
    assert not errors.requires_grad
    assert not source.requires_grad
    gradient = torch.autograd.grad(loss.sum, pilot.embedding.weight, retain_graph=True)[0]
    torch.testing.assert_close(gradient, torch.autograd.grad(pilots, pilot.embedding.weight)[0])
    (copilots,) = torch.autograd.grad(loss.sum, copilot.output)
    torch.testing.assert_close(copilots, (2 * output - first - second).detach() / expected.detach())


def test_other_losses_by_hand() -> None:
    errors = torch.tensor([[[0.5, -0.5], [-0.2, 0.2], [-0.3, 0.3], [0.9, -0.9]]])
    ids = torch.tensor([[START, 3, END, START]])
    carrying = torch.tensor([[True, True, False, True]])
    entry = Entry(ids, torch.tensor([[0, 1, 1, 0]]), carrying, torch.zeros(1, 4, 1), errors)
    found = torch.zeros(1, 4, 2)
    roots = [(2 * size**2) ** 0.5 for size in (0.5, 0.2, 0.9)]
    expected = {
        "token": (sum(roots), 3),
        "squared": (sum(root**2 for root in roots), 3),
        "sequence": ((roots[0] ** 2 + roots[1] ** 2) ** 0.5 + roots[2], 2),
        "cross_entropy": (-sum(torch.tensor([0.5, 0.8, 0.1]).log()), 3),
    }
    for name, (total, number) in expected.items():
        loss, counted = copilot_loss(name, found, entry, parts_of(ids, END, START))
        assert float(loss) == pytest.approx(float(total), rel=1e-5), name
        assert counted == number


def test_an_error_of_nothing_has_a_gradient() -> None:
    """Guards: the root's derivative at 0, which is not a number, where a window has no answer."""
    errors, ids = torch.zeros(1, 2, 2), torch.tensor([[3, 3]])
    entry = Entry(ids, ids * 0, torch.zeros(1, 2, dtype=torch.bool), torch.zeros(1, 2, 1), errors)
    found = torch.zeros(1, 2, 2, requires_grad=True)
    for name in ("sequence", "token"):
        loss, number = copilot_loss(name, found, entry, parts_of(ids, END, START))
        (gradient,) = torch.autograd.grad(loss, found)
        assert (float(loss.detach()), int(number)) == (0, 0)
        assert not gradient.any()


# ---------------------------------------------------------------- the log


def entry(value: float, targets: list[int], k: int | None = None) -> Entry:
    torch.manual_seed(int(value))
    ids = torch.tensor([targets])
    logits = torch.randn(1, len(targets), V)
    source = torch.full((1, len(targets), 2), value)
    return Entry(ids, ids, ids > 0, source, errors_of(logits, ids, k))


@pytest.mark.parametrize("k", [None, 3])
def test_the_log_gives_what_a_round_has_noted(k: int | None) -> None:
    """Guards: a ring that overwrites the wrong round, rows that change places, errors that top-k leaves otherwise."""
    log = MistakeLog(2, 2, k)
    rounds = [[entry(10 * step + row, [2, 3, 4], k) for row in range(2)] for step in range(3)]

    def put(step: int, ages: list[int]) -> list[Entry]:
        """Each row on its own, as micro-batches of one do."""
        return [
            log.exchange(rounds[step][row], *(torch.tensor([n]) for n in (row, step % 2, (step - age) % 2)))
            for row, age in enumerate(ages)
        ]

    for step, ages in enumerate(([0, 0], [1, 0], [0, 1])):
        for row, (found, age) in enumerate(zip(put(step, ages), ages, strict=True)):
            for got, expected in zip(found, rounds[step - age][row], strict=True):
                torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("k", [None, 2])
def test_what_the_log_says_of_its_tokens(k: int | None) -> None:
    """Guards the sign of an error that is read again, and the most probable id where the right one has most."""
    log, one = MistakeLog(1, 1, k), entry(3, [2, 3, 4, 1, 5])
    log.exchange(one, *(torch.tensor([0]) for _ in range(3)))
    found, p = look(log.kept), one.probabilities
    likely = p.topk(k or V).indices
    right = p.gather(-1, one.targets[..., None])[..., 0] * (likely == one.targets[..., None]).any(-1)
    torch.testing.assert_close(found.right[0], right)
    assert torch.equal(found.best[0], p.argmax(-1))
    assert len(set(found.best.flatten().tolist())) > 1
    assert torch.equal(found.ids[0], one.ids)


def test_top_k_of_all_ids_is_the_error_itself() -> None:
    logits, targets = torch.randn(2, 3, V), torch.tensor([[0, 1, 2], [3, 4, 5]])
    torch.testing.assert_close(errors_of(logits, targets, V), errors_of(logits, targets))
    assert (errors_of(logits, targets, 2) != 0).sum(-1).max() <= 3


def test_a_draw_from_the_log_is_uniform_and_the_same_for_any_number_of_processes(base: Path) -> None:
    settings = config(base, "log.rounds=4")
    whole = batch_of({"ids": torch.zeros(8, 3, dtype=torch.int64)}, torch.zeros(8, 3, dtype=torch.int64))
    half = replace(whole, inputs={"ids": torch.zeros(4, 3)}, targets=whole.targets[:4])
    ages: list[int] = []
    for step in range(400):
        drawn = with_rounds(whole, settings, ALONE, step).inputs
        pieces = [with_rounds(half, settings, Ranks(ALONE.device, rank, 2), step).inputs for rank in range(2)]
        assert torch.equal(drawn["taken"], torch.cat([piece["taken"] for piece in pieces]))  # type: ignore[call-overload]
        assert set(drawn["place"].tolist()) == {step % 4}  # type: ignore[call-overload]
        found = ((step - drawn["taken"]) % 4).tolist()  # type: ignore[call-overload]
        assert max(found) <= step
        ages += found if step > 3 else []
    counts = torch.bincount(torch.tensor(ages), minlength=4)
    assert (counts / len(ages) - 0.25).abs().max() < 0.03


# ---------------------------------------------------------------- runs


def test_the_pilot_ends_as_it_would_alone(base: Path, tmp_path: Path) -> None:
    """Guards: gradients, random numbers, learning rates or weight decay of the Copilot that reach the Pilot."""
    run(base, tmp_path / "pair", "log.rounds=3", "rate=2.0", "training.optimizer=muon")
    alone = load_config(
        FinetuneConfig,
        "configs/finetune/nano/continued.yaml",
        [f"from={base}", *SMALL, "data.mistakes.kind=none", "data.mistakes.rate=0"],
    )
    alone = alone.model_copy(update={"data": config(base).data, "training": config(base).training})
    train_config(
        alone.model_copy(update={"training": config(base, "training.optimizer=muon").training}), tmp_path / "x"
    )
    pilot, _ = parts(tmp_path / "pair", 6)
    other, _ = load_model(tmp_path / "x")
    before, _ = load_model(base)
    assert alike(pilot, other)
    assert not alike(pilot, before)
    for ours, theirs in zip(metrics(tmp_path / "pair"), metrics(tmp_path / "x"), strict=True):
        key = "loss" if "loss" in theirs else "held_out_loss"
        assert ours[key.replace("loss", "pilot_loss")] == pytest.approx(theirs[key], rel=1e-6)


def test_a_fixed_pilot_stays_and_the_copilot_learns(base: Path, tmp_path: Path) -> None:
    more = ("pilot=fixed", "training.steps=30", "training.learning_rate=0.01", "training.checkpoint_every=15")
    run(base, tmp_path / "run", *more)
    assert alike(parts(tmp_path / "run", 30)[0], load_model(base)[0])
    found = [line["copilot_loss"] for line in metrics(tmp_path / "run") if "copilot_loss" in line]
    assert sum(found[-5:]) < 0.95 * sum(found[:5])


class Stopping:
    """Batches of a task; a signal comes before the one of a step."""

    def __init__(self, batches: Any, left: int) -> None:
        self._batches, self._left = batches, left

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGTERM)
            self._left -= 1
            yield batch

    def close(self) -> None:
        self._batches.close()


@pytest.mark.parametrize("more", [["log.rounds=3"], ["log.rounds=3", "log.top_k=4", "training.micro_batch=3"]], ids=str)
def test_a_run_that_was_stopped_ends_bit_for_bit_as_one_that_was_not(
    base: Path, tmp_path: Path, more: list[str]
) -> None:
    """Guards: a log that begins empty after a resume, and draws that depend on where it began."""
    run(base, tmp_path / "whole", *more)
    resolved = resolve(config(base, *more), tmp_path / "stopped")
    task = copilot_task(resolved.config, resolved.vocabulary, ALONE)
    stopping = replace(task, batches=lambda step: Stopping(task.batches(step), 3))
    settings = resolved.config
    where = {"resolved": settings, "tracking": settings.tracking, "ranks": ALONE}
    assert train(stopping, settings.training, tmp_path / "stopped", **where).status == "requeue"  # type: ignore[arg-type]
    assert (tmp_path / "stopped/checkpoints/step_4").is_dir()
    assert run(base, tmp_path / "stopped", *more).status == "done"
    assert weights(tmp_path / "stopped", 6) == weights(tmp_path / "whole", 6)


def test_two_processes_equal_one(base: Path, tmp_path: Path) -> None:
    """Guards: draws and logs of a process's own, and a checkpoint that holds the log of the first process only."""
    more = ["log.rounds=3", "training.micro_batch=1", "training.held_out_windows=0"]
    whole = resolve(config(base, *more))
    half = resolve(config(base, *more, "training.steps=3"))
    toy_train(whole, tmp_path / "one", ALONE)
    toy_train(half, tmp_path / "half", ALONE)
    assert on_two_ranks(half, tmp_path / "two") == [0, 0]
    states = [load_training_state(tmp_path / name / "checkpoints/step_3")["kept"] for name in ("half", "two")]
    assert states[0].keys() == states[1].keys()
    for name, rows in states[0].items():
        assert rows.shape[0] == 4
        torch.testing.assert_close(rows, states[1][name], rtol=1e-3, atol=1e-4)
    assert on_two_ranks(whole, tmp_path / "both") == [0, 0]
    for one, other in zip(parts(tmp_path / "one", 6), parts(tmp_path / "both", 6), strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-3)


def test_a_run_of_lora_is_a_start(base: Path, tmp_path: Path) -> None:
    """Guards a Pilot without the updates of LoRA: it begins, and is kept while it is fixed, with all of them merged."""
    small = [one for one in SMALL if not one.startswith(("training.evaluate_problems", "training.held_out"))]
    ranks = ["lora.query_value_rank=2", "lora.embedding_rank=4", "lora.output_rank=3"]
    lora = load_config(FinetuneConfig, "configs/finetune/lora.yaml", [f"from={base}", *small, *ranks])
    assert train_config(lora, tmp_path / "lora", ALONE).status == "done"
    assert run(tmp_path / "lora", tmp_path / "pair", "pilot=fixed").status == "done"
    pilot, copilot = parts(tmp_path / "pair", 6)
    merged, _ = load_model(tmp_path / "lora")
    assert pilot.config == merged.config
    assert alike(pilot, merged)
    assert not alike(pilot, load_model(base)[0])
    assert run(tmp_path / "lora", tmp_path / "both").status == "done"
    assert not alike(parts(tmp_path / "both", 6)[0], merged)
    assert any(one.abs().sum() > 0 for one in copilot.parameters())


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["training.gradient_clip=1.0"], "gradient_clip"),
        (["loss=cross_entropy"], "copilot.errors=zero"),
        (["log.top_k=100000"], "log.top_k is 100000, the vocabulary has"),
        (["copilot.init=pilot", "copilot.heads=1"], "copilot.heads is 1, the Pilot's 2"),
        (["data.method.name=masked_thought"], "'masked_thought' computes something else"),
        (["data.problem.difficulty=med"], "trained on another vocabulary"),
        (["log.rounds=2", "training.skip_bad_steps=1"], "skip_bad_steps"),
        (["lora.query_value_rank=8"], "lora: Pilot and Copilot learn with all weights; leave it out"),
        (["from=nowhere"], "nowhere: no such run folder"),
    ],
)
def test_what_does_not_go_together_is_refused(base: Path, more: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        resolve(config(base, *more))


def test_a_log_that_does_not_fit_is_refused_with_its_size(tmp_path: Path) -> None:
    """Guards: 128 rounds of 512 windows of 768 tokens, found out when memory is full. One round keeps nothing."""
    shape = ModelConfig(layers=12, heads=12, vocabulary_size=2368)
    for rounds, size in ((128, "632 GB"), (1, None)):
        made = load_config(CopilotRunConfig, "configs/copilot/small.yaml", [f"log.rounds={rounds}"])
        needs = Training.of(made.model_copy(update={"model": shape}), 1, 1).work(tmp_path).memory
        if size is None:
            must_be_enough(needs, 200 * 10**9, "in memory")
            continue
        with pytest.raises(InputError, match=rf"the mistake log {size}.*make log.rounds or log.top_k smaller"):
            must_be_enough(needs, 200 * 10**9, "in memory")


def test_a_model_without_copilot_is_told_apart(base: Path) -> None:
    with pytest.raises(InputError, match="not a copilot; train one for the model to watch: `mistakes copilot"):
        load_copilot(base)
