"""What a corpus folder says about itself.

``plan.json`` is written first: the law of the data and how it is divided into shards. Every finished shard has
a record ``shard_NNNNNN.json`` with the sizes and sha256 of its files. ``manifest.json`` = plan + all records,
written last: a folder without it is not a whole corpus.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Self

import pydantic
from pydantic import Field, model_validator

from igsm.config import Config, differences
from igsm.corpus.config import DataConfig
from igsm.corpus.vocabulary import load_vocabulary
from igsm.errors import InputError, suggest
from igsm.former_keys import upgraded
from igsm.mistakes.layout import PLAIN, Role, role_name
from igsm.problems.lexicon import load_lexicon
from igsm.rundir import read_json, write_json

PLAN, MANIFEST = "plan.json", "manifest.json"
FORMAT = "mistakes corpus 1"
LEFT_OUT_REFUSED, LEFT_OUT_WARNED = 0.5, 0.05
"""Shares of documents that are longer than a window from which data is not trained on, and from which that is told."""
_PLAIN_ROLES = [role_name(role) for role in PLAIN.roles]


class FileRecord(Config):
    """Size and checksum of one file."""

    bytes: int
    sha256: str


class ShardRecord(Config):
    """One finished shard: windows ``first_window`` .. ``first_window + windows - 1``."""

    shard: int
    first_window: int
    windows: int
    documents: int  # begun in its windows, the cut ones included
    cut: int  # cut off at a window's end
    dropped: int  # longer than a window, among those generated for its blocks
    files: dict[str, FileRecord]

    @model_validator(mode="after")
    def _has_its_files(self) -> Self:
        for suffix in ("bin", "planes", "documents"):
            if (name := f"shard_{self.shard:06d}.{suffix}") not in self.files:
                raise ValueError(f"files: no entry for {name}")
        return self


class Plan(Config):
    """What a corpus folder is to hold.

    Attributes:
        law: the settings that decide every window, as in `law_of`.
        vocabulary: fingerprint of the words and their GPT-2 ids.
        windows: number of windows in all.
        windows_per_shard: a multiple of the windows of a block.
        roles: what the planes of its tokens stand for; written only where they are others than in `layout.PLAIN`.
    """

    format: str = FORMAT
    law: dict[str, Any]
    vocabulary: str
    windows: Annotated[int, Field(ge=0)]
    windows_per_shard: Annotated[int, Field(ge=1)]
    roles: list[str] = _PLAIN_ROLES

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        context = self.law.get("context")
        if not isinstance(context, int) or context < 1:
            raise ValueError(f"law.context: must be the tokens of a window, not {context!r}")
        known = [role_name(role) for role in Role if role]
        for name in self.roles:
            if name not in known:
                raise ValueError(f"roles: unknown role '{name}'{suggest(name, known)}")
        return self

    def content(self) -> dict[str, Any]:
        """What the file holds: roles only where they are not those of corpora of before there were others."""
        return self.model_dump(mode="json", exclude={"roles"} if self.roles == _PLAIN_ROLES else None)

    @property
    def n_shards(self) -> int:
        return -(-self.windows // self.windows_per_shard)

    def windows_of(self, shard: int) -> tuple[int, int]:
        """First window of a shard and the one after its last."""
        first = shard * self.windows_per_shard
        return first, min(first + self.windows_per_shard, self.windows)


class Manifest(Plan):
    """A whole corpus: the plan and every shard's record."""

    shards: list[ShardRecord]
    tokens: int
    documents: int
    cut: int
    dropped: int

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(self.shards) != self.n_shards:
            raise ValueError(f"shards: {len(self.shards)} records, {self.n_shards} make the corpus")
        for number, record in enumerate(self.shards):
            first, end = self.windows_of(number)
            if (record.shard, record.first_window, record.windows) != (number, first, end - first):
                raise ValueError(f"shards.{number}: must be shard {number} with windows {first} to {end - 1}")
        return self


def law_of(config: DataConfig) -> dict[str, Any]:
    """The settings that decide every window; where the windows lie and how models number ids do not.

    The names are told apart by their fingerprint, not by the file they come from. Of the method only the layout of its
    documents counts: methods with the same one read the same corpora.
    """
    excluded: Any = {"path": True, "vocabulary": True, "problem": {"lexicon"}, "mistakes": {"mix"}, "method": True}
    if config.problem.where is None:
        excluded["problem"].add("where")  # as in corpora of before there was one
    if config.mistakes.weights is None:
        excluded["mistakes"].add("weights")
    if not config.tuning_round:
        excluded["tuning_round"] = True  # as in corpora of before there was one
    law = config.model_dump(mode="json", exclude=excluded)
    layout = config.method.layout()
    return law if layout == PLAIN else law | {"layout": layout.description()}


def fingerprint(config: DataConfig) -> str:
    """Digest of the names, their groups and their ids that the data is written in."""
    lexicon = load_lexicon(config.problem.problem_class.lexicon)
    content = json.dumps([lexicon.chains, lexicon.groups, load_vocabulary(config.problem).names_fingerprint])
    return hashlib.sha256(content.encode()).hexdigest()


def plan_of(config: DataConfig, windows: int, shard_tokens: int) -> Plan:
    """The plan for ``windows`` windows in shards of about ``shard_tokens`` tokens, whole blocks each."""
    block_tokens = config.windows_per_block * config.context
    blocks = max(1, shard_tokens // block_tokens)
    return Plan(
        law=law_of(config),
        vocabulary=fingerprint(config),
        windows=windows,
        windows_per_shard=blocks * config.windows_per_block,
        roles=[role_name(role) for role in config.method.layout().roles],
    )


def start(folder: Path, plan: Plan) -> None:
    """Claim ``folder`` for ``plan``: it must be empty, or hold the same plan, finished or not."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; --out must name a folder")
    if (folder / PLAN).exists():
        there = _read(Plan, folder / PLAN)
        difference = _difference(there.model_dump(mode="json"), plan.model_dump(mode="json"))
        if difference:
            raise InputError(f"{folder}: holds another corpus ({difference}); choose another --out or remove it")
        return
    if folder.is_dir() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise InputError(f"{folder}: holds other files and no {PLAN}; choose an empty --out")
    write_json(folder / PLAN, plan.content())


def record_path(folder: Path, shard: int) -> Path:
    return folder / f"shard_{shard:06d}.json"


def read_record(folder: Path, shard: int) -> ShardRecord | None:
    """The record of a finished shard whose files are as it says, or None when it must be written (again)."""
    path = record_path(folder, shard)
    if not path.exists():
        return None
    try:
        record = _read(ShardRecord, path)
        check_files(folder, record)
    except InputError:
        return None
    return record


def check_files(folder: Path, record: ShardRecord, *, sizes_only: bool = False) -> None:
    """Raise InputError when a file of the shard is missing, cut short or changed."""
    for name, expected in record.files.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path}: missing; run gen-data again with the same options to make it anew")
        size = path.stat().st_size
        if size != expected.bytes:
            raise InputError(
                f"{path}: corrupt shard: {size} bytes, the manifest says {expected.bytes}; "
                "run gen-data again with the same options to make it anew"
            )
        if not sizes_only and sha256_of(path) != expected.sha256:
            raise InputError(
                f"{path}: corrupt shard: its sha256 is not the manifest's; "
                "run gen-data again with the same options to make it anew"
            )


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finish(folder: Path, plan: Plan) -> Manifest | None:
    """Write the manifest if every shard has its record; None while some are missing."""
    paths = [record_path(folder, shard) for shard in range(plan.n_shards)]
    if not all(path.exists() for path in paths):
        return None
    records = [_read(ShardRecord, path) for path in paths]
    manifest = Manifest(
        **plan.model_dump(),
        shards=records,
        tokens=plan.windows * plan.law["context"],
        documents=sum(record.documents for record in records),
        cut=sum(record.cut for record in records),
        dropped=sum(record.dropped for record in records),
    )
    write_json(folder / MANIFEST, manifest.content())
    return manifest


def read_manifest(folder: str | Path) -> Manifest:
    """The manifest of a whole corpus; says so when the folder holds none or an unfinished one."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of shards")
    if not (folder / MANIFEST).exists():
        if (folder / PLAN).exists():
            raise InputError(f"{folder}: unfinished corpus; run gen-data again with the same options to finish it")
        raise InputError(f"{folder}: no {MANIFEST} here; not a corpus made by gen-data")
    return _read(Manifest, folder / MANIFEST)


def check_law(folder: str | Path, manifest: Manifest, config: DataConfig) -> None:
    """Raise InputError when the corpus is not the data that ``config`` describes."""
    difference = _difference(manifest.law, law_of(config))
    if difference:
        raise InputError(f"{folder}: made with other settings than this run's data ({difference})")
    if manifest.vocabulary != fingerprint(config):
        raise InputError(f"{folder}: made with another vocabulary (other names or ids) than this run's lexicon")


def _read(cls: Any, path: Path) -> Any:
    content = read_json(path)
    if isinstance(content, dict) and isinstance(content.get("law"), dict):
        content["law"] = upgraded(content["law"])
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path}: format '{content['format']}', this version reads '{FORMAT}'")
    try:
        return cls.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        what = [".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")]
        raise InputError(f"{path}: not a valid {path.stem}: {': '.join(filter(None, what))}") from None


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    """The first difference of two plans or laws in words, or ''."""
    first = next(differences(there, here), None)
    return f"{first.name.removeprefix('law.')} {first.there!r} there, {first.here!r} here" if first else ""
