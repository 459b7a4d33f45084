"""Versions of what results depend on, read without importing any of it."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import re
from importlib import metadata
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_GENERATOR = ("seeds.py", "problems/*.py", "mistakes/*.py", "corpus/*.py")


def version_of(package: str) -> str | None:
    """The installed version of a package; None if there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def generator_version() -> str:
    """Digest of the sources that problems, mistakes and corpora are made by: where it is the same, so is the data."""
    digest = hashlib.blake2b(digest_size=8)
    for pattern in _GENERATOR:
        for path in sorted(_PACKAGE.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def torch_versions() -> tuple[str | None, str | None]:
    """Of torch, and of the CUDA that it was built for; None for what is not there."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None, None
    text = Path(found.origin).with_name("version.py").read_text()
    cuda = re.search(r"^cuda\b.*= *['\"](.+)['\"]", text, re.MULTILINE)
    return version_of("torch"), cuda and cuda[1]


def version_lines() -> list[str]:
    """What `mistakes --version` says."""
    torch, cuda = torch_versions()
    python = f"python {platform.python_version()}, numba {version_of('numba')}, numpy {version_of('numpy')}"
    return [
        f"mistakes {version_of('mistakes')}",
        f"generator {generator_version()}",
        f"torch {torch}, CUDA {cuda or 'none'}",
        python,
    ]
