"""Shards on disk: guards against damaged, foreign or half-written files being taken for a corpus."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.corpus.generate import generate, parse_part, parse_tokens
from igsm.corpus.loader import WindowLoader
from igsm.corpus.manifest import read_manifest
from igsm.corpus.shards import ShardReader
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.problems.difficulty import ProblemConfig

NANO = DataConfig(
    problem=ProblemConfig(difficulty="nano"),
    mistakes=MistakeConfig(kind="retry", rate=0.5),
    context=100,
    windows_per_block=4,
    seed=3,
)
WINDOWS = 18  # four blocks and a half
SHARD_TOKENS = 900  # two blocks a shard: three shards, the last one short


def make(folder: Path, **options: object) -> Path:
    generate(NANO, folder, WINDOWS, shard_tokens=SHARD_TOKENS, **options)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("corpus") / "nano")


@pytest.fixture
def corpus(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "corpus"))


def expected_windows() -> tuple[np.ndarray, np.ndarray]:
    blocks = [block(NANO, number) for number in range(5)]
    tokens = np.concatenate([one.tokens for one in blocks])[:WINDOWS]
    return tokens, np.concatenate([one.roles for one in blocks])[:WINDOWS]


def test_layout_is_that_of_llm_c_and_the_rest_is_as_documented(made: Path) -> None:
    """Read with nothing but numpy, as other people's trainers do."""
    tokens, roles = expected_windows()
    per_shard = 8 * NANO.context
    for shard, size in enumerate((per_shard, per_shard, 2 * NANO.context)):
        header = np.fromfile(made / f"shard_{shard:06d}.bin", "<i4", 256)
        assert header[:3].tolist() == [20240520, 1, size]
        assert not header[3:].any()
        flat = np.fromfile(made / f"shard_{shard:06d}.bin", "<u2", offset=1024)
        start = shard * per_shard
        assert np.array_equal(flat, tokens.reshape(-1)[start : start + size])
        bits = np.fromfile(made / f"shard_{shard:06d}.planes", np.uint8).reshape(3, -1)
        for plane in range(3):
            read = np.unpackbits(bits[plane], bitorder="little")[:size]
            assert np.array_equal(read, roles.reshape(-1)[start : start + size] >> plane & 1)
        documents = np.fromfile(made / f"shard_{shard:06d}.documents", "<u8")
        assert np.array_equal(documents, np.flatnonzero(flat == 222))


def test_manifest_has_the_checksums_and_the_counts(made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    files = {name: record for shard in manifest["shards"] for name, record in shard["files"].items()}
    assert len(files) == 9
    for name, record in files.items():
        data = (made / name).read_bytes()
        assert record == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    tokens, _ = expected_windows()
    assert manifest["tokens"] == tokens.size
    assert manifest["documents"] == (tokens == 222).sum()
    assert sum(shard["cut"] for shard in manifest["shards"]) == (tokens[:, -1] != 50256).sum()
    assert not list(made.glob("*.partial"))


def test_any_range_of_windows_reads_as_it_was_generated(made: Path) -> None:
    tokens, roles = expected_windows()
    reader = ShardReader(made)
    for first, count in ((0, WINDOWS), (7, 2), (17, 1), (3, 14), (9, 0)):
        read = reader.read(first, count)
        assert np.array_equal(read[0], tokens[first : first + count])
        assert np.array_equal(read[1], roles[first : first + count])
    with pytest.raises(InputError, match="holds 18 windows, window 18 is wanted"):
        reader.read(17, 2)


@pytest.mark.parametrize("options", [{"workers": 2}, {"workers": 5}, {"part": (2, 3)}])
def test_bytes_depend_neither_on_workers_nor_on_parts(made: Path, tmp_path: Path, options: dict) -> None:
    folder = tmp_path / "other"
    make(folder, **options)
    if "part" in options:
        with pytest.raises(InputError, match="unfinished corpus"):
            read_manifest(folder)
        make(folder, part=(1, 3))
        make(folder, part=(3, 3))
    names = sorted(path.name for path in made.iterdir())
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert (folder / name).read_bytes() == (made / name).read_bytes(), name


def damage_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("suffix", ["bin", "planes", "documents"])
def test_a_changed_byte_is_found_and_gen_data_repairs_it(corpus: Path, made: Path, suffix: str) -> None:
    path = corpus / f"shard_000001.{suffix}"
    damage_byte(path)
    reader = ShardReader(corpus)
    reader.read(0, 8)  # another shard is fine
    with pytest.raises(InputError, match=rf"shard_000001\.{suffix}: corrupt shard: its sha256"):
        reader.read(8, 1)
    make(corpus)
    assert path.read_bytes() == (made / path.name).read_bytes()


def test_a_truncated_or_missing_shard_is_found_on_opening(corpus: Path) -> None:
    path = corpus / "shard_000002.planes"
    os.truncate(path, 10)
    with pytest.raises(InputError, match=r"shard_000002\.planes: corrupt shard: 10 bytes, the manifest says 75"):
        ShardReader(corpus)
    path.unlink()
    with pytest.raises(InputError, match=r"shard_000002\.planes: missing"):
        ShardReader(corpus)


def test_a_corpus_of_other_settings_or_names_is_refused(corpus: Path) -> None:
    def open_as(**changes: object) -> None:
        WindowLoader(NANO.model_copy(update={"path": str(corpus)} | changes), 2).close()

    open_as()
    open_as(vocabulary="gpt2")  # how models number ids is not the files' business
    with pytest.raises(InputError, match="other settings.*seed 3 there, 4 here"):
        open_as(seed=4)
    with pytest.raises(InputError, match=r"other settings.*mistakes.rate 0\.5 there, 0\.2 here"):
        open_as(mistakes=MistakeConfig(kind="retry", rate=0.2))
    manifest = json.loads((corpus / "manifest.json").read_text())
    (corpus / "manifest.json").write_text(json.dumps(manifest | {"vocabulary": "0" * 64}))
    with pytest.raises(InputError, match="made with another vocabulary"):
        open_as()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a readable JSON"),
        ('{"format": "mistakes corpus 9"}', "format 'mistakes corpus 9', this version reads"),
        ("{}", "not a valid manifest: law: Field required"),
        ("[]", "not a valid manifest"),
    ],
)
def test_a_broken_manifest_is_one_clear_line(corpus: Path, content: str, message: str) -> None:
    (corpus / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        ShardReader(corpus)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["shards"], [], "shards: 0 records, 3 make the corpus"),
        (["shards", 1, "first_window"], 9, "shards.1: must be shard 1 with windows 8 to 15"),
        (["shards", 0, "files", "shard_000000.planes"], None, "files: no entry for shard_000000.planes"),
        (["law", "context"], None, "law.context: must be the tokens of a window"),
        (["windows_per_shard"], 0, "windows_per_shard: "),
    ],
)
def test_an_incomplete_manifest_is_one_clear_line(tmp_path: Path, path: list[Any], value: object, message: str) -> None:
    """Guards against an IndexError, KeyError or unchecked files for a manifest that lacks something."""
    file = {"bytes": 1, "sha256": ""}
    counts = {"documents": 1, "cut": 0, "dropped": 0}
    shards = [
        {"shard": number, "first_window": 8 * number, "windows": windows, **counts}
        | {"files": {f"shard_{number:06d}.{suffix}": dict(file) for suffix in ("bin", "planes", "documents")}}
        for number, windows in enumerate((8, 8, 2))
    ]
    manifest: Any = {"law": {"context": 100}, "vocabulary": "", "windows": 18, "windows_per_shard": 8, **counts}
    manifest |= {"tokens": 1800, "shards": shards}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    read_manifest(tmp_path)
    place = manifest
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=rf"not a valid manifest: .*{re.escape(message)}"):
        read_manifest(tmp_path)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("\\section{}")
    with pytest.raises(InputError, match="thesis: holds other files"):
        make(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]
    with pytest.raises(InputError, match="is a file"):
        make(tmp_path / "thesis" / "chapter1.tex")
    other = NANO.model_copy(update={"seed": 9})
    with pytest.raises(InputError, match=r"corpus: holds another corpus \(seed 3 there, 9 here\)"):
        generate(other, corpus, WINDOWS, shard_tokens=SHARD_TOKENS)
    with pytest.raises(InputError, match=r"windows 18 there, 19 here"):
        generate(NANO, corpus, WINDOWS + 1, shard_tokens=SHARD_TOKENS)
    with pytest.raises(InputError, match="no such folder"):
        ShardReader(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no manifest.json here"):
        ShardReader(tmp_path / "thesis")


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_shards
from igsm.errors import InputError
from igsm.corpus.generate import generate
if __name__ == "__main__":
    if len(sys.argv) > 3:
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    try:
        generate(test_shards.NANO, Path(sys.argv[1]), 40_000, shard_tokens=100_000, workers=2)
    except InputError as error:
        sys.exit(str(error))
"""


def start(folder: Path, script: Path, *arguments: str) -> subprocess.Popen[str]:
    script.write_text(RUN)
    command = [sys.executable, str(script), str(folder), str(Path(__file__).parent), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_killed_at_any_moment_nothing_half_written_looks_whole_and_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    kills = 0
    while not (folder / "manifest.json").exists():
        finished = len(list(folder.glob("shard_*.json")))
        process = start(folder, tmp_path / "run.py")
        while process.poll() is None and len(list(folder.glob("shard_*.json"))) < finished + 9:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        for path in folder.glob("shard_*.json"):
            for name, record in json.loads(path.read_text())["files"].items():
                assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == record["sha256"]
        time.sleep(2.5)  # the workers see that their parent is gone
        assert kills < 20
    assert kills > 2
    whole = tmp_path / "whole"
    generate(NANO, whole, 40_000, shard_tokens=100_000)
    for path in whole.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line_and_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    """A file size limit makes writes fail as a full disk does."""
    folder = tmp_path / "corpus"
    process = start(folder, tmp_path / "run.py", "150000")
    message = process.communicate()[1]
    assert process.returncode == 1
    assert message.count("\n") == 1
    assert "cannot be written: File too large" in message
    names = {path.name for path in folder.iterdir() if path.suffix != ".partial"}
    assert names == {"plan.json"}


def test_sizes_are_read_as_people_write_them() -> None:
    assert [parse_tokens(text) for text in ("5000", "50M", "1.2e9", "40B", "1.5k")] == [
        5000, 50_000_000, 1_200_000_000, 40_000_000_000, 1500,
    ]  # fmt: skip
    for text in ("", "M", "-5", "0", "many", "nan", "inf"):
        with pytest.raises(InputError, match="--tokens"):
            parse_tokens(text)
    assert parse_part("3/16") == (3, 16)
    for text in ("0/4", "5/4", "2", "a/b", "1/0", "-1/3"):
        with pytest.raises(InputError, match="must read k/n"):
            parse_part(text)
