"""Keep finished runs in the repository: without what only training needs, and with every hundredth step of the metrics.

    python -m scripts.keep_runs runs/evidence/trio_qp-* docs/results/models

A kept run can be evaluated and fine-tuned. In the folder of its sweep it counts as trained:

    cp -r docs/results/models/. runs/evidence
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from igsm.checkpoints import CONFIG, MODEL_FILES, find_checkpoint
from igsm.config import build_config, dump_yaml, load_stored
from igsm.errors import InputError
from igsm.rundir import MANIFEST, RunFolder, atomic_write, read_json, read_jsonl, write_json
from igsm.training.config import PretrainConfig

EVERY = 100
"""Steps between the lines of metrics that are kept."""


def copy_checkpoint(checkpoint: Path, out: Path) -> None:
    """A checkpoint of pretraining without what only training needs, its config with today's keys."""
    config = build_config(PretrainConfig, load_stored(checkpoint / CONFIG), str(checkpoint / CONFIG))
    files = {name: (checkpoint / name).read_bytes() for name in MODEL_FILES} | {CONFIG: dump_yaml(config).encode()}
    for name, data in files.items():
        atomic_write(out / name, data)
    digests = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    write_json(out / MANIFEST, digests)


def command(words: list[str], run: RunFolder) -> list[str]:
    """The command of a run, with the folder that its sweep gives it by default."""
    return ["mistakes", *words[1:-1], f"runs/evidence/{run.path.name}"]


def keep(run: RunFolder, out: RunFolder) -> None:
    """Copy a run.

    Raises:
        InputError: it is not finished.
    """
    if not run.done.is_file():
        raise InputError(f"{run}: is not finished")
    checkpoint = find_checkpoint(run.path)
    copy_checkpoint(checkpoint, out.checkpoints / checkpoint.name)
    atomic_write(out.config, (out.checkpoints / checkpoint.name / CONFIG).read_bytes())
    kept = read_json(run.provenance)
    write_json(out.provenance, kept | {"command": command(kept["command"], run)})
    lines = [line for line in read_jsonl(run.metrics) if line["step"] % EVERY == 0]
    atomic_write(out.metrics, "".join(json.dumps(line) + "\n" for line in lines))
    atomic_write(out.done, "")


if __name__ == "__main__":
    *runs, into = map(Path, sys.argv[1:])
    for one in runs:
        keep(RunFolder(one), RunFolder(into / one.name))
