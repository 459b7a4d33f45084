"""Decode many problems with a decoder given by name, on one or several devices."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from igsm.corpus.vocabulary import END, Vocabulary
from igsm.decoding.beam import BeamDecoder
from igsm.decoding.cache import row_bytes
from igsm.decoding.decoders import DecoderName
from igsm.decoding.detectors import Detector, GroundTruth, Noisy, Silent
from igsm.decoding.engine import Engine, prepare, resolved_precision
from igsm.decoding.loop import Decoder, Generation, Request
from igsm.decoding.regret import Markers, RegretDecoder
from igsm.decoding.regret_beam import RegretBeamDecoder
from igsm.decoding.rows import RowDecoder
from igsm.errors import InputError

CONTEXT = 2048
"""Positions of a row: prompt and solution (Part 2.2 appendix D)."""
TICK = 0.5
"""Seconds between two signs of life."""


def markers_of(vocabulary: Vocabulary) -> Markers:
    """The ids of " Define", " as" and "." in a model's numbering."""
    (define, closing, stop) = (
        tuple(int(vocabulary.from_gpt2[i]) for i in vocabulary.encode_text(text)) for text in (" Define", " as", ".")
    )
    return Markers(define, closing[0], stop[0])


def make_detector(
    decoder: DecoderName, vocabulary: Vocabulary, device: torch.device | str, units: int, context: int = CONTEXT
) -> Detector:
    """The detector that a decoder's name asks for; None asks for the silent one.

    Args:
        units: problems decoded side by side.
        context: most tokens of prompt and solution.
    """
    wanted = decoder.detector
    if wanted is None or wanted.kind == "silent":
        return Silent()
    if wanted.kind == "learned":
        raise InputError(f"decoder '{decoder.name}': a learned detector is loaded by `mistakes eval`, not here")
    truth = GroundTruth(vocabulary.decode)
    return truth if wanted.kind == "truth" else Noisy(truth, wanted.false_positive, wanted.false_negative)


MakeDetector = Callable[[DecoderName, Vocabulary, torch.device, int, int], Detector]


def make_decoder(
    engine: Engine,
    name: DecoderName,
    vocabulary: Vocabulary,
    make: MakeDetector = make_detector,
) -> Decoder:
    """The decoder of this name on an engine."""
    end = int(vocabulary.from_gpt2[END])
    common: dict[str, Any] = {"temperature": name.temperature, "top_k": name.top_k}
    if name.regret:
        common |= {
            "detector": make(name, vocabulary, engine.device, engine.n_rows // engine.beams, engine.context),
            "markers": markers_of(vocabulary),
            "max_rollbacks": name.max_rollbacks,
        }
        if name.beams == 1:
            return RegretDecoder(engine, end, **common)
        return RegretBeamDecoder(engine, end, sampling=name.sampling, **common)
    kind = RowDecoder if name.beams == 1 else BeamDecoder
    return kind(engine, end, sampling=name.sampling, **common)


def default_devices() -> list[str]:
    """All GPUs, or one CPU worker for each core that torch may use."""
    if torch.cuda.is_available():
        return [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["cpu"] * min(cores, torch.get_num_threads())


def check_device(name: str) -> None:
    """Raise InputError unless torch can compute on the device of this name."""
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise InputError(f"devices: '{name}' is none; cpu, cuda or cuda:N is expected")
    count = torch.cuda.device_count() if device.type == "cuda" and torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise InputError(f"devices: there is no '{name}': this machine has {count} CUDA devices that torch can use")


def default_batch(device: str, beams: int, row_bytes: int) -> int:
    """Rows side by side: on CUDA enough to be bound by memory, in at most 60 % of what is free; 32 on a CPU core."""
    if not device.startswith("cuda"):
        return max(32, 8 * beams)
    return max(beams, min(max(256, 64 * beams), int(0.6 * free_memory(device)) // row_bytes))


def free_memory(device: torch.device | str) -> int:
    """Bytes of a GPU that a new tensor may take: what is free, and what torch keeps without using it."""
    device = torch.device(device)
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def attention_kernels(device: torch.device | str) -> contextlib.AbstractContextManager[Any]:
    """To be entered around decoding: not cuDNN's attention, which plans anew for each shape of a prefill."""
    if not str(device).startswith("cuda"):
        return contextlib.nullcontext()
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH], set_priority=True)


class Decoding:
    """A model and a decoder on some devices, to continue one set of requests after another.

    What the first set needs serves the later ones: copies of the model, caches and, on CUDA, recorded graphs. To be
    closed (or used as a context manager) so that their memory is given back.

    One worker thread runs on each device (torch releases Python's lock while it computes). On the CPU a device is
    a core: each worker has its own rows and computes with one thread, which beats sharing every small operation.

    Args:
        model: an `igsm.model.GPT`; it is copied for each device when it is first needed.
        decoder: of `decoders.parse_decoder`.
        devices: e.g. ["cuda:0", "cuda:1"]; by default `default_devices()`.
        precision: see `engine.prepare`.
        batch: rows on each device, beams included.
        context: most positions of a row; less when no request can need it.
        make: builds the detector for a device.

    Raises:
        InputError: a device that is not there, or an unknown precision.
    """

    def __init__(
        self,
        model: Any,
        decoder: DecoderName,
        vocabulary: Vocabulary,
        *,
        devices: Sequence[str] | None = None,
        precision: str = "auto",
        batch: int | None = None,
        context: int = CONTEXT,
        make: MakeDetector = make_detector,
    ) -> None:
        self.decoder, self.vocabulary, self.context = decoder, vocabulary, context
        self.devices = list(devices or default_devices())
        for device in dict.fromkeys(self.devices):
            check_device(device)
        self.precision = resolved_precision(precision, self.devices[0])
        self.model, self._batch, self._make = model, batch, make
        self._copies: dict[str, Any] = {}
        self._vote_detector: Detector | None = None
        self._workers: dict[int, tuple[Decoder, int]] = {}  # by number of the device; with the most units it may have

    def __enter__(self) -> Decoding:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of caches, graphs and copies of the model."""
        for worker, _ in self._workers.values():
            worker.engine.close()
        self._workers.clear()
        self._copies.clear()
        self._vote_detector = None

    @property
    def vote_detector(self) -> Detector | None:
        """The detector that filters a vote's samples; None for every other decoder."""
        if self._vote_detector is None and self.decoder.votes > 1 and self.decoder.detector is not None:
            device = torch.device(self.devices[0])
            self._vote_detector = self._make(self.decoder, self.vocabulary, device, self.decoder.votes, self.context)
        return self._vote_detector

    def _worker(self, number: int, requests: int, context: int) -> Decoder:
        """The decoder on a device, made anew only if it is too small for so many requests of such lengths."""
        if number in self._workers:
            worker, most = self._workers[number]
            if worker.engine.context >= context and worker.n_units >= min(most, requests):
                return worker
            worker.engine.close()
            del self._workers[number], worker  # its memory is needed for the larger one
        device, beams = self.devices[number], self.decoder.beams
        ready = self._copies[device]
        each = row_bytes(ready.slots, context, next(ready.parameters()).dtype)
        most = max(1, (self._batch or default_batch(device, beams, each)) // beams)
        engine = Engine(ready, min(most, requests) * beams, context, beams=beams)
        worker = make_decoder(engine, self.decoder, self.vocabulary, self._make)
        self._workers[number] = worker, most
        return worker

    def run(
        self, requests: Sequence[Request], tick: Callable[[int], None] = lambda steps: None
    ) -> Iterator[Generation]:
        """Continue all requests; results come as they finish, in no particular order.

        Args:
            requests: what to continue. For a vote, several requests of one problem.
            tick: called while none finishes, every `TICK` seconds, with the steps so far of all requests together.

        Raises:
            InputError: a prompt that does not fit.
        """
        if not requests:
            return
        devices, context = self.devices[: len(requests)], self.context
        if all(request.max_new_tokens is not None for request in requests):
            context = min(context, max(len(request.prompt) + (request.max_new_tokens or 0) for request in requests))
        # Dealt out by length, so that every device gets as much work.
        ordered = sorted(requests, key=lambda request: len(request.prompt), reverse=True)
        shares = [ordered[i :: len(devices)] for i in range(len(devices))]
        for device in devices:
            if device not in self._copies:
                self._copies[device] = prepare(self.model, device, self.precision)
        for decoder, _ in self._workers.values():
            decoder.n_steps = 0
        results: queue.SimpleQueue[Generation | BaseException | None] = queue.SimpleQueue()
        stop = threading.Event()

        def work(number: int, share: list[Request]) -> None:
            try:
                on_cuda = devices[number].startswith("cuda")
                # Kernels that Triton launches go to the thread's current device, whatever device their tensors are on.
                with torch.cuda.device(devices[number]) if on_cuda else contextlib.nullcontext():
                    for generation in self._worker(number, len(share), context).run(share, stop.is_set):
                        results.put(generation)
            except BaseException as error:
                results.put(error)
            finally:
                results.put(None)

        threads = torch.get_num_threads()
        if devices[0] == "cpu":
            torch.set_num_threads(max(1, threads // len(devices)))
        workers = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(shares)]
        try:
            with attention_kernels(devices[0]):
                for worker in workers:
                    worker.start()
                running = len(workers)
                while running:
                    try:
                        result = results.get(timeout=TICK)
                    except queue.Empty:
                        tick(sum(decoder.n_steps for decoder, _ in [*self._workers.values()]))
                        continue
                    if result is None:
                        running -= 1
                    elif isinstance(result, BaseException):
                        raise result
                    else:
                        yield result
        finally:
            stop.set()
            for worker in workers:
                worker.join()
            torch.set_num_threads(threads)
