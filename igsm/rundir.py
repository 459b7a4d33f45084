"""Files of a run: one folder, fixed names, written atomically, never overwritten silently.

A run folder holds ``config.yaml`` (resolved), ``provenance.json``, ``metrics.jsonl``,
``checkpoints/step_N/``, ``eval/<cell>-<decoder>/`` and, when finished, ``DONE``.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from igsm.errors import InputError
from igsm.versions import version_of

BYTE_ORDER_MARK = "\ufeff"
"""Some editors and spreadsheets begin a text file with it."""

WEIGHTS, VOCABULARY, MANIFEST = "weights.safetensors", "vocabulary.json", "manifest.json"
"""Files of a checkpoint folder (`igsm.model.checkpoint`)."""


SHIPPED_MODELS = ("igsm", "trained")
"""The end of the folder in which the models lie that come with the package (`igsm.evaluation.shipped`)."""


def shipped_name(folder: Path) -> str | None:
    """The end of a shipped model's path, the same in every installation; None of any other folder."""
    return "/".join(folder.parts[-3:]) if folder.parts[-3:-1] == SHIPPED_MODELS else None


def atomic_write(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` so that the file is either whole or not there.

    The bytes go to a temporary file in the same folder, reach the disk, and take the name last.
    Raises :class:`InputError` when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_json(path: str | Path, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically."""
    atomic_write(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a missing or broken one raises :class:`InputError`."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable JSON file: {error}") from None


def read_jsonl(path: str | Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file, packed (.gz) or not. A last line cut short by a killed process is left out."""
    with (
        gzip.open(path) if Path(path).suffix == ".gz" else open(path, "rb") as file
    ):  # bytes: a line may be cut inside a character
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(codecs.BOM_UTF8)
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                raise InputError(f"{path}, line {number}: not valid JSON: {error}") from None
            if not isinstance(record, dict):
                raise InputError(f"{path}, line {number}: a JSON object is expected, not {type(record).__name__}")
            yield record


class JsonlWriter:
    """Appends records to a JSONL file, each line flushed, a cut last line removed first."""

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab+")  # noqa: SIM115 - closed by close()
        self._drop_cut_line()

    def _drop_cut_line(self) -> None:
        end = self._file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65536)
            self._file.seek(start)
            newline = self._file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        self._file.truncate(end)

    def write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RunFolder:
    """The names of the files in a run folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.provenance = self.path / "provenance.json"
        self.metrics = self.path / "metrics.jsonl"
        self.done = self.path / "DONE"
        self.checkpoints = self.path / "checkpoints"
        self.evaluations = self.path / "eval"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"step_{step}"

    def checkpoint_steps(self) -> list[int]:
        """Steps that have a checkpoint folder, ascending."""
        names = [entry.name for entry in self.checkpoints.glob("step_*")] if self.checkpoints.is_dir() else []
        return sorted(int(name[5:]) for name in names if name[5:].isdigit())

    def evaluation(self, cell: str, decoder: str) -> Path:
        return self.evaluations / f"{cell}-{decoder}"

    def __str__(self) -> str:
        return str(self.path)


def weights_digest(checkpoint: Path) -> str:
    """Names a checkpoint's weights: the start of their SHA-256, from its manifest (see `igsm.model.checkpoint`).

    Raises:
        InputError: there is no manifest, or a broken one.
    """
    manifest = read_json(checkpoint / MANIFEST)
    try:
        return str(manifest[WEIGHTS]["sha256"])[:16]
    except (KeyError, TypeError):
        raise InputError(f"{checkpoint / MANIFEST}: says nothing of {WEIGHTS}") from None


def distinct_names(paths: Sequence[str | Path]) -> list[str]:
    """A name for each folder: its own, after as many of the folders above it as no other one shares.

    Raises:
        InputError: two paths are the same folder.
    """
    places = [os.path.realpath(path) for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{path}: is given more than once")
    parts = [Path(os.path.abspath(path)).parts for path in paths]  # as they were given: links keep their names
    return [_short_name(own, [other for other in parts if other is not own]) for own in parts]


def _short_name(own: tuple[str, ...], others: list[tuple[str, ...]]) -> str:
    for count in range(1, len(own)):
        if all(other[-count:] != own[-count:] for other in others):
            return "/".join(own[-count:])
    return str(Path(*own))


def provenance() -> dict[str, Any]:
    """Where and from what a result was made: command line, time, code, versions, hardware."""
    names = ("mistakes", "torch", "numpy", "numba")
    return {
        "command": sys.argv,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": _git_state(),
        "versions": {"python": platform.python_version()} | {name: version_of(name) for name in names},
        "machine": {
            "host": platform.node(),
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "gpus": _gpus(),
        },
    }


def _git_state() -> dict[str, Any] | None:
    def git(*arguments: str) -> str:
        folder = Path(__file__).resolve().parent
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != Path(__file__).resolve().parents[1]:
            return None  # installed in an environment inside somebody's repository
        return {
            "commit": git("rev-parse", "HEAD"),
            "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.CalledProcessError):
        return None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")  # asked only where torch is in use already: importing it takes seconds
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
