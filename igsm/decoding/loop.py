"""The loop all decoders share: fill free units with prompts, advance, look at the results, refill.

A unit is a row, or the rows of one problem's beams. Prompts go in longest first, so that prompts prefilled together
have similar lengths and the last ones to finish are short.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from igsm.decoding.detectors import tokens_read
from igsm.decoding.engine import Engine, check_prompt


@dataclass(frozen=True)
class Request:
    """One prompt to continue.

    Attributes:
        index: the caller's number of the problem, returned with the result.
        prompt: token ids.
        key: int64 that names its random stream (`streams.problem_key`).
        keys: the same for each of several samples, of a decoder that takes them.
        handle: whatever the detector needs to know of the problem; the engine never looks at it.
        max_new_tokens: most tokens to generate; None: until the context is full.
    """

    index: int
    prompt: Sequence[int]
    key: int = 0
    handle: Any = None
    max_new_tokens: int | None = None
    keys: Sequence[int] = ()


@dataclass
class Generation:
    """A finished continuation.

    Attributes:
        index: of the request.
        tokens: generated ids, with the end token if there is one.
        finished: whether it ended by the end token (otherwise: no room left).
        rollbacks: how often a sentence was rolled back.
        n_generated: tokens generated, those rolled back included; of beams, one a step and beam.
        score: of beam search: sum of log-probabilities / length ** length_penalty; of best-of-n samples: mean
            log-probability of the tokens.
        n_prefix: tokens of the prompt, as often as it was read.
        n_verified: tokens of solutions that a learned detector, a verifier or a second model read; prompts, which take
            one parallel pass, are not counted.
    """

    index: int
    tokens: list[int]
    finished: bool
    rollbacks: int = 0
    n_generated: int = 0
    score: float = 0.0
    n_prefix: int = 0
    n_verified: int = 0


@dataclass
class Unit:
    """Host-side state of an occupied unit."""

    request: Request
    limit: int
    length: int
    """Tokens in the cache: all known ones but the last."""
    rollbacks: int = 0
    rolled_back_tokens: int = 0
    known: list[int] = field(default_factory=list)
    """Generated tokens the host has seen (kept by decoders that ask a detector)."""
    asked: int = 0
    """Generated tokens up to here have passed the detector."""
    passed: set[tuple[int, ...]] = field(default_factory=set)
    """Prefixes that have passed the detector (of beams, which do not all continue the same one)."""
    regretted: list[int] = field(default_factory=list)
    """The prefix that the detector regretted last (of beams)."""
    kept: list[list[int]] = field(default_factory=list)
    """Finished hypotheses that were kept when the beams went back."""


class Decoder(ABC):
    """Base of all decoders.

    Args:
        engine: whose rows are used.
        end: token that ends a continuation.
        sync_every: tokens between two looks at the results; None: 8 on CUDA, 1 elsewhere.
    """

    detector: Any = None
    """Who is asked on the way, if anybody is."""

    def __init__(self, engine: Engine, end: int, *, sync_every: int | None = None) -> None:
        self.engine, self.end = engine, end
        on_gpu = engine.device.type == "cuda"
        self.sync_every = sync_every or (8 if on_gpu else 1)
        self.n_units = engine.n_rows // engine.beams
        self.refill_at = max(1, self.n_units // 16) if on_gpu else 1
        self.occupied: dict[int, Unit] = {}
        self.n_steps = 0  # of all units together since `run` began
        size, device = self.n_units + 1, engine.device
        self.length = torch.zeros(size, dtype=torch.int64, device=device)
        self.limit = torch.zeros(size, dtype=torch.int64, device=device)
        self.active = torch.zeros(size, dtype=torch.bool, device=device)
        self.key = torch.zeros(size, dtype=torch.int64, device=device)
        self.attempt = torch.zeros(size, dtype=torch.int64, device=device)
        # One column more than the context: where a step on a full, finished row writes.
        self.tokens = torch.zeros(engine.all_rows, engine.context + 1, dtype=torch.int64, device=device)

    def run(self, requests: Iterable[Request], stopped: Callable[[], bool] = lambda: False) -> Iterator[Generation]:
        """Continue every prompt; results come as they finish. A prompt that cannot fit raises InputError first.

        Args:
            stopped: asked between tokens; once it is true, what is unfinished is given up.
        """
        queue = deque(sorted(requests, key=lambda request: len(request.prompt), reverse=True))
        for request in queue:
            check_prompt(request.prompt, self.engine.context, request.index)
        self.occupied.clear()
        self.n_steps = 0
        free = list(range(self.n_units - 1, -1, -1))
        while (queue or self.occupied) and not stopped():
            if queue and free and (len(free) >= self.refill_at or not self.occupied):
                filled = {free.pop(): queue.popleft() for _ in range(min(len(free), len(queue)))}
                self._fill(filled)
            units = list(self.occupied)
            longest = max(unit.length for unit in self.occupied.values()) + self.sync_every
            self.engine.advance(self.step, units, self.n_units, longest, self.sync_every)
            self.n_steps += len(units) * self.sync_every
            for number, generation in self.inspect(units):
                unit = self.occupied.pop(number)
                generation.n_prefix = len(unit.request.prompt)
                generation.n_verified = tokens_read(self.detector, unit.request.index)
                free.append(number)
                yield generation

    @torch.inference_mode()
    def _fill(self, filled: dict[int, Request]) -> None:
        beams = self.engine.beams
        prompts = [list(request.prompt) for request in filled.values()]
        self.engine.prefill(prompts, [number * beams for number in filled])
        limits = []
        for number, request in filled.items():
            limit = self.engine.context
            if request.max_new_tokens is not None:
                limit = min(limit, len(request.prompt) + request.max_new_tokens)
            limits.append(limit)
            self.occupied[number] = Unit(request, limit, len(request.prompt) - 1)
        numbers = self._tensor(list(filled))
        self.length[numbers] = self._tensor([len(prompt) - 1 for prompt in prompts])
        self.limit[numbers] = self._tensor(limits)
        self.key[numbers] = self._tensor([request.key for request in filled.values()])
        self.attempt[numbers] = 0
        self.active[numbers] = True
        last = self._tensor([prompt[-1] for prompt in prompts])
        for beam in range(beams):
            self.tokens[numbers * beams + beam, self.length[numbers]] = last
        self.start(numbers)

    def _tensor(self, values: Sequence[Any]) -> torch.Tensor:
        return torch.tensor(values, device=self.engine.device)

    @abstractmethod
    def start(self, numbers: torch.Tensor) -> None:
        """Set what is particular to the decoder for freshly filled units."""

    @abstractmethod
    def step(self, numbers: torch.Tensor, longest: int) -> None:
        """Feed one token to each unit and choose the next, all on the device."""

    @abstractmethod
    def result(self, number: int) -> Generation:
        """The continuation of a finished unit."""

    @torch.inference_mode()
    def inspect(self, numbers: list[int]) -> list[tuple[int, Generation]]:
        """After `sync_every` steps: bring results to the host; return the units that are finished."""
        where = self._tensor(numbers)
        lengths, active = torch.stack((self.length[where], self.active[where].long())).tolist()
        finished = []
        for number, length, still_active in zip(numbers, lengths, active, strict=True):
            self.occupied[number].length = length
            if not still_active:
                finished.append((number, self.result(number)))
        return finished
