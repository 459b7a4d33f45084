"""`mistakes report` on damaged files: one line that names the file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from igsm.errors import InputError
from igsm.reporting.report import ReportRequest, build_report, write_report
from igsm.reporting.results import sources_of_runs

SUMMARY = '{"cell": "op=3", "decoder": "greedy", "n": 8, "correct": 3, '


def _report(run: Path, out: Path) -> None:
    """What `mistakes report RUN --out OUT` does."""
    write_report(build_report(ReportRequest("T", sources_of_runs([run]))), out)


def packed(content: bytes) -> bytes:
    """With no time in it: parameters name tests, and all workers must name them alike."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("eval/*/generations.jsonl.gz", b"no gzip", "cannot be read: Not a gzipped file"),
        ("eval/*/generations.jsonl.gz", packed(b'{"index": 0, "text": ""}\n' * 9)[:-12], "cannot be read"),
        ("eval/*/generations.jsonl.gz", packed(b'{"text": ""}\n'), "record 1: not a generation: .*no 'index'"),
        ("eval/*/generations.jsonl.gz", packed(b'{"index": 0}\n'), "record 1: not a generation: .*no 'text'"),
        ("eval/*/generations.jsonl.gz", packed(b"[1]\n"), "line 1: a JSON object is expected, not list"),
        ("eval/*/generations.jsonl.gz", packed(b"{\n"), "line 1: not valid JSON"),
        (
            "eval/*/generations.jsonl.gz",
            packed(b'{"index": 0, "text": "\xff"}\n'),
            "line 1: not valid JSON: 'utf-8'",
        ),
        ("eval/*/verdicts.jsonl", b'{"index": 0, "correct": true, "x": "\xff"}\n', "not valid JSON: 'utf-8'"),
        ("eval/*/summary.json", b"\xff", "not a readable JSON file"),
        ("eval/*/verdicts.jsonl", b'{"index": 0, "correct": true}\n', "has 1 verdicts, summary.json says 20"),
        ("eval/*/verdicts.jsonl", b'{"index": 1, "correct": true}\n', "problem 0 is expected, not 1"),
        ("eval/*/summary.json", (SUMMARY + '"provenance": [1]}').encode(), "'provenance' cannot be"),
        ("eval/*/summary.json", (SUMMARY + '"provenance": {"git": "x"}}').encode(), "'git' cannot be 'x'"),
        ("provenance.json", b"[1]", "not the provenance of a run: an object is expected, not list"),
        (
            "provenance.json",
            b'{"command": 5}',
            "not the provenance of a run: 'command' cannot be 5: a list is expected",
        ),
        ("provenance.json", b'{"git": "x"}', "not the provenance of a run: 'git' cannot be 'x'"),
        ("metrics.jsonl", b'{"step": 1, "loss": 1}\n\xff\n', "line 2: not valid JSON: 'utf-8'"),
        ("config.yaml", b"seed: \xff", "cannot be read: 'utf-8'"),
    ],
)
def test_a_damaged_file_is_one_line(make_run, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """Guards against a traceback of `mistakes report` that does not name the file."""
    run = make_run("run", {"op=3": 0.5}, n=20)
    path = next(run.glob(name))
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.name}.*{message}") as raised:
        _report(run, tmp_path / "report")
    assert "\n" not in str(raised.value)
