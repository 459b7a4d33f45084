"""`make real-text`: runs side by side, each once, also where one of them fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MISTAKES = """#!{python}
import pathlib, sys, time
words = sys.argv[1:]
given = dict(zip(words, words[1:]))
with open("{folder}/calls", "a") as file:
    file.write(" ".join(words) + "\\n")
if words[:2] == ["text", "train"]:
    run = pathlib.Path(given["--out"])
    run.mkdir(parents=True, exist_ok=True)
    (run / "began").write_text(str(time.time()))
    time.sleep(0.3)
    (run / "ended").write_text(str(time.time()))
    if run.name == "weak-0.1-seed1" and not pathlib.Path("{folder}/mended").exists():
        sys.exit("error: no room")
    (run / "answers.json").write_text("{{}}")
elif "--out" in words and words[:2] != ["text", "table"]:
    pathlib.Path(given["--out"]).write_text("")
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_runs_side_by_side(tmp_path: Path) -> None:
    program = tmp_path / "bin/mistakes"
    program.parent.mkdir()
    program.write_text(MISTAKES.format(python=sys.executable, folder=tmp_path))
    program.chmod(0o755)
    runs = tmp_path / "runs/real_text"
    words = ["make", "-o", "setup", "real-text", "JOBS=2", "REAL_TEXT_SEEDS=1", f"BIN={program.parent}"]
    words += [f"RUNS={runs.parent}", "REAL_TEXT_ARMS=none weak-0.1 weak-checked-0.5"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # `make test` sets some

    def made() -> tuple[int, str, list[str]]:
        done = subprocess.run(words, cwd=ROOT, env=own, capture_output=True, text=True)
        calls = (tmp_path / "calls").read_text().splitlines()
        (tmp_path / "calls").write_text("")
        return done.returncode, done.stdout + done.stderr, calls

    code, said, calls = made()
    assert code != 0
    assert "error: no room" in said
    assert sum(call.startswith("text train") for call in calls) == 3
    assert not any(call.startswith("text table") for call in calls)
    first, second = runs / "none-seed1", runs / "weak-0.1-seed1"
    assert float((second / "began").read_text()) < float((first / "ended").read_text())
    (call,) = (call for call in calls if "weak-checked-0.5-seed1" in call)
    assert f"seed=1 data.seed=1 data.source={runs}/data/weak-checked-0.5.jsonl" in call
    (tmp_path / "mended").touch()
    code, said, calls = made()
    assert code == 0, said
    assert [call.split()[:2] for call in calls] == [["text", "train"], ["text", "table"]]
    assert calls[1].startswith(f"text table {runs}/none-seed1/ {runs}/weak-0.1-seed1/ {runs}/weak-checked-0.5-seed1/ ")
