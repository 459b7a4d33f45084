"""Tables of finished runs do not wait the seconds that importing torch takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = (
    "from cli.main import main; import sys; sys.argv = ['mistakes', 'report', *sys.argv[1:]]\ntry: main()\nfinally: "
)
TELL = "import sys; print('torch' in sys.modules, 'matplotlib' in sys.modules)"


def run(code: str, *arguments: str | Path) -> str:
    """The last line that a fresh process prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_report_of_runs(make_run, tmp_path: Path) -> None:
    """Guards 7 seconds of import before the first table of runs, or of a sweep; pictures need matplotlib, no torch."""
    made = make_run("run", {"op=3": 0.5}, n=20)
    assert run(REPORT + TELL, made) == "False False"
    assert run(REPORT + TELL, made, "--out", tmp_path / "report").startswith("False")
    assert run(REPORT + TELL, "configs/sweeps/figure3.yaml", "--root", tmp_path) == "False False"


@pytest.mark.parametrize(
    "module", ["igsm.training.config", "igsm.probing.config", "igsm.corpus.config", "igsm.sweeps.plan"]
)
def test_settings(module: str) -> None:
    """Guards the wait before a misspelt setting is named."""
    assert run(f"import {module}; {TELL}") == "False False"


def test_the_model_package_still_has_its_names() -> None:
    """Guards names that are imported when they are asked for: each is there, any other is an AttributeError."""
    code = "import igsm.model as m; print(all(hasattr(m, name) for name in m.__all__), hasattr(m, 'GTP'))"
    assert run(code) == "True False"
