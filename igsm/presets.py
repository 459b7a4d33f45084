"""The YAML files that come with the package: presets of runs and sweeps, called by name or by path."""

from __future__ import annotations

import difflib
import importlib.resources
from pathlib import Path

from igsm.errors import InputError

CONFIGS = Path(str(importlib.resources.files("igsm"))).parent / "configs"
"""Beside the package, in a clone as where it is installed."""

FOLDERS = {
    "pretrain": ("pretrain", "methods"),
    "finetune": ("finetune",),
    "probe": ("probe",),
    "copilot": ("copilot",),
    "sweep": ("sweeps",),
}
"""What a preset is for -> the folders in `configs` that hold such files."""
_PARTS = "families"  # of sweeps, which name them


def presets(kind: str) -> dict[str, Path]:
    """Name -> file, of all presets of a kind: "med", "nano/lora"."""
    return {
        path.relative_to(CONFIGS / folder).with_suffix("").as_posix(): path
        for folder in FOLDERS[kind]
        for path in sorted((CONFIGS / folder).rglob("*.yaml"))
        if _PARTS not in path.parts
    }


def find_preset(given: str | Path, *kinds: str) -> Path:
    """The file that a path or a name stands for; what lies on the disk under it comes before what is shipped.

    Args:
        given: "trio", or a path; one like configs/pretrain/trio.yaml need not be there.
        kinds: where to look for a name, in order; all kinds without any.

    Raises:
        InputError: there is neither, with the presets that there are.
    """
    path = Path(given)
    if path.is_file():
        return path
    name = path.with_suffix("") if path.suffix in (".yaml", ".yml") else path
    known: dict[str, Path] = {}
    for kind in kinds or FOLDERS:
        for folder in FOLDERS[kind]:
            if (own := Path("configs") / folder / f"{name}.yaml").is_file():
                return own
        known = presets(kind) | known
    shipped = CONFIGS.parent / path
    if path.parts[:1] == (CONFIGS.name,) and shipped.is_file():
        return shipped
    if name.as_posix() in known:
        return known[name.as_posix()]
    near = difflib.get_close_matches(name.name, known, n=1)
    hint = f"; did you mean '{near[0]}'? All" if near else ";"
    raise InputError(f"{path}: no such file and no preset{hint} presets: {', '.join(sorted(known))}")
