"""What the documentation tells people to type and to open exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import COMMANDS, build

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def command_lines(page: Path) -> list[str]:
    blocks = re.findall(r"```[a-z]*\n(.*?)```", page.read_text(), flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    lines += re.findall(r"\| `(mistakes [^`]*)` \|", page.read_text())  # tables of commands
    return [line for line in lines if line.startswith("mistakes ") and "[" not in line]


LINES = [(page.name, line) for page in PAGES for line in command_lines(page)]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line[:50]}" for page, line in LINES])
def test_documented_command_has_these_options_and_files(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    assert words[0] in COMMANDS
    called = words[:2] if words[0] == "bench" and len(words) > 1 else words[:1]
    shown = CliRunner(env={"COLUMNS": "250"}).invoke(build(called), [*called, "--help"]).output
    for option in (word.split("=")[0] for word in words if word.startswith("--")):
        assert option in shown, f"{page}: {option}"
    for path in (word for word in words if word.startswith("configs/")):
        assert (ROOT / path).exists(), f"{page}: {path}"


def test_there_are_commands_to_check() -> None:
    assert {page for page, _ in LINES} >= {"README.md", "training.md"}
    assert len(LINES) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text()
    paths = set(re.findall(r"`((?:igsm|cli|configs|tests|docs|benchmarks|scripts|make)/[\w./-]+)`", text))
    links = set(re.findall(r"\]\((?!https?:)([\w./-]+)\)", text))
    missing = [p for p in sorted(paths) if "NAME" not in p and not (ROOT / p).exists()]
    missing += [p for p in sorted(links) if not (page.parent / p).exists()]
    assert missing == []


def test_make_lists_only_targets_that_exist() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "Makefile", ROOT / "make" / "sweeps.mk"))
    named = set(re.findall(r"make ([a-z][a-z0-9-]+)", (ROOT / "README.md").read_text()))
    for target in named:
        assert re.search(
            rf"^(?:[a-z0-9 -]*\b)?{target}\b.*:|(?:FIGURES|LITE) :=.*\b{target}\b", rules, flags=re.MULTILINE
        ), target


@pytest.mark.parametrize("name", ["docs/reproducing.md", "scripts/sbatch_wait.sh"])
def test_array_jobs_are_the_parts_of_the_data(name: str) -> None:
    """Guards against a recipe whose first task fails (part 0) and whose last part nobody makes."""
    ranges = re.findall(r"ARRAY=(\d+)-(\d+).*%a/(\d+)", (ROOT / name).read_text())
    assert ranges
    assert all((first, last) == ("1", n) for first, last, n in ranges)


def test_the_runs_that_the_readme_reports_are_trained_and_evaluated_there() -> None:
    """Guards against a recipe whose last line names a run that none of its lines makes."""
    lines = [shlex.split(line)[1:] for line in command_lines(ROOT / "README.md")]
    trained = {words[words.index("--out") + 1] for words in lines if words[0] == "pretrain"}
    evaluated = {run for words in lines if words[0] == "eval" for run in words[1 : words.index("--cells")]}
    reported = next(words for words in lines if words[0] == "report")
    assert set(reported[1 : reported.index("--figure")]) == trained == evaluated
