"""Tokens a second: as a file of measured speeds has them, else as the sweep's own runs have measured them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import Field

from igsm.config import Config, dump_yaml, load_config
from igsm.errors import InputError
from igsm.grading.evaluations import read_default
from igsm.rundir import RunFolder, atomic_write, read_jsonl
from igsm.sweeps.jobs import Job

TokensASecond = Annotated[float, Field(gt=0)]


class Speed(Config):
    """Measured speeds of one GPU, a YAML file that `mistakes bench train` and `mistakes bench decode` write.

    Training has the names of config files below the folder of their stage, without ending ("med", "lora",
    "nano/lora"), decoding those of decoders, with the class of their problems or for all ("med/greedy", "greedy").
    """

    measured: str
    """The device, as the benchmarks name it; stands beside every estimate."""
    training: dict[str, TokensASecond] = {}
    """Tokens a second."""
    decoding: dict[str, TokensASecond] = {}
    """Generated tokens a second."""

    def unused(self, jobs: Iterable[Job]) -> list[str]:
        """Keys that are the name of no job's config or decoder."""
        names = set()
        for job in jobs:
            names |= {_decoding_key(job), job.decoder} if job.stage == "eval" else {_training_key(job)}
        return [name for name in (*self.training, *self.decoding) if name not in names]


def record(path: Path, stage: Literal["training", "decoding"], rates: Mapping[str, float], measured: str) -> None:
    """Put measured speeds into a file of them, beside what it has of others.

    Args:
        path: the file; made when it is missing.
        stage: what was measured.
        rates: tokens a second under the keys of `Speed`.
        measured: the device, which must be that of the file: one file tells the speeds of one kind of GPU.
    """
    known = known_speeds(path, measured)
    speeds: dict[str, float] = getattr(known, stage) | {name: float(f"{rate:.4g}") for name, rate in rates.items()}
    atomic_write(path, dump_yaml(known.model_copy(update={stage: speeds})))


def known_speeds(path: Path, measured: str) -> Speed:
    """The speeds in a file, none when it is missing. Raises :class:`InputError` if they are of another device."""
    if not path.exists():
        return Speed(measured=measured)
    known = load_config(Speed, path)
    if known.measured != measured:
        raise InputError(f"{path}: has speeds of '{known.measured}', not of '{measured}'; give another file")
    return known


class Speeds:
    """What is known of the speed of a sweep's jobs.

    Args:
        jobs: all jobs of the sweep; runs that are finished or under way have measured themselves.
        given: speeds from a file.
        given_first: whether the file goes before what the runs measured.
    """

    def __init__(self, jobs: Iterable[Job], given: Speed | None = None, *, given_first: bool = True) -> None:
        self.given, self.given_first = given, given_first
        training: dict[str, list[float]] = defaultdict(list)
        evaluation: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for job in jobs:
            if job.stage != "eval":
                training[job.config] += _training_rate(job.run)
            for cell in job.cells:
                evaluation[job.config, job.decoder, cell] += _seconds_a_problem(job, cell)
        self._training = {config: median(rates) for config, rates in training.items() if rates}
        self._evaluation = {kind: median(seconds) for kind, seconds in evaluation.items() if seconds}

    @property
    def measured(self) -> bool:
        """Whether runs of the sweep have measured any speed."""
        return bool(self._training or self._evaluation)

    def rate(self, job: Job) -> float | None:
        """Tokens a second of a job, in `job.generated_tokens` for an evaluation; None where nothing is known."""
        rates = [self._given_rate(job), self._measured_rate(job)]
        return next((rate for rate in (rates if self.given_first else rates[::-1]) if rate is not None), None)

    def _given_rate(self, job: Job) -> float | None:
        if self.given is None:
            return None
        if job.stage != "eval":
            return self.given.training.get(_training_key(job))
        return self.given.decoding.get(_decoding_key(job)) or self.given.decoding.get(job.decoder)

    def _measured_rate(self, job: Job) -> float | None:
        """Of an evaluation: only if all its cells are known, which take very different times."""
        if job.stage != "eval":
            return self._training.get(job.config)
        seconds = [self._evaluation.get((job.config, job.decoder, cell)) for cell in job.cells]
        known = [one for one in seconds if one is not None]
        return job.generated_tokens / (job.problems * sum(known)) if len(known) == len(seconds) else None


def _training_key(job: Job) -> str:
    """ "med" of configs/pretrain/med.yaml, "nano/lora" of configs/finetune/nano/lora.yaml."""
    *folders, name = Path(job.config).with_suffix("").parts
    if job.stage not in folders:
        return name
    last = len(folders) - folders[::-1].index(job.stage)
    return "/".join([*folders[last:], name])


def _decoding_key(job: Job) -> str:
    """The decoder with the class of its cells' problems: "med/greedy"."""
    return f"{job.cells[0].partition('_')[0]}/{job.decoder}"


def _training_rate(run: Path) -> list[float]:
    """As the run's metrics have it, without the first line, which holds the compilation; nothing or one number."""
    path = RunFolder(run).metrics
    rates = [line.get("tokens_per_second") for line in read_jsonl(path)] if path.is_file() else []
    known = [rate for rate in rates if _positive(rate)][1:]
    return [median(known)] if known else []


def _seconds_a_problem(job: Job, cell: str) -> list[float]:
    """Of a finished cell, as far as it was not there before; nothing or one number."""
    try:
        found = read_default(job.run, cell, job.decoder, job.test_seed)
    except InputError:  # which the command that reads it names
        found = None
    settings = found.settings if found else {}
    n, before, seconds = settings.get("n"), settings.get("resumed_from", 0), settings.get("seconds")
    if not (_positive(n) and _positive(seconds) and isinstance(before, int) and before < n):
        return []
    return [seconds / (n - before)]


def _positive(number: Any) -> TypeGuard[float]:
    return isinstance(number, int | float) and 0 < number < math.inf
