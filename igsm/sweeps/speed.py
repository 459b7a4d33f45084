"""Tokens a second: as a file of measured speeds has them, else as the sweep's own runs have measured them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

from pydantic import Field

from igsm.config import Config, dump_yaml, load_config
from igsm.errors import InputError
from igsm.rundir import RunFolder, atomic_write, read_json, read_jsonl
from igsm.sweeps.plan import Job

TokensASecond = Annotated[float, Field(gt=0)]


class Speed(Config):
    """Measured speeds of one GPU, a YAML file that `mistakes bench train` and `mistakes bench decode` write.

    Each key is the name of a config file without ending ("med", "lora"), or of a decoder ("greedy", "beam4").
    """

    measured: str
    """Where, when and by which command; stands beside every estimate."""
    training: dict[str, TokensASecond] = {}
    """Tokens a second."""
    decoding: dict[str, TokensASecond] = {}
    """Generated tokens a second."""

    def unused(self, jobs: Iterable[Job]) -> list[str]:
        """Keys that are the name of no job's config or decoder."""
        names = {Path(job.config).stem if job.stage != "eval" else job.decoder for job in jobs}
        return [name for name in (*self.training, *self.decoding) if name not in names]


def record(path: Path, stage: Literal["training", "decoding"], rates: Mapping[str, float], measured: str) -> None:
    """Put measured speeds into a file of them, beside what it has of others.

    Args:
        path: the file; made when it is missing.
        stage: what was measured.
        rates: tokens a second by config or decoder.
        measured: the device, which must be that of the file: one file tells the speeds of one kind of GPU.
    """
    known = check_file(path, measured)
    speeds: dict[str, float] = getattr(known, stage) | {name: float(f"{rate:.4g}") for name, rate in rates.items()}
    atomic_write(path, dump_yaml(known.model_copy(update={stage: speeds})))


def check_file(path: Path, measured: str) -> Speed:
    """The speeds in a file, none when it is missing. Raises :class:`InputError` if they are of another device."""
    if not path.exists():
        return Speed(measured=measured)
    known = load_config(Speed, path)
    if known.measured != measured:
        raise InputError(f"{path}: has speeds of '{known.measured}', not of '{measured}'; give another file")
    return known


class Speeds:
    """What is known of the speed of a sweep's jobs.

    Attributes:
        given: speeds from a file; they come first.
        measured: tokens a second by (config, decoder), the decoder empty for training: what runs of the sweep, finished
            or under way, have measured themselves.
    """

    def __init__(self, jobs: Iterable[Job], given: Speed | None = None) -> None:
        self.given = given
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for job in jobs:
            rate = _evaluation_rate(job) if job.stage == "eval" else _training_rate(job.run)
            if rate is not None:
                found[job.config, job.decoder].append(rate)
        self.measured = {kind: median(rates) for kind, rates in found.items()}

    def rate(self, job: Job) -> float | None:
        """Tokens a second of a job, in `job.generated_tokens` for an evaluation; None where nothing is known."""
        given = None
        if self.given is not None:
            training = self.given.training.get(Path(job.config).stem)
            given = self.given.decoding.get(job.decoder) if job.stage == "eval" else training
        return given or self.measured.get((job.config, job.decoder))


def _training_rate(run: Path) -> float | None:
    """As the run's metrics have it, without the first line, which holds the compilation."""
    path = RunFolder(run).metrics
    if not path.is_file():
        return None
    rates = [line["tokens_per_second"] for line in read_jsonl(path) if line.get("tokens_per_second")]
    return median(rates[1:]) if len(rates) > 1 else None


def _evaluation_rate(job: Job) -> float | None:
    """Of the job's finished cells, by its own estimate of a problem's tokens, so that hours are those of problems."""
    problems = seconds = 0.0
    for cell in job.cells:
        path = RunFolder(job.run).evaluation(cell, job.decoder) / "summary.json"
        summary = read_json(path) if path.is_file() else {}
        if isinstance(summary, dict) and summary.get("seconds"):
            problems += summary["n"] - summary.get("resumed_from", 0)
            seconds += summary["seconds"]
    return problems * job.generated_tokens / (job.problems * len(job.cells)) / seconds if problems else None
