"""Keep what evaluations of finished runs came to, without weights and generated texts: 10 KB a cell.

    python -m scripts.keep_results runs/methods_one_start docs/results/runs/methods_one_start.tar.xz

Unpacked where its sweep has its runs, they count as trained and evaluated, so that the sweep goes on with the others:

    tar -xJf docs/results/runs/methods_one_start.tar.xz -C runs
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from igsm.errors import InputError
from igsm.grading.evaluations import SUMMARY, VERDICTS, read_evaluations
from igsm.rundir import RunFolder, atomic_write, read_jsonl
from scripts.keep_runs import EVERY


def files(run: RunFolder) -> Iterator[tuple[Path, bytes]]:
    """What is kept of a run, and where it lies. InputError for an evaluation without its verdicts."""
    lines = list(read_jsonl(run.metrics))
    kept = [line for line in lines if line["step"] % EVERY == 0 or line is lines[-1]]
    yield run.metrics, "".join(json.dumps(line) + "\n" for line in kept).encode()
    for path in (run.config, run.provenance, run.done):
        yield path, path.read_bytes()
    for evaluation in sorted(read_evaluations(run.path), key=lambda one: one.folder):
        list(evaluation.verdicts())  # raises where it is damaged
        for name in (SUMMARY, VERDICTS):
            yield evaluation.folder / name, (evaluation.folder / name).read_bytes()


def keep(sweep: Path, archive: Path) -> int:
    """Write an archive of the finished runs in a sweep's folder; the same bytes from the same runs.

    Returns:
        How many runs it has.

    Raises:
        InputError: none is finished, or an evaluation is damaged.
    """
    if not sweep.is_dir():
        raise InputError(f"{sweep}: no such folder")
    runs = [RunFolder(path) for path in sorted(sweep.iterdir()) if RunFolder(path).done.is_file()]
    if not runs:
        raise InputError(f"{sweep}: has no finished run")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as tar:
        for run in runs:
            for path, data in files(run):
                entry = tarfile.TarInfo(str(Path(sweep.name) / path.relative_to(sweep)))
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    atomic_write(archive, packed.getvalue())
    return len(runs)


if __name__ == "__main__":
    folder, into = map(Path, sys.argv[1:])
    try:
        print(f"{into}: {keep(folder, into)} runs")
    except InputError as error:
        sys.exit(str(error))
