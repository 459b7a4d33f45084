"""Files of a run: guards against half-written files that look whole and records lost to a cut line."""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from igsm.config import load_yaml
from igsm.errors import InputError
from igsm.rundir import JsonlWriter, RunFolder, atomic_write, distinct_names, provenance, read_json, read_jsonl


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    atomic_write(path, "one")
    atomic_write(path, b"two")
    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_keeps_the_old_file_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic_write(path, "old")
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from igsm.rundir import atomic_write; from igsm.errors import InputError\n"
        f"try: atomic_write({str(path)!r}, b'x' * 5000)\n"
        "except InputError as error: print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written" in result.stdout
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_cut_last_line_is_dropped_on_reading_and_on_appending(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with JsonlWriter(path) as writer:
        writer.write({"step": 1})
        writer.write({"step": 2})
    with open(path, "ab") as file:
        file.write(b'{"step": 3, "lo')
    assert [record["step"] for record in read_jsonl(path)] == [1, 2]
    with JsonlWriter(path) as writer:
        writer.write({"step": 4})
    assert [record["step"] for record in read_jsonl(path)] == [1, 2, 4]


def test_a_line_may_be_cut_inside_a_character(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes('{"text": "é"}\n{"text": "é'.encode()[:-1])
    assert list(read_jsonl(path)) == [{"text": "é"}]
    path.write_bytes(b'{"text": "\xff"}\n{}\n')
    with pytest.raises(InputError, match="line 1"):
        list(read_jsonl(path))


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    assert distinct_names([tmp_path / "a" / "run", tmp_path / "b" / "run"]) == ["a/run", "b/run"]
    assert distinct_names([tmp_path / "a" / "run"]) == ["run"]
    with pytest.raises(InputError, match="more than once"):
        distinct_names([tmp_path / "a", f"{tmp_path}/b/../a/"])


def test_a_file_without_any_whole_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"x" * 200_000)
    with JsonlWriter(path) as writer:
        writer.write({"step": 1})
    assert [record["step"] for record in read_jsonl(path)] == [1]


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{bad\n{"a": 2}\n')
    with pytest.raises(InputError, match="line 2"):
        list(read_jsonl(path))


def test_broken_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="bad.json"):
        read_json(tmp_path / "bad.json")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path: Path, mark: bytes) -> None:
    """Guards files that a Windows editor has saved once, refused as broken JSON or YAML."""
    path = tmp_path / "file"
    path.write_bytes(mark + b'{"a": 1}')
    assert read_json(path) == load_yaml(path) == {"a": 1}
    path.write_bytes(mark + b'\n{"a": 1}\n' + mark + b'{"a": 2}\n')
    packed = tmp_path / "file.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(read_jsonl(path)) == list(read_jsonl(packed)) == [{"a": 1}, {"a": 2}]


def test_checkpoint_steps_are_numbers_in_order(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.checkpoint_steps() == []
    for name in ("step_100", "step_20", "step_x", ".step_5.tmp"):
        (run.checkpoints / name).mkdir(parents=True)
    assert run.checkpoint_steps() == [20, 100]


def test_provenance_says_what_made_a_result() -> None:
    facts = provenance()
    assert facts["command"] == sys.argv
    assert facts["versions"]["python"].startswith("3.")
    assert facts["machine"]["cores"] >= 1
