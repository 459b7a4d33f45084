"""What is installed from a wheel, without a clone: guards against commands that miss a file outside the repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("igsm", "cli", "configs", "benchmarks")
NOT_TRACKED = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves files beside the sources."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=NOT_TRACKED)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (path,) = (source / "dist").glob("*.whl")
    return path


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """In an empty folder, without the paths of this process; warnings of plain Python in the generator left out."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"NUMBA_DISABLE_JIT": "1", "PYTHONWARNINGS": "ignore", **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_holds_every_file_that_is_no_test(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= inside
    assert not [name for name in inside if name.startswith("tests")]


def test_presets_are_found_by_name_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheel).extractall(installed)
    mistakes = [sys.executable, "-m", "cli.main"]
    shown = run([*mistakes, "config", "trio"], empty, PYTHONPATH=str(installed))
    assert (shown.returncode, shown.stdout[:15]) == (0, "stage: pretrain")
    wrong = run([*mistakes, "pretrain", "trioo"], empty, PYTHONPATH=str(installed))
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(
        "mistakes: error: trioo: no such file and no preset; did you mean 'trio'? All presets: "
    )
    (empty / "trio").write_text(f"base: {installed}/configs/pretrain/trio.yaml\nseed: 7\n")
    own = run([*mistakes, "config", "trio"], empty, PYTHONPATH=str(installed))
    assert "seed: 7\n" in own.stdout, "a file of that path comes before the preset"


@pytest.mark.slow
def test_the_first_steps_of_the_demo_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which sees the packages of this one but not this clone."""
    home, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(home, with_pip=True, symlinks=True)
    pip = [str(home / "bin" / "python"), "-m", "pip"]
    done = run([*pip, "install", "-q", "--no-deps", "--no-index", str(wheel)], empty)
    assert done.returncode == 0, done.stderr
    (packages,) = (home / "lib").glob("python*/site-packages")
    # Lines of .pth files that lie in a folder named so are not read: an editable install there stays out of sight.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def mistakes(*words: str) -> str:
        done = run([str(home / "bin" / "mistakes"), *words], empty)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        assert "\r" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done.stdout

    where = run([str(home / "bin" / "python"), "-c", "import igsm; print(igsm.__file__)"], empty)
    assert str(home) in where.stdout
    assert mistakes("--version").startswith("mistakes ")
    small = ["training.steps=4", "training.warmup_steps=1", "training.batch=4", "training.held_out_windows=0"]
    small += ["training.evaluate_problems=0", "training.device=cpu", "model.layers=1"]
    mistakes("pretrain", "trio", *small, "--tracker", "none")
    mistakes("eval", "runs/trio", "--cells", "op=5", "--n", "4", "--context", "128")
    assert "Define" in mistakes("show", "--difficulty", "trio", "--kind", "retry", "--rate", "0.5")
    tried = mistakes("try", "--json", "--problems", "1")
    assert json.loads(tried.splitlines()[0])
    assert "op=5" in mistakes("report", "runs/trio")
    table = json.loads(mistakes("report", "runs/trio", "--json"))["tables"][0]
    assert max(cell["n"] for cell in table["cells"]) == 4
    assert mistakes("sweep", "demo", "--dry-run").startswith("demo: 4 jobs")
    assert mistakes("gen-data", "--difficulty", "nano", "--problems", "3", "--out", "data.jsonl").startswith(
        "data.jsonl: 3"
    )
    assert "3 of 3 solutions correct" in mistakes("check", "data.jsonl")
