"""Decoding speed: our engine beside transformers' generate, on the same weights and prompts."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from rich import box
from rich.table import Table

from benchmarks.device import benchmark_device, device_name
from benchmarks.scripted import ScriptedDecoding, solution_ids
from benchmarks.sizes import prompts_of
from cli.terminal import console, print_json
from igsm.corpus.vocabulary import load_vocabulary
from igsm.decoding.decoders import parse_decoder
from igsm.decoding.loop import Request
from igsm.decoding.run import CONTEXT, Decoding
from igsm.decoding.streams import problem_key
from igsm.mistakes.source import DocumentSource
from igsm.model import GPT, ModelConfig
from igsm.sweeps.speed import known_speeds, record

CALLS = 4
"""Most calls of transformers' generate that are timed."""


def report(
    run: Path | None,
    decoders: list[str],
    problems: int,
    batch: int,
    layers: int,
    heads: int,
    difficulty: str | None,
    op: int | None,
    compare: bool,
    speed_file: Path | None,
    as_json: bool = False,
) -> None:
    """Print a table: output tokens per second of both, their ratio, our time beside greedy's, and our share of the
    memory-bandwidth bound.

    Args:
        run: a run folder or checkpoint; None: random weights. Then continuations are the error-free solutions (of
            beams and of transformers: as long as these), so that lengths differ as they do in an evaluation.
        decoders: names as for `mistakes eval`.
        problems: prompts to continue.
        batch: rows decoded side by side, for both (beams included).
        layers, heads: shape of the random model.
        difficulty, op: of the prompts' problems; of a run, only op can be chosen.
        compare: run transformers too.
        speed_file: file of measured speeds (`igsm.sweeps.speed`), which takes ours as "med/greedy".
    """
    from benchmarks.neox import neox_twin

    device = benchmark_device()
    if speed_file is not None:
        known_speeds(speed_file, device_name(device))
    wanted = [parse_decoder(name) for name in decoders]
    if run is None:
        settings, mistakes = prompts_of({"difficulty": difficulty or "med"}, op), None
        vocabulary = load_vocabulary(settings)
        torch.manual_seed(0)
        model = GPT(ModelConfig(layers=layers, heads=heads, vocabulary_size=vocabulary.size)).eval()
        _never_end(model, vocabulary.end)
    else:
        from igsm.evaluation.runs import load_run

        loaded = load_run(run)
        model, settings = loaded.model, prompts_of(loaded.data.problem.model_dump(), op)
        vocabulary, mistakes = load_vocabulary(settings, loaded.data.vocabulary), loaded.data.mistakes
    end = vocabulary.end
    source = DocumentSource(settings, mistakes, seed=1)
    documents = [source.document(i) for i in range(problems)]
    tests = [document.problem for document in documents if document.problem is not None]
    prompts = [vocabulary.prompt(problem).tolist() for problem in tests]
    if run is None:
        scripts = {i: solution_ids(document, vocabulary) for i, document in enumerate(documents)}
        lengths = [len(script) for script in scripts.values()]
    else:
        lengths = [CONTEXT - len(prompt) for prompt in prompts]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    twin = neox_twin(model.to(device, dtype), end) if compare else None
    model = model.float()
    bandwidth = measure_bandwidth(device)

    screen = console(stderr=as_json)
    screen.print(
        f"{model.config.layers} layers, width {model.config.width}, {str(dtype)[6:]}, {problems} prompts of "
        f"{sum(map(len, prompts)) / problems:.0f} tokens, solutions of at most {sum(lengths) / problems:.0f}, "
        f"{batch} rows, {device}, {torch.get_num_threads()} threads, memory {bandwidth / 1e9:.0f} GB/s"
    )
    order = sorted(range(problems), key=lambda i: len(prompts[i]))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title="output tokens/s", title_justify="left")
    table.add_column("decoder")
    for name in ("ours", "transformers", "ratio", "time,\ngreedy 1", "of the\nbandwidth bound"):
        table.add_column(name, justify="right")
    greedy: float | None = None
    rows: list[dict[str, Any]] = []
    for decoder in wanted:
        requests = [Request(i, prompt, problem_key(1, i), tests[i], lengths[i]) for i, prompt in enumerate(prompts)]
        found: list[Any] = []

        # One GPU, as transformers uses; the first call, which is not timed, records the graphs.
        only = [str(device)] if device.type == "cuda" else None
        kind = ScriptedDecoding if run is None and decoder.beams == 1 else Decoding
        with kind(model, decoder, vocabulary, devices=only, batch=batch) as decoding:
            if isinstance(decoding, ScriptedDecoding):
                decoding.scripts = scripts

            def ours(decoding: Decoding = decoding, requests: Any = requests, found: Any = found) -> int:
                found[:] = decoding.run(requests)
                return sum(len(generation.tokens) for generation in found)

            speed = measure(ours, device)
        bound = bandwidth_bound(model.config, dtype, found, prompts, decoder.beams, batch, bandwidth)
        # Beams in an evaluation have larger batches (`default_batch`) and another speed.
        if speed_file is not None and (decoder.beams == 1 or batch >= 64 * decoder.beams):
            record(speed_file, "decoding", {f"{settings.difficulty}/{decoder.name}": speed}, device_name(device))
        other = ratio = "-"
        theirs = None
        if twin is not None and decoder.detector is None:
            size = max(1, batch // decoder.beams)
            calls = [order[start : start + size] for start in range(0, problems, size)]
            # Beams of hundreds of problems would take it most of an hour: a few calls, short prompts to long ones.
            calls = [calls[round(i)] for i in torch.linspace(0, len(calls) - 1, min(len(calls), CALLS)).tolist()]
            theirs = measure(partial(by_transformers, twin, prompts, end, decoder, calls, lengths), device)
            other, ratio = f"{theirs:,.0f}", f"{speed / theirs:.1f}x"
        screen.print(f"{decoder.name}: {speed:,.0f} tokens/s, transformers {other}")  # stays if we are stopped
        rows.append({"decoder": decoder.name, "tokens_per_second": speed, "transformers": theirs, "bound": bound})
        greedy = speed if decoder.name == "greedy" else greedy
        times = "-" if greedy is None else f"{greedy / speed:.2f}"
        table.add_row(decoder.name, f"{speed:,.0f}", other, ratio, times, f"{100 * speed / bound:.0f} %")
    screen.print(table)
    if as_json:
        print_json({"device": device_name(device), "memory_bandwidth": bandwidth, "rows": rows})


def _never_end(model: GPT, end: int) -> None:
    """Beams of random weights would end early, where a hypothesis of a few tokens scores best."""
    with torch.no_grad():
        norm = cast(torch.nn.LayerNorm, model.final_norm)
        norm.weight[0], norm.bias[0] = 0.0, 1.0  # a state's first number is always 1
        model.embedding.weight[end] = 0.0
        model.embedding.weight[end, 0] = -100.0


def measure(work: Callable[[], int], device: torch.device) -> float:
    """Tokens per second of `work`, which returns how many it made; the first call, which compiles, does not count."""
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    tokens = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return tokens / (time.perf_counter() - start)


def by_transformers(
    twin: Any, prompts: list[list[int]], end: int, decoder: Any, calls: list[list[int]], lengths: list[int]
) -> int:
    """Tokens made by transformers' generate; `calls` has the prompts of each call."""
    from benchmarks.neox import generate

    options = {"do_sample": decoder.sampling, "num_beams": decoder.beams}
    if decoder.sampling:
        options |= {"top_k": 0, "temperature": 1.0}
    total = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for part in calls:
            outputs = generate(twin, [prompts[i] for i in part], end, [lengths[i] for i in part], **options)
            total += sum(map(len, outputs))
    return total


def measure_bandwidth(device: torch.device) -> float:
    """Bytes per second read from memory, best of five times some sums over a large tensor."""
    # On CUDA a sum takes a quarter of a millisecond: several, so that waiting for them takes no time beside.
    size, sums = (2**30, 16) if device.type == "cuda" else (2**26, 1)
    data = torch.ones(size // 4, device=device)
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(sums):
            total = data.sum()
        total.item()
        best = min(best, time.perf_counter() - start)
    return sums * size / best


def bandwidth_bound(
    shape: ModelConfig,
    dtype: torch.dtype,
    found: list[Any],
    prompts: list[list[int]],
    beams: int,
    batch: int,
    bandwidth: float,
) -> float:
    """Output tokens per second if only weights and cache had to be read, each once a step."""
    item = torch.empty((), dtype=dtype).element_size()
    position = 2 * shape.layers * shape.width * item
    per_layer = 4 * shape.width**2 + (2 if shape.architecture == "gpt2" else 3) * shape.width * shape.mlp_width
    weights = (shape.layers * per_layer + (shape.vocabulary_size or 0) * shape.width) * item
    tokens = read = 0
    for generation in found:
        new, prompt = len(generation.tokens), len(prompts[generation.index])
        tokens += new
        read += position * (new * prompt + beams * new * (new + 1) // 2)
    steps = tokens * beams / batch
    return tokens / ((read + steps * weights) / bandwidth)
