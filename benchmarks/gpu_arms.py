"""The last parts of `make gpu-quarter`: the two arms of `lite`, trained as far as the time goes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch

from benchmarks.gpu_quarter import ROOT
from igsm.checkpoints import CONFIG, find_checkpoint
from igsm.rundir import MANIFEST, VOCABULARY, WEIGHTS, atomic_write, read_jsonl
from igsm.training.signals import REQUEUE_EXIT_CODE

if TYPE_CHECKING:
    from benchmarks.gpu_parts import Here

METRICS = "metrics.jsonl"
PIECE = 15 * 2**20
"""Bytes of a file that is brought back."""


def train_arm(name: str, overrides: list[str], here: Here) -> int:
    """Train an arm of `lite` until SIGTERM says that time is up; its weights are left in pieces to be brought back."""
    from cli.main import main

    config = "configs/pretrain/nano.yaml" if here.tiny else "configs/pretrain/lite.yaml"
    tiny = ["training.steps=1000000", "training.batch=2", "training.warmup_steps=1", "model.layers=1"]
    workers = [f"training.workers={max(0, min(12, (os.cpu_count() or 2) - 3))}"]
    # What is done is known when time is up only: a learning rate that does not hang on the number of steps.
    recipe = ["training.schedule=constant", f"training.device={here.device.type}", "training.held_out_windows=0"]
    recipe += ["training.evaluate_problems=0", f"training.log_every={10 if here.tiny else 100}"]
    sys.argv = ["mistakes", "pretrain", str(ROOT / config), *overrides, *workers, *recipe, *(tiny if here.tiny else [])]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / name
        sys.argv += ["--out", str(run), "--tracker", "none"]
        code: Any = 1
        try:
            with following(name, run, here):
                main()
        except SystemExit as end:
            code = end.code
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the rest takes seconds
            with here.trying(f"{name}, result"):
                bring_back(name, run, here)
    return 0 if code in (0, REQUEUE_EXIT_CODE) else int(code or 1)


@contextlib.contextmanager
def following(name: str, run: Path, here: Here, seconds: float = 10.0) -> Iterator[None]:
    """Keep the newest line of a run's curve every few seconds, and the last one: they survive a kill."""
    ended = threading.Event()
    kept = 0

    def keep_newest() -> None:
        nonlocal kept
        lines = list(read_jsonl(run / METRICS)) if (run / METRICS).exists() else []
        if lines and lines[-1]["step"] > kept:
            kept, rate = lines[-1]["step"], round(lines[-1]["tokens_per_second"])
            here.keep(name, step=kept, loss=round(lines[-1]["loss"], 4), tokens_per_second=rate)

    def follow() -> None:
        while not ended.wait(seconds):
            keep_newest()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
        keep_newest()


def bring_back(name: str, run: Path, here: Here) -> None:
    """Put curves and weights (in bfloat16) of a run into pieces NAME.tar.0, ...: `cat NAME.tar.* | tar x`."""
    checkpoint = find_checkpoint(run)
    weights = safetensors.torch.load_file(checkpoint / WEIGHTS)
    files = {one: (checkpoint / one).read_bytes() for one in (CONFIG, VOCABULARY)}
    half = {key: tensor.bfloat16() if tensor.is_floating_point() else tensor for key, tensor in weights.items()}
    files[WEIGHTS] = safetensors.torch.save(half, {"format": "pt"})
    manifest = {one: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for one, data in files.items()}
    files[MANIFEST] = json.dumps(manifest).encode()
    files[METRICS] = (run / METRICS).read_bytes()
    whole = run / "whole.tar"
    with tarfile.open(whole, "w") as archive:
        for one, data in files.items():
            (run / "part").write_bytes(data)
            archive.add(run / "part", f"{name}/{one}")
    data = whole.read_bytes()
    for number, start in enumerate(range(0, len(data), PIECE)):
        atomic_write(here.notes.folder / f"{name}.tar.{number}", data[start : start + PIECE])
    here.keep(f"{name}, kept", pieces=number + 1, bytes=len(data), checkpoint=checkpoint.name)
