"""Which runs may write to a folder: a new one, the one that is there, or any where nothing has been saved yet."""

from __future__ import annotations

import sys
from pathlib import Path

from igsm.config import Config, differences, dump_yaml, load_settings
from igsm.errors import InputError
from igsm.rundir import MANIFEST, RunFolder, atomic_write, provenance, read_json, shipped_name, write_json

MAY_CHANGE = {
    "training.workers",
    "training.micro_batch",
    "training.threads",
    "training.log_every",
    "training.checkpoint_every",
    "training.keep_last",
    "training.keep_every",
    "training.evaluate_every",
    "training.held_out_windows",
    "training.evaluate_problems",
    "training.skip_bad_steps",
    "training.explosion_loss",
    "data.path",
    "tracking",
    "validation",
}
"""Settings that a resumed run may have another value of: none of them changes what a good step computes, micro_batch
and threads up to rounding (and micro_batch, with dropout, which units are dropped). Windows are the
same from shards in any folder and made on the fly."""


def may_change(name: str) -> bool:
    """Whether a resumed run may have another value of the setting "section.key"."""
    return name in MAY_CHANGE or name.partition(".")[0] in MAY_CHANGE


def is_resumed(folder: RunFolder, resolved: Config) -> bool:
    """Whether a run of this config goes on in the folder, rather than beginning there. Nothing is written.

    A run that was stopped or failed before its first checkpoint leaves nothing worth keeping: another one begins there.

    Raises:
        InputError: the folder holds another run, or something else.
    """
    if not folder.config.exists():
        others = [] if not folder.path.exists() else _others(folder)
        if others:
            raise InputError(f"{folder}: is not empty and holds no run ({others[0]}); choose another folder")
        return False
    lines = [
        f"{one.name} is {one.there} there and {one.here} here"
        for one in differences(load_settings(type(resolved), folder.config), resolved.model_dump(mode="json"))
        if not (one.newer_and_off or may_change(one.name))
        and not (one.name in ("from", "continue_from") and same_start(one.there, one.here, folder.path))
    ]
    if lines and (folder.checkpoint_steps() or folder.done.exists()):
        longer = any(line.startswith("training.steps ") for line in lines) and hasattr(resolved, "continue_from")
        hint = f"; to train it longer: --from {folder} --out NEW" if longer else ""
        raise InputError(
            f"{folder}: holds a run of another config ({'; '.join(lines[:3])}); "
            f"choose another folder or the same settings{hint}"
        )
    return not lines


def _others(folder: RunFolder) -> list[str]:
    try:
        names = [entry.name for entry in folder.path.iterdir() if not entry.name.startswith(".")]
    except NotADirectoryError:
        raise InputError(f"{folder}: is a file; a folder is needed") from None
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from None
    return sorted(set(names) - {folder.provenance.name})


def begin(folder: RunFolder, resolved: Config) -> None:
    """Note in the folder, which must be locked, that a run of this config begins or goes on there.

    Raises:
        InputError: see `is_resumed`.
    """
    if is_resumed(folder, resolved):
        record = read_json(folder.provenance)
        write_json(folder.provenance, record | {"resumed": [*record.get("resumed", []), provenance()]})
        return
    write_json(folder.provenance, provenance())
    atomic_write(folder.config, dump_yaml(resolved))


def note_computation(folder: RunFolder, now: str) -> None:
    """Note in the folder how steps are computed from now on, and tell if that is not how they were before."""
    record = read_json(folder.provenance)
    before = record.get("computation", now)
    if before != now:
        print(f"{folder}: goes on {now}; was {before}: results will be rounded otherwise", file=sys.stderr)
    write_json(folder.provenance, record | {"computation": now})


def same_start(before: str | None, now: str | None, run: Path) -> bool:
    """Whether two values of `from` are one model: spelled otherwise, moved together with `run` that lies beside it, or
    shipped with two installations of the package. None: random weights, which are none."""
    if before is None or now is None:
        return before == now
    old, new = Path(before).resolve(), Path(now).resolve()
    if old == new:
        return True
    if shipped_name(new) is not None and shipped_name(new) == shipped_name(old):
        manifests = [path / MANIFEST for path in (old, new)]
        return not all(one.is_file() for one in manifests) or read_json(manifests[0]) == read_json(manifests[1])
    beside = old.name == new.name and new.parent == run.resolve().parent
    return beside and (old.parent.name == new.parent.name or not old.exists())
