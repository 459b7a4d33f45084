"""Decode many problems with a decoder given by name, on one or several devices."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from igsm.corpus.vocabulary import Vocabulary
from igsm.decoding.cache import row_bytes
from igsm.decoding.decoders.named import MakeDetector, NamedDecoder
from igsm.decoding.detectors import Detector, make_detector, tokens_read
from igsm.decoding.devices import check_device, check_rows, default_batch, default_devices, kernels_chosen
from igsm.decoding.engine import Engine, prepare, resolved_precision
from igsm.decoding.kept import KeptSamples
from igsm.decoding.loop import Decoder, Generation, Request
from igsm.decoding.verifiers import Verifier
from igsm.errors import InputError, is_out_of_memory
from igsm.model.contract import LanguageModel

CONTEXT = 2048
"""Positions of a row: prompt and solution (Part 2.2 appendix D)."""
TICK = 0.5
"""Seconds between two signs of life."""


class Decoding:
    """A model and a decoder on some devices, to continue one set of requests after another.

    What the first set needs serves the later ones: copies of the model, caches and, on CUDA, recorded graphs. To be
    closed (or used as a context manager) so that their memory is given back.

    One worker thread runs on each device (torch releases Python's lock while it computes). On the CPU a device is
    a core: each worker has its own rows and computes with one thread, which beats sharing every small operation.

    Args:
        model: a `LanguageModel` with weights (`igsm.model.contract`); it is copied for each device when it is first
            needed.
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
        model: LanguageModel,
        decoder: NamedDecoder,
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
        self._choosing_detector: Detector | Verifier | None = None
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
        self._choosing_detector = None

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
        check_rows(device, min(most, requests) * beams, each)
        engine = Engine(ready, min(most, requests) * beams, context, beams=beams)
        worker = self.decoder.build(engine, self.vocabulary, self._make)
        self._workers[number] = worker, most
        return worker

    def _explained(self, error: BaseException, number: int) -> BaseException:
        """The error of a worker, or what to change if memory ran out."""
        if not is_out_of_memory(error):
            return error
        rows = f" {self._workers[number][0].engine.n_rows}" if number in self._workers else ""
        return InputError(
            f"{self.devices[number]}: out of memory with{rows} rows of up to {self.context} positions; give a smaller "
            "--batch or --context; what was finished before stays"
        )

    def run(
        self,
        requests: Sequence[Request],
        tick: Callable[[int], None] = lambda steps: None,
        kept: KeptSamples | None = None,
    ) -> Iterator[Generation]:
        """Continue all requests; results come as they finish, in no particular order.

        Args:
            requests: what to continue.
            tick: called while none finishes, every `TICK` seconds, with the steps so far of all requests together.
            kept: samples that need not be drawn, of a decoder that takes several; new ones are added.

        Raises:
            InputError: a prompt that does not fit.
        """
        samples = self.decoder.samples
        if samples == 1:
            yield from map(self._with_second_model, self._continue(requests, tick))
            return
        by_index = {request.index: request for request in requests}
        each = [
            replace(request, index=request.index * samples + number, key=key)
            for request in requests
            for number, key in zip(range(samples), request.keys, strict=True)
        ]
        found: dict[int, list[Generation]] = defaultdict(list)
        drawn_now = partial(self._continue, tick=tick)
        for generation in drawn_now(each) if kept is None else kept.complete(each, drawn_now):
            index = generation.index // samples
            found[index].append(generation)
            if len(found[index]) == samples:
                drawn = sorted(found.pop(index), key=lambda sample: sample.index)
                chosen = self.decoder.choose(drawn, by_index[index], self.vocabulary, self._detector())
                detector = self._choosing_detector
                whole = replace(
                    chosen,
                    index=index,
                    n_generated=sum(sample.n_generated for sample in drawn),
                    n_prefix=sum(sample.n_prefix for sample in drawn),
                    n_verified=chosen.n_verified + sum(tokens_read(detector, sample.index) for sample in drawn),
                )
                yield self._with_second_model(whole)

    def _with_second_model(self, generation: Generation) -> Generation:
        """A Copilot or second model reads every token that is generated."""
        if self.decoder.beside is None:
            return generation
        return replace(generation, n_verified=generation.n_verified + generation.n_generated)

    def _detector(self) -> Detector | Verifier | None:
        """The detector by which samples are chosen, if the decoder's name has one."""
        wanted = self.decoder.detector
        if self._choosing_detector is None and wanted is not None and wanted.kind not in ("logprob", "oracle"):
            device = torch.device(self.devices[0])
            self._choosing_detector = self._make(
                self.decoder, self.vocabulary, device, self.decoder.samples, self.context
            )
        return self._choosing_detector

    def _continue(self, requests: Sequence[Request], tick: Callable[[int], None]) -> Iterator[Generation]:
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
                results.put(self._explained(error, number))
            finally:
                results.put(None)

        threads = torch.get_num_threads()
        if devices[0] == "cpu":
            torch.set_num_threads(max(1, threads // len(devices)))
        workers = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(shares)]
        try:
            with kernels_chosen(devices[0]):
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
