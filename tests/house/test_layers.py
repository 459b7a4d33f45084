"""The house: imports point downwards only, and the command line stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Each room may import the rooms named here, itself and the ground floor.
GROUND = {"errors", "config", "former_keys", "compilation", "seeds", "rundir", "checkpoints", "locks"}
GROUND |= {"presets", "progress", "versions", "interruption", "compilers"}
GROUND |= {"statistics", "significance", "classification"}
MAY_IMPORT = {
    "problems": set(),
    "mistakes": {"problems"},
    "grading": {"problems", "mistakes"},
    "methods": {"mistakes"},
    "corpus": {"methods", "mistakes", "problems", "grading"},
    "text": {"corpus", "grading", "problems"},
    "model": set(),
    "training": {"model", "text", "corpus", "methods", "mistakes", "problems"},
    "decoding": {"model", "corpus", "mistakes", "problems", "grading"},
    "probing": {"training", "decoding", "model", "corpus", "mistakes", "problems", "grading"},
    "evaluation": {"probing", "text", "training", "decoding", "model", "corpus", "mistakes", "problems", "grading"},
    "preflight": {"evaluation", "decoding", "training", "model", "corpus", "problems"},
    "reporting": {"problems", "grading"},
    "sweeps": {
        "preflight",
        "reporting",
        "evaluation",
        "decoding",
        "training",
        "probing",
        "corpus",
        "mistakes",
        "problems",
        "grading",
    },
}
# A method is a file from top to bottom: data workers read its head, training and decoding what its functions import.
INSIDE_FUNCTIONS = {"methods": {"corpus", "model", "training", "decoding", "grading"}}
WITHOUT_TORCH = GROUND | {"problems", "mistakes", "grading", "corpus", "text", "reporting", "sweeps", "preflight"}


def imported_modules(path: Path, at_the_top: bool = False) -> set[str]:
    modules = set()
    tree = ast.parse(path.read_text())
    for node in tree.body if at_the_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def room(path: Path) -> str:
    parts = path.relative_to(ROOT / "igsm").parts
    return parts[0] if len(parts) > 1 else path.stem


def test_imports_point_downwards_only() -> None:
    wrong = []
    for path in sorted((ROOT / "igsm").rglob("*.py")):
        here = room(path)
        if here == "__init__":
            continue
        allowed = GROUND | MAY_IMPORT.get(here, set()) | {here}
        at_the_top = imported_modules(path, at_the_top=True)
        for module in imported_modules(path):
            if module.startswith("cli"):
                wrong.append(f"{path}: {module}")
            inside = INSIDE_FUNCTIONS.get(here, set()) if module not in at_the_top else set()
            if module.startswith("igsm.") and module.split(".")[1] not in allowed | inside:
                wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert wrong == []


def test_every_room_is_in_the_plan() -> None:
    rooms = {path.parent.name for path in (ROOT / "igsm").glob("*/__init__.py")}
    assert rooms <= MAY_IMPORT.keys()


def test_rooms_below_the_model_do_without_torch() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}"
        for path in sorted((ROOT / "igsm").rglob("*.py"))
        if room(path) in WITHOUT_TORCH | INSIDE_FUNCTIONS.keys()
        and any(
            module.split(".")[0] == "torch"
            for module in imported_modules(path, at_the_top=room(path) in INSIDE_FUNCTIONS)
        )
    ]
    assert wrong == []


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from cli.main import build, COMMANDS; build([])\n"
        "import importlib\n"
        "for module, _ in COMMANDS.values(): importlib.import_module(module)\n"
        "print([name for name in ('torch', 'numba', 'numpy', 'wandb', 'matplotlib', 'networkx', 'pandas')"
        " if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
