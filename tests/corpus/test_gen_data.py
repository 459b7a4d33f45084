"""`mistakes gen-data`: guards against options that do nothing, unclear errors and wrong exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.data import data_config
from igsm.corpus.manifest import read_manifest
from igsm.corpus.shards import ShardReader
from igsm.errors import InputError
from igsm.locks import LOCK, locked

ROOT = Path(__file__).resolve().parents[2]


def gen_data(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", "gen-data", *map(str, arguments)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == code, result.stderr
    return result


def test_shards_and_a_file_of_the_same_documents(tmp_path: Path) -> None:
    words = [
        "--difficulty", "nano", "--kind", "retry", "--rate", 0.5, "--tokens", "20k", "--seed", 4, "--workers", 2,
        "windows_per_block=8",
    ]  # fmt: skip
    result = gen_data(*words, "--out", tmp_path / "nano")
    gen_data(*words, "--out", tmp_path / "nano.jsonl")
    manifest = read_manifest(tmp_path / "nano")
    assert manifest.law["context"] == 128  # the difficulty's
    assert manifest.tokens == 157 * 128
    assert "20,096 tokens" in result.stdout
    records = [json.loads(line) for line in (tmp_path / "nano.jsonl").read_text().splitlines()]
    assert len(records) == manifest.documents
    tokens, _ = ShardReader(tmp_path / "nano").read(0, 157)
    assert (tokens == 222).sum() == len(records)
    assert sum(len(record["mistakes"]) for record in records) > 20


def test_a_file_of_problems(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    gen_data("--op", 3, "--split", "test", "--format", "qp", "--problems", 7, "--out", path)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 7
    for record in records:
        assert record["op"] == 3
        assert 16 <= record["bin"] < 23
        assert record["problem"].startswith(record["question"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["test.jsonl"]


def test_problems_as_shards_are_about_so_many(tmp_path: Path) -> None:
    gen_data("--difficulty", "nano", "--problems", 3000, "--out", tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert 2800 < manifest.documents - manifest.cut < 3200


def test_config_of_a_run_gives_its_data_and_options_go_on_top(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "seed: 1\ndata:\n  seed: 9\n  context: 96\n  problem: {difficulty: nano}\n"
        "  mistakes: {rate: 0.25, kind: retry}\n"
    )
    gen_data("--config", path, "--retry-rate", 0.5, "--tokens", 960, "--out", tmp_path / "out", "problem.modulus=3")
    law = read_manifest(tmp_path / "out").law
    assert (law["seed"], law["context"], law["mistakes"]["kind"]) == (9, 96, "retry")
    assert (law["mistakes"]["rate"], law["problem"]["modulus"]) == (0.5, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--tokens 1k", "nothing to write: give --out"),
        ("--out X", "either --problems N or --tokens N"),
        ("--out X --tokens 1k --problems 3", "either --problems N or --tokens N"),
        ("--out X --tokens many", "--tokens many: must be a number"),
        ("--out X --tokens 1k --difficulty med1", "unknown difficulty 'med1'; did you mean 'med'?"),
        ("--out X --tokens 1k --kind retri --retry-rate 0.1", "unknown kind 'retri'; did you mean 'retry'?"),
        ("--out X --tokens 1k --kind retry", "kind and rate go together"),
        ("--out X --tokens 1k --kind retry --retry-rate 1.0", "rate must be at least 0 and below 1, not"),
        ("--out X --tokens 1k --kind retry --retry-rate -0.1", "rate must be at least 0 and below 1, not"),
        ("--out X --tokens 1k --split val", "problem.split"),
        ("--out X --tokens 1k problem.modolus=7", "unknown key 'problem.modolus'; did you mean 'modulus'?"),
        ("--out X --tokens 1k --op 500", "op=500"),
        ("--out X --tokens 1k --lexicon nowhere.json", "nowhere.json: no such lexicon file"),
        ("--out X --tokens 1k --part 3/2", "--part 3/2: must read k/n"),
        ("--out X.jsonl --tokens 1k --part 1/2", "--part divides the shards of a folder only"),
        ("--out X.csv --tokens 1k", "X.csv: a file ends in .chat.jsonl, .jsonl, .parquet"),
        ("--out X --tokens 1k --corpus boxes --kind retry --retry-rate 0.1", "corpus 'boxes' has no mistakes"),
        ("--out pyproject.toml --tokens 1k", "pyproject.toml: is a file"),
        ("--out igsm --tokens 1k", "igsm: holds other files"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(tmp_path: Path, arguments: str, message: str) -> None:
    words = [str(tmp_path / word) if word[0] == "X" else word for word in arguments.split()]
    result = gen_data(*words, code=2)
    lines = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]  # what a slow machine waits for
    assert len(lines) == 1
    assert lines[0].startswith("mistakes: error: ")
    assert message in lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_killed_and_run_again_it_goes_on(tmp_path: Path) -> None:
    options = [
        "--difficulty",
        "easy",
        "--tokens",
        "30M",
        "--shard-tokens",
        "1M",
        "--workers",
        "2",
        "--out",
        str(tmp_path / "o"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "gen-data", *options], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    while len(list((tmp_path / "o").glob("shard_*.json"))) < 4:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "o").glob("shard_*.json")}
    assert not (tmp_path / "o" / "manifest.json").exists()
    time.sleep(3)
    result = gen_data(*options)
    assert re.search(r"\d+ shards", result.stdout)
    for name, changed in kept.items():
        assert (tmp_path / "o" / name).stat().st_mtime_ns == changed, "a finished shard was made again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("problem: null\n", "problem: must hold 'key: value' lines, not None"),
        ("data: 3\n", "data: must hold 'key: value' lines, not 3"),
        ("data: null\n", "data: must hold 'key: value' lines, not None"),
    ],
)
def test_empty_sections_of_a_config_are_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    """Guards against an AttributeError or TypeError for a section that is a value, or has nothing in it."""
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        data_config(path, {"problem.difficulty": "nano"}, [], "gen-data")


def test_a_part_is_made_by_one_process_at_a_time(tmp_path: Path) -> None:
    """Guards: two processes that write over each other's shards."""
    words = ("--difficulty", "nano", "--tokens", "1k", "--out", tmp_path / "corpus")
    with locked(tmp_path / "corpus", "generating", f"{LOCK}-1-of-1"):
        assert "another process" in gen_data(*words, code=2).stderr
    gen_data(*words)
