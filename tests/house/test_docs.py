"""What the documentation tells people to type, to open and to import exists."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import COMMANDS, build
from igsm.config import load_config
from igsm.presets import FOLDERS, find_preset
from igsm.probing.config import ProbeConfig
from igsm.sweeps.sweep import load_sweep
from igsm.training.config import FinetuneConfig, PretrainConfig
from igsm.training.copilot_config import CopilotRunConfig

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "runs" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONFIGS: dict[str, type[Any]] = {
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
    "probe": ProbeConfig,
    "copilot": CopilotRunConfig,
}
KINDS = {"report": ("sweep",), "findings": ("sweep",)} | {name: (name,) for name in FOLDERS}
USAGE: Any = typer.BadParameter.__mro__[1]  # UsageError, of click or of typer's copy


def label(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[str]:
    """Fenced code, without the prompt's continuation of lines."""
    found = re.findall(r"^ *```(?:|bash|sh|console)\n(.*?)^ *```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return [block.replace("\\\n", " ") for block in found]


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def typed(line: str) -> list[str]:
    """The words of a command up to a comment, a pipe or a redirection."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="<>|;&")
    lexer.whitespace_split = True
    for word in lexer:
        if word[0] in "<>|;&":
            break
        words.append(word)
    return words


def commands(page: Path, name: str, before: str) -> Iterator[tuple[list[str], bool]]:
    """(arguments of the command, whether it is complete); in running text `mistakes eval` is only named."""
    lines = [(line, True) for block in blocks(page) for line in block.splitlines()]
    for code in re.finditer(r"(\| )?`([^`]+)`( \|)?", prose(page)):
        lines.append((" ".join(code[2].split()), code[1] is not None and code[3] is not None))  # in a table of commands
    for line, complete in lines:
        found = re.search(rf"{before}{name} (?=\S)(.*)", line)
        if found and not line.lstrip().startswith("#"):
            yield [word for word in typed(found[1]) if word not in ("...", "--help")], complete and "..." not in line


MISTAKES = [
    (page, words, complete)
    for page in PAGES
    for words, complete in commands(page, "mistakes", r"^\s*(?:\S*[=/]\S*\s)*(?:\S*/)?")
]
MAKE = [(page, words) for page in PAGES for words, _ in commands(page, "make", r"^\s*")]


def parse(words: list[str]) -> None:
    """Raises what typer raises for a word it does not know."""
    command: Any = typer.main.get_command(build(words))
    context = command.context_class(command)
    while hasattr(command, "resolve_command"):
        name, command, words = command.resolve_command(context, words)
        context = command.context_class(command, parent=context, info_name=name) if words else context
        if hasattr(command, "resolve_command") and not words:
            return
    command.make_context(name, words, parent=context)


@pytest.mark.parametrize(
    ("page", "words", "complete"), MISTAKES, ids=[f"{label(p)}: {' '.join(w)}" for p, w, _ in MISTAKES]
)
def test_commands_can_be_typed(page: Path, words: list[str], complete: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against a page that names a command, an option, a kind of value or a setting that is no more."""
    monkeypatch.chdir(ROOT)
    if words[0].startswith("--"):
        assert words[0] in {name for option in typer.main.get_command(build([])).params for name in option.opts}
        return
    assert words[0] in COMMANDS
    try:
        parse(words)
    except USAGE as error:
        if complete or not error.format_message().startswith("Missing"):
            raise AssertionError(error.format_message()) from error
        return
    if words[0] not in {*FOLDERS, *KINDS, "config"} or not re.match(r"[a-z]", words[1]) or "NAME" in " ".join(words):
        return
    preset = None if words[1].startswith("runs/") else find_preset(words[1], *KINDS.get(words[0], ()))
    overrides = [word for word in words[2:] if re.match(r"[a-z_.]+=", word)]
    if preset and words[0] in CONFIGS:
        load_config(CONFIGS[words[0]], preset, overrides)
    elif preset and words[0] == "sweep":
        load_sweep(preset, overrides)


def test_there_are_commands_to_check() -> None:
    pages = {label(page) for page, _, complete in MISTAKES if complete}
    assert pages >= {"README.md", "docs/training.md", "docs/grading.md", "docs/try.md"}
    assert len(MISTAKES) > 40
    assert len(MAKE) > 10


@pytest.mark.parametrize("line", ["mistakes evil RUN", "mistakes eval RUN --n many", "mistakes eval RUN --cell figure"])
def test_a_wrong_command_is_found(line: str) -> None:
    with pytest.raises(USAGE):
        parse(typed(line)[1:])


def rules() -> str:
    return "\n".join(path.read_text() for path in (ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk"))))


def targets() -> set[str]:
    named = {
        name for line in re.findall(r"^([a-z][\w -]*):(?!=)", rules(), flags=re.MULTILINE) for name in line.split()
    }
    assert "\n$(SWEEPS): setup\n" in rules()
    return named | {path.stem for path in (ROOT / "configs" / "sweeps").glob("*.yaml")}


@pytest.mark.parametrize(("page", "words"), MAKE, ids=[f"{label(page)}: {' '.join(words)}" for page, words in MAKE])
def test_make_targets_exist(page: Path, words: list[str]) -> None:
    assert {word for word in words if "=" not in word} <= targets()
    for variable in (word.split("=")[0] for word in words if "=" in word):
        assert re.search(rf"^{variable} [?:]=|\$\({variable}\)", rules(), flags=re.MULTILINE), variable


def slugs(page: Path) -> set[str]:
    """Anchors of the headings that GitHub and the site's builder make alike."""
    heads = [
        re.sub(r"[`*]|\]\([^)]*\)|\[", "", head) for head in re.findall(r"^#+ (.*)", prose(page), flags=re.MULTILINE)
    ]
    github = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
    return github & {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head.lower()).strip()) for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_links_lead_somewhere(page: Path) -> None:
    text = prose(page)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        if ROOT / "docs" in page.parents:
            assert ROOT / "docs" in there.parents, f"{link}: the site has only what is in docs/"
        assert not anchor or anchor in slugs(there), link
    for path in re.findall(r"`((?:igsm|cli|configs|tests|docs|benchmarks|scripts|make)/[\w./-]+)`", text):
        assert "NAME" in path or (ROOT / path).exists(), path


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=label)
def test_every_page_is_in_the_index_and_in_the_menu(page: Path) -> None:
    if page.name != "index.md":
        assert f"({page.name})" in (ROOT / "docs" / "index.md").read_text()
    assert f": {page.name}\n" in (ROOT / "mkdocs.yml").read_text()


def defined(module: Path) -> set[str]:
    """Names that a module defines or imports."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
    return names


def is_there(module: str, name: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    inside = path / name
    if inside.is_dir() or inside.with_suffix(".py").exists():
        return True
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.exists() and name in defined(path)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "api").glob("*.md")), ids=label)
def test_the_reference_names_what_there_is(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of the reference and imports of the examples exist; examples that need no trained model run."""
    text = page.read_text()
    assert f"api/{page.name}" in (ROOT / "mkdocs.yml").read_text()
    for name in re.findall(r"^::: (.*)", text, flags=re.MULTILINE):
        module, _, last = name.rpartition(".")
        assert is_there(module, last), name
    for example in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        for node in ast.parse(example).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                assert all(is_there(node.module, alias.name) for alias in node.names), ast.unparse(node)
        if "runs/" not in example:
            exec(example, {})
            assert capsys.readouterr().out


@pytest.mark.parametrize("name", ["docs/reproducing.md", "scripts/sbatch_wait.sh"])
def test_array_jobs_are_the_parts_of_the_data(name: str) -> None:
    """Guards against a recipe whose first task fails (part 0) and whose last part nobody makes."""
    ranges = re.findall(r"ARRAY=(\d+)-(\d+).*%a/(\d+)", (ROOT / name).read_text())
    assert ranges
    assert all((first, last) == ("1", n) for first, last, n in ranges)


def test_the_runs_that_the_readme_evaluates_and_compares_are_trained_there() -> None:
    """Guards against a recipe whose last line names a run that none of its lines makes."""
    lines = [words for page, words, _ in MISTAKES if page == README]
    trained = {words[words.index("--out") + 1] for words in lines if words[0] == "pretrain" and "--out" in words}
    used = {word for words in lines if words[0] in ("eval", "report") for word in words[1:] if word.startswith("runs/")}
    assert used == trained
