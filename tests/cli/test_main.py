"""The command line as a process: exit codes and pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROBLEM = "The number of each {A}'s {B} equals 4. How many {B} does {A} have?"


@pytest.mark.parametrize("n", [2, 3000])
def test_reader_that_has_enough_is_no_error(tmp_path: Path, n: int) -> None:
    """Guards against exit code 1 or a traceback for `mistakes solve FILE | head -1`, however full the buffer is."""
    from igsm.problems.lexicon import load_lexicon

    lexicon = load_lexicon("full")
    a, b = (next(iter(lexicon.groups[category].values()))[0] for category in lexicon.chains[0][:2])
    file = tmp_path / "problems.jsonl"
    file.write_text((json.dumps({"problem": PROBLEM.format(A=a, B=b)}) + "\n") * n)
    command = [sys.executable, "-m", "cli.main", "solve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, b"")


def test_bad_input_is_still_exit_code_2() -> None:
    """Guards against every error passing for a closed pipe."""
    command = [sys.executable, "-m", "cli.main", "solve", "no such file"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("mistakes: error: ")
    assert done.stderr.count("\n") == 1
