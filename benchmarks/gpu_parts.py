"""The parts of `make gpu-quarter` (`benchmarks.gpu_quarter`), each a process: `python -m benchmarks.gpu_parts NAME`.

What fails within a part is printed with its trace, and the part goes on with what comes next.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_quarter import Notes, end_with_parent


@dataclass
class Here:
    """What a part is told."""

    device: torch.device
    seconds: float
    notes: Notes

    @property
    def tiny(self) -> bool:
        """Whether this is the rehearsal on a CPU."""
        return self.device.type == "cpu"

    @property
    def left(self) -> float:
        """Seconds."""
        return self.seconds - self.notes.seconds

    def keep(self, what: str, **values: Any) -> None:
        """Print a result, and keep it."""
        print(f"{what}: " + ", ".join(f"{key} {value}" for key, value in values.items()), flush=True)
        self.notes.keep(what=what, **values)

    @contextlib.contextmanager
    def trying(self, what: str, needs: float = 0.0) -> Iterator[None]:
        """A failure within is printed, and what comes after goes on."""
        if self.left < needs:
            print(f"{what}: may not fit into the {self.left:.0f} s that are left", flush=True)
        try:
            yield
        except Exception:
            print(f"{what}: failed\n{traceback.format_exc()}", flush=True)
            self.notes.keep(what=what, failed=traceback.format_exc(limit=-3))


def training(here: Here) -> None:
    """Tokens a second of training steps on random tokens, and of the baseline."""
    from benchmarks.train import Size, matmul_rate, measure_baseline

    size = Size("med", 12, 12, 64, 768, 512, steps=4, warmup=1)
    micro_batches: tuple[int, ...] = (128, 64, 256)
    baseline = Size("med", 12, 12, 64, 768, 64, steps=8, warmup=3)
    if here.tiny:
        size, micro_batches = Size("nano", 1, 1, 8, 16, 4, steps=1, warmup=1), (2, 4)
        baseline = Size("nano", 1, 1, 8, 16, 2, steps=1, warmup=1)
    peak = matmul_rate(here.device)
    here.keep("matrix product", teraflops=round(peak / 1e12, 2))

    def measured(what: str, rate: float, operations: float, began: float) -> None:
        share = f"{rate * operations / peak:.1%}"
        memory = None if here.tiny else round(torch.cuda.max_memory_allocated() / 2**30, 1)
        here.keep(
            what, tokens_per_second=round(rate), utilised=share, GiB=memory, took=round(time.monotonic() - began, 1)
        )

    def ours(micro_batch: int) -> None:
        with here.trying(f"ours, micro-batch {micro_batch}"):
            began = time.monotonic()
            rate, operations = step_rate(size, micro_batch, here.device)
            measured(f"ours, micro-batch {micro_batch}", rate, operations, began)
        _forget(here)

    ours(micro_batches[0])
    with here.trying("transformers"):
        began = time.monotonic()
        torch.set_float32_matmul_precision("high")
        row = measure_baseline(baseline, here.device)
        if row is not None:
            measured(f"{row.name}, micro-batch {row.micro_batch}", row.tokens_per_second, row.operations, began)
    _forget(here)
    for micro_batch in micro_batches[1:]:
        ours(micro_batch)


def _forget(here: Here) -> None:
    from benchmarks.train import _forget as forget

    forget()


def step_rate(size: Any, micro_batch: int, device: torch.device) -> tuple[float, float]:
    """Tokens a second of our steps on random tokens, and the operations a token takes."""
    from benchmarks.train import _wait, operations_per_token
    from igsm.corpus.vocabulary import load_vocabulary
    from igsm.model import GPT, ModelConfig
    from igsm.problems.difficulty import ProblemConfig
    from igsm.training.config import TrainingConfig
    from igsm.training.distributed import Ranks
    from igsm.training.execution import Execution
    from igsm.training.objective import CrossEntropy, next_token_batch
    from igsm.training.optimizers import Optimizers

    ids = load_vocabulary(ProblemConfig(difficulty=size.difficulty)).size
    shape = ModelConfig(layers=size.layers, heads=size.heads, head_size=size.head_size, vocabulary_size=ids)
    recipe = TrainingConfig(steps=100, batch=size.batch, micro_batch=micro_batch, warmup_steps=0)
    model = GPT(shape).to(device)
    execution = Execution(CrossEntropy(model).to(device), recipe, Ranks(device))
    optimizers = Optimizers(model, recipe)
    tokens = torch.randint(ids, (size.batch, size.context))
    batch = next_token_batch(tokens, torch.ones_like(tokens, dtype=torch.bool))
    began = 0.0
    with execution.context():
        for step in range(size.warmup + size.steps):
            if step == size.warmup:
                _wait(device)
                began = time.perf_counter()
            execution.gradients(batch)
            optimizers.step(1e-4)
            optimizers.zero_grad()
        _wait(device)
    rate = size.steps * size.batch * size.context / (time.perf_counter() - began)
    return rate, operations_per_token(size.layers, shape.width, size.context, ids)


def decoding(here: Here) -> None:
    """Tokens a second of decoders, with right solutions for random weights' where one row decodes a problem."""
    from benchmarks.decode import _never_end, bandwidth_bound, by_transformers, measure, measure_bandwidth
    from benchmarks.neox import neox_twin
    from benchmarks.scripted import ScriptedDecoding, solution_ids
    from igsm.corpus.vocabulary import load_vocabulary
    from igsm.decoding.decoders import parse_decoder
    from igsm.decoding.loop import Request
    from igsm.decoding.run import Decoding
    from igsm.decoding.streams import problem_key
    from igsm.mistakes.source import DocumentSource
    from igsm.model import GPT, ModelConfig
    from igsm.problems.difficulty import ProblemConfig

    tiny = here.tiny
    settings = ProblemConfig(difficulty="nano" if tiny else "med", split="test", op=2 if tiny else 20)
    vocabulary = load_vocabulary(settings)
    torch.manual_seed(0)
    layers, heads, n = (1, 1, 4) if tiny else (12, 12, 256)
    model = GPT(ModelConfig(layers=layers, heads=heads, vocabulary_size=vocabulary.size)).eval()
    _never_end(model, vocabulary.end)
    source = DocumentSource(settings, None, seed=1)
    documents = [source.document(i) for i in range(n)]
    problems = [document.problem for document in documents]
    prompts = [vocabulary.prompt(problem).tolist() for problem in problems if problem is not None]
    scripts = {i: solution_ids(document, vocabulary) for i, document in enumerate(documents)}
    lengths = [len(script) for script in scripts.values()]
    dtype = torch.float32 if tiny else torch.bfloat16
    bandwidth = measure_bandwidth(here.device)
    mean = sum(len(prompt) + length / 2 for prompt, length in zip(prompts, lengths, strict=True)) / n
    here.keep("problems", n=n, mean_context=round(mean), gigabytes_per_second=round(bandwidth / 1e9))

    def ours(name: str, rows: int, count: int) -> None:
        decoder = parse_decoder(name)
        requests = [Request(i, prompts[i], problem_key(1, i), problems[i], lengths[i]) for i in range(min(n, count))]
        found: list[Any] = []
        kind = ScriptedDecoding if decoder.beams == 1 else Decoding
        with kind(model, decoder, vocabulary, devices=[str(here.device)], batch=rows) as work:
            if isinstance(work, ScriptedDecoding):
                work.scripts = scripts

            def once() -> int:
                found[:] = work.run(requests)
                return sum(len(generation.tokens) for generation in found)

            began = time.monotonic()
            speed = measure(once, here.device)
        bound = bandwidth_bound(model.config, dtype, found, prompts, decoder.beams, rows, bandwidth)
        share = f"{speed / bound:.1%}"
        took = round(time.monotonic() - began, 1)
        here.keep(
            name, tokens_per_second=round(speed), of_the_bound=share, rows=rows, problems=len(requests), took=took
        )

    def theirs(twin: Any, name: str, count: int) -> None:
        decoder = parse_decoder(name)
        calls = [list(range(min(n, count)))]
        by_transformers(twin, prompts, vocabulary.end, decoder, calls, [2] * n)
        work = partial(by_transformers, twin, prompts, vocabulary.end, decoder, calls, lengths)
        began = time.perf_counter()
        tokens = work()
        seconds = time.perf_counter() - began
        here.keep(f"transformers, {name}", tokens_per_second=round(tokens / seconds), problems=len(calls[0]))

    for name, rows, count in (("greedy", 256, 256), ("regret-p", 256, 256), ("beam4", 256, 64), ("beam16", 256, 16)):
        with here.trying(name):
            ours(name, min(rows, 16) if tiny else rows, count)
    with here.trying("transformers"):
        twin = neox_twin(model.to(here.device, dtype), vocabulary.end)
        for name, count in (("greedy", 256), ("beam4", 64), ("beam16", 16)):
            with here.trying(f"transformers, {name}", needs=30):
                theirs(twin, name, count)


def compile_generator(here: Here) -> None:
    """Compile what makes problems, for the parts to come."""
    from igsm.corpus.blocks import prepare
    from igsm.corpus.config import DataConfig
    from igsm.mistakes.source import DocumentSource
    from igsm.problems.difficulty import ProblemConfig

    began = time.monotonic()
    prepare(DataConfig())
    DocumentSource(ProblemConfig(difficulty="nano", split="test"), None, seed=1).document(0)
    here.notes.keep(what="generator compiled", seconds=round(time.monotonic() - began, 1))


def _correct(here: Here) -> int:
    from benchmarks.gpu_correct import correct

    return correct(here)


def _train_arm(name: str, overrides: list[str], here: Here) -> int:
    from benchmarks.gpu_arms import train_arm

    return train_arm(name, overrides, here)


NAMED: dict[str, Callable[[Here], int | None]] = {
    "compile": compile_generator,
    "correct": _correct,
    "training": training,
    "decoding": decoding,
    "original": lambda here: _train_arm("original", [], here),
    "retry": lambda here: _train_arm("retry", ["data.mistakes.kind=retry", "data.mistakes.rate=0.5"], here),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(NAMED))
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    given = parser.parse_args()
    end_with_parent()
    device = torch.device("cpu") if given.device == "cpu" else torch.device("cuda", 0)
    code = NAMED[given.name](Here(device, given.seconds, Notes(given.out))) or 0
    sys.stdout.flush()
    os._exit(code)  # all is kept: Python's own end has taken 18 s on a busy machine


if __name__ == "__main__":
    main()
