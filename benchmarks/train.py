"""Training speed: our trainer beside transformers' GPT-2 as people train it, and beside a matrix product.

Run with ``mistakes bench train``. Our rows are real runs of the real loop (data generated meanwhile by loader
processes, metrics, checkpoint at the end) in a temporary folder; the rate is that of the steps after warm-up.
Utilisation counts the floating-point operations that training needs (causal attention as half of the square)
against the rate of a large matrix product measured in this run.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table

from benchmarks.device import benchmark_device, device_name
from benchmarks.sizes import ON_CPU, PAPER, PRESET, REDUCED, VARIANTS, Size
from cli.terminal import console, print_json
from igsm.corpus.config import DataConfig
from igsm.errors import InputError, is_out_of_memory
from igsm.model.config import ModelConfig
from igsm.problems.difficulty import ProblemConfig
from igsm.rundir import read_jsonl, write_json
from igsm.sweeps.speed import known_speeds, record
from igsm.training.config import PretrainConfig, TrackingConfig, TrainingConfig
from igsm.training.distributed import Ranks
from igsm.training.settings import resolve
from igsm.training.windows import train_windows

GPT2_IDS = 50257


@dataclass(frozen=True)
class Row:
    """A measured trainer; None where it does not apply."""

    name: str
    tokens_per_second: float
    operations: float
    """Per token, forward and backward."""
    micro_batch: int
    memory_gib: float | None
    loader_wait_share: float | None


def operations_per_token(layers: int, width: int, context: int, ids: int) -> float:
    """Floating-point operations of training on one token: 6 a weight of a product, and causal attention."""
    return 6 * (12 * layers * width**2 + ids * width) + 6 * layers * width * context


def matmul_rate(device: torch.device) -> float:
    """Operations per second of a large matrix product, bfloat16 on CUDA and float32 on the CPU."""
    on_cuda = device.type == "cuda"
    n, repeats = (8192, 30) if on_cuda else (1024, 5)
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16 if on_cuda else torch.float32) for _ in range(2))
    seconds = []
    for _ in range(3):
        a @ b
        _wait(device)
        began = time.perf_counter()
        for _ in range(repeats):
            a @ b
        _wait(device)
        seconds.append(time.perf_counter() - began)
    return repeats * 2 * n**3 / min(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _fitting(batch: int, measure: Callable[[int], Row]) -> Row:
    """`measure` with the largest micro-batch that fits in memory: the batch, or it halved again and again."""
    while True:
        try:
            return measure(batch)
        except Exception as error:  # our trainer's says in one line of its own that memory ran out
            if batch == 1 or not is_out_of_memory(error):
                raise
        _forget()
        batch //= 2


def _forget() -> None:
    gc.collect()
    torch._dynamo.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def measure_ours(name: str, size: Size, device: torch.device) -> Row:
    """A run of our trainer."""
    data, recipe = VARIANTS[name]
    steps = size.warmup + size.steps

    def measure(micro_batch: int) -> Row:
        config = PretrainConfig(
            data=DataConfig(
                problem=ProblemConfig(difficulty=size.difficulty), context=size.context, windows_per_block=16, **data
            ),
            model=ModelConfig(layers=size.layers, heads=size.heads, head_size=size.head_size),
            training=TrainingConfig(
                steps=steps,
                batch=size.batch,
                micro_batch=micro_batch,
                warmup_steps=1,
                log_every=size.warmup,
                device="cuda" if device.type == "cuda" else "cpu",
                workers=max(1, (os.cpu_count() or 2) - 2) if device.type == "cuda" else 1,
                **recipe,
            ),
            tracking=TrackingConfig(mode="disabled"),
        )
        with tempfile.TemporaryDirectory() as folder:
            run = resolve(config)
            train_windows(run, Path(folder) / "run", Ranks(device))
            lines = [line for line in read_jsonl(Path(folder) / "run/metrics.jsonl") if line["step"] > size.warmup]
        # Intervals are equally long but the last; the harmonic mean weights them by their tokens.
        rate = len(lines) / sum(1 / line["tokens_per_second"] for line in lines)
        wait = sum(line["loader_wait_share"] for line in lines) / len(lines)
        ids = run.config.model.vocabulary_size or 0
        operations = operations_per_token(size.layers, size.heads * size.head_size, size.context, ids)
        return Row(name, rate, operations, micro_batch, lines[-1].get("peak_memory_gib"), wait)

    return _fitting(size.batch, measure)


def measure_baseline(size: Size, device: torch.device) -> Row | None:
    """transformers' GPT-2 on random ids: torch.compile, SDPA, bfloat16, fused AdamW, accumulation as needed."""
    try:
        from transformers import GPT2Config, GPT2LMHeadModel
    except ImportError:
        return None
    on_cuda = device.type == "cuda"
    shape = GPT2Config(  # type: ignore[call-arg]  # its annotations leave out what every config takes
        vocab_size=GPT2_IDS,
        n_positions=size.context,
        n_embd=size.heads * size.head_size,
        n_layer=size.layers,
        n_head=size.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        attn_implementation="sdpa",
        use_cache=False,
    )

    def measure(micro_batch: int) -> Row:
        model: Any = GPT2LMHeadModel(shape)
        model.to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
        forward: Any = torch.compile(model) if on_cuda else model
        ids = torch.randint(GPT2_IDS, (size.batch, size.context), device=device)
        began = 0.0
        for step in range(size.warmup + size.steps):
            if step == size.warmup:
                _wait(device)
                began = time.perf_counter()
            for part in ids.split(micro_batch):
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_cuda):
                    loss = forward(input_ids=part, labels=part).loss
                (loss * len(part) / size.batch).backward()
            optimizer.step()
            optimizer.zero_grad()
        _wait(device)
        rate = size.steps * size.batch * size.context / (time.perf_counter() - began)
        operations = operations_per_token(size.layers, shape.n_embd, size.context, GPT2_IDS)
        memory = torch.cuda.max_memory_allocated() / 2**30 if on_cuda else None
        return Row("transformers GPT-2, 50,257 ids", rate, operations, micro_batch, memory, None)

    return _fitting(size.batch, measure)


def report(
    difficulties: list[str], names: list[str] | None, out: Path | None, speed: Path | None, as_json: bool = False
) -> None:
    """Measure and print.

    Args:
        difficulties: of `PAPER`.
        names: variants of ours; None: all.
        out: JSON file for the results.
        speed: file of measured speeds (`igsm.sweeps.speed`), which takes that of `PRESET` under the preset's name.
    """
    screen = console(stderr=as_json)
    device = benchmark_device()
    sizes = [PAPER[name] for name in difficulties]
    if speed is not None:
        if device.type == "cpu":
            raise InputError("--speed: no GPU here; the size measured on a CPU is that of no preset")
        known_speeds(speed, device_name(device))
    if device.type == "cpu":
        sizes = [REDUCED]
        names = names or list(ON_CPU)
        screen.print(
            "No GPU here: reduced size (2 layers 64 wide, context 128, batch 16), float32, nothing compiled. "
            "This shows that the measurement runs; its ratios say nothing about a GPU."
        )
    names = names or list(VARIANTS)
    results: list[dict[str, Any]] = []
    content: dict[str, Any] = {}
    for size in sizes:
        _forget()
        torch.set_float32_matmul_precision("high")
        baseline = measure_baseline(size, device)
        rows = [baseline] if baseline else []
        for name in names:
            _forget()
            rows.append(measure_ours(name, size, device))
            screen.print(f"{name}: {rows[-1].tokens_per_second:,.0f} tokens/s")  # stays if we are stopped
            if speed is not None and name == PRESET:
                record(speed, "training", {size.difficulty: rows[-1].tokens_per_second}, device_name(device))
        peak = matmul_rate(device)
        screen.print(_table(size, rows, baseline, peak))
        results.append({"size": vars(size), "matmul_rate": peak, "rows": [vars(row) for row in rows]})
        content = {"device": device_name(device), "torch": torch.__version__, "results": results}
        if out is not None:
            write_json(out, content)
    if as_json:
        print_json(content)


def _table(size: Size, rows: list[Row], baseline: Row | None, peak: float) -> Table:
    name = f"GPT2-{size.layers}-{size.heads} ({size.heads * size.head_size} wide)"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), title_justify="left")
    table.title = f"{name}, {size.difficulty}, context {size.context}, batch {size.batch}"
    table.caption = f"matrix product measured here: {peak / 1e12:.3g} TFLOP/s"
    table.add_column("trainer")
    for heading in ("tokens/s", "ratio", "MFLOP\n/token", "used", "micro-\nbatch", "GiB", "data\nwait"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.tokens_per_second:,.0f}",
            f"{row.tokens_per_second / baseline.tokens_per_second:.2f}" if baseline else "-",
            f"{row.operations / 1e6:.1f}",
            f"{row.tokens_per_second * row.operations / peak:.1%}",
            str(row.micro_batch),
            "-" if row.memory_gib is None else f"{row.memory_gib:.1f}",
            "-" if row.loader_wait_share is None else f"{row.loader_wait_share:.1%}",
        )
    return table
