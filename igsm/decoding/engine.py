"""The decoding engine: a cache with fixed rows, prefill, one-token steps, CUDA graphs.

It knows token ids only. What a step chooses is the business of `rows.py` (greedy, sampling) and
`beam.py`; when to go back is that of `regret.py`.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from igsm.decoding.batch import Batch
from igsm.decoding.cache import Cache, Prompts, Step
from igsm.errors import InputError
from igsm.model.contract import LanguageModel

LENGTHS = 256
"""Lengths are rounded up to a multiple of this, so that few graphs are recorded."""
_RECORDING = threading.Lock()  # CUDA records one graph at a time in a process


@functools.cache
def _recording_stream(device: torch.device) -> Any:
    """The stream of a device on which all its graphs are recorded.

    Torch's default one belongs to the first device that recorded; and one for each engine would leave a cuBLAS
    workspace behind for each.
    """
    return torch.cuda.Stream(device)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is collected while a graph is recorded may be an older graph, whose end would break the recording."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Engine:
    """Cache and forward passes for a fixed number of rows.

    Args:
        model: the language model; it is used as it is, on its own device and in its own dtype
            (`prepare` makes a copy for decoding).
        n_rows: cache rows that can be in use at once.
        context: positions a row has, prompt included.
        beams: consecutive rows that belong to one problem.
        graphs: replay CUDA graphs instead of launching kernel by kernel; None: on CUDA.
    """

    def __init__(
        self,
        model: LanguageModel,
        n_rows: int,
        context: int,
        *,
        beams: int = 1,
        graphs: bool | None = None,
    ) -> None:
        parameter = next(model.parameters(), None) if isinstance(model, torch.nn.Module) else None
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.dtype = torch.float32 if parameter is None else parameter.dtype
        self.model, self.context, self.beams = model, context, beams
        # Padding included. On a CPU 1,024 stay in the core's cache (measured: half the time of 16,384).
        self.prefill_tokens = 32768 if self.device.type == "cuda" else 1024
        self.n_rows = n_rows
        self.graphs = self.device.type == "cuda" if graphs is None else graphs
        # One more problem's worth of rows is scratch: it pads a batch up to a size that has a graph.
        self.all_rows = n_rows + beams
        self.cache = Cache(model.slots, self.all_rows, context, self.dtype, self.device)
        self.source = torch.zeros(self.all_rows, context, dtype=torch.uint8, device=self.device)
        self._recorded: dict[Hashable, tuple[Any, Tensor]] = {}
        self._pool: Any = None

    # ---------------------------------------------------------------- forward passes

    @torch.inference_mode()
    def prefill(self, prompts: Sequence[Sequence[int]], rows: Sequence[int]) -> None:
        """Put all of each prompt but its last token into the cache, at the given rows.

        Prompts of similar length should stand side by side: a pass is padded to its longest.
        """
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * len(prompts[order[stop]]) <= self.prefill_tokens:
                stop += 1
            self._prefill([prompts[i][:-1] for i in order[start:stop]], [rows[i] for i in order[start:stop]])
            start = stop

    def _prefill(self, prompts: Sequence[Sequence[int]], rows: Sequence[int]) -> None:
        longest = max(map(len, prompts))
        if longest == 0:
            return
        padded = [[*prompt, *[0] * (longest - len(prompt))] for prompt in prompts]
        ids = torch.tensor(padded, device=self.device)
        self.model.hidden(ids, memory=Prompts(self.cache, torch.tensor(rows, device=self.device)))

    def logits(self, ids: Tensor, batch: Batch) -> Tensor:
        """Next-token logits [N, vocabulary], float32, after feeding ids [N] at the batch's positions."""
        states = self.model.hidden(ids[:, None], positions=batch.position[:, None], memory=Step(self.cache, batch))
        return self.model.head(states[:, 0]).float()

    # ---------------------------------------------------------------- steps

    @torch.inference_mode()
    def advance(
        self, step: Callable[[Tensor, int], None], units: Sequence[int], scratch: int, longest: int, count: int
    ) -> None:
        """Run `step(units, longest)` `count` times.

        A unit is what a step treats as one thing: a row, or the rows of a problem's beams. On CUDA, the units are
        padded with `scratch` and the length rounded up to a size whose graph is recorded on first use.
        """
        longest = min(longest, self.context)
        if not self.graphs:
            ids = torch.tensor(units, device=self.device)
            for _ in range(count):
                step(ids, longest)
            return
        size = bucket(len(units), max(1, 8 // self.beams))
        longest = min(-(-longest // LENGTHS) * LENGTHS, self.context)
        key = (step, size, longest)
        if key not in self._recorded:
            self._recorded[key] = self._record(step, size, scratch, longest)
        graph, buffer = self._recorded[key]
        buffer.copy_(torch.tensor([*units, *[scratch] * (size - len(units))]))
        for _ in range(count):
            graph.replay()

    def _record(self, step: Callable[[Tensor, int], None], size: int, scratch: int, longest: int) -> tuple[Any, Tensor]:
        # Recorded on the scratch unit, which is never active: the warm-up run changes no real row.
        buffer = torch.full((size,), scratch, device=self.device)
        with _RECORDING, torch.cuda.device(self.device):
            stream = _recording_stream(self.device)
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                step(buffer, longest)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            options: dict[str, Any] = {"pool": self._pool, "stream": stream, "capture_error_mode": "thread_local"}
            with _no_garbage_collection(), torch.cuda.graph(graph, **options):
                step(buffer, longest)
            self._pool = self._pool or graph.pool()
        return graph, buffer

    def close(self) -> None:
        """Let go of the recorded graphs: through the steps they record they keep engine and cache alive."""
        self._recorded.clear()


def buckets(units: int, beams: int, context: int) -> tuple[list[int], list[int]]:
    """The numbers of units, and the lengths, of which each pair has a graph: as many as a long run may record."""
    sizes = {bucket(count, max(1, 8 // beams)) for count in range(1, units + 1)}
    return sorted(sizes), [min(length, context) for length in range(LENGTHS, context + LENGTHS, LENGTHS)]


def bucket(count: int, smallest: int) -> int:
    """The batch size recorded for `count` units: powers of two up to 64 times `smallest` / 8, then eighths."""
    size = smallest
    while size < count:
        size *= 2
    coarse = max(smallest, size // 8)
    return size if size <= 8 * smallest else -(-count // coarse) * coarse


def check_prompt(prompt: Sequence[int], context: int, index: int) -> None:
    """Raise InputError unless the prompt and at least one new token fit."""
    if not prompt:
        raise InputError(f"problem {index}: the prompt is empty; it starts at least with the end-of-text token")
    if len(prompt) >= context:
        raise InputError(
            f"problem {index}: its prompt has {len(prompt)} tokens, which leaves no room in a context of {context};"
            f" raise the context above {len(prompt)}"
        )


def resolved_precision(precision: str, device: torch.device | str) -> str:
    """What `precision` comes to on a device: "bf16" or "fp32". InputError if it is none of `prepare`'s."""
    if precision == "auto":
        return "bf16" if str(device).startswith("cuda") else "fp32"
    if precision not in ("fp32", "bf16"):
        raise InputError(f"precision is auto, fp32 or bf16, not '{precision}'")
    return precision


def prepare(model: LanguageModel, device: torch.device | str, precision: str) -> Any:
    """A copy of `model` for decoding on `device`.

    Args:
        precision: "fp32", "bf16", or "auto": bf16 on CUDA, fp32 elsewhere.
    """
    low = resolved_precision(precision, device) == "bf16"
    ready = model.for_decoding(torch.bfloat16 if low else torch.float32)
    return ready.to(device).eval().requires_grad_(False)
