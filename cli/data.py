"""What the commands that write problems share: the options that say which problems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from igsm.corpus.config import DataConfig

Difficulty = Annotated[str | None, typer.Option(help="nano, mini, trio, quad, wide, easy, med or hard.")]
Form = Annotated[str | None, typer.Option("--format", help="pq, or qp: the question first.")]
KIND_HELP = "Kind of mistakes: none, retry, wrong_result, ... (docs/generator.md lists them)."
Kind = Annotated[str | None, typer.Option(help=KIND_HELP)]
Mix = Annotated[
    str | None,
    typer.Option(help="With --kind mix: uniform, or like:RUN, as often as the first errors of a run's evaluations."),
]
Rate = Annotated[
    float | None, typer.Option("--rate", "--retry-rate", help="Chance of a mistake before a step, [0, 1).")
]
Split = Annotated[str | None, typer.Option(help="train or test: bins of the template hash.")]
Op = Annotated[int | None, typer.Option(help="Exactly this many operations.")]
Reask = Annotated[str | None, typer.Option(help="Ask another parameter: none, loose or strict.")]
Where = Annotated[
    str | None, typer.Option(help="Only a slice of the problems, e.g. 'depth>=4 and times>=1' (docs/generator.md).")
]
LexiconName = Annotated[str | None, typer.Option("--lexicon", help="full, nano, or a file of names (JSON or YAML).")]
Seed = Annotated[int | None, typer.Option(help="The random stream.")]
Workers = Annotated[int, typer.Option(help="Processes.", min=1)]


_SETTINGS = {"form": "problem.format", "seed": "seed"}
_SETTINGS |= {name: f"problem.{name}" for name in ("difficulty", "split", "op", "reask", "where", "lexicon")}
_SETTINGS |= {name: f"mistakes.{name}" for name in ("kind", "rate", "mix")}


def problem_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options above among a command's arguments (its `locals()` at the start), by their names as settings."""
    return {setting: arguments[name] for name, setting in _SETTINGS.items()}


def data_config(path: Path | None, given: dict[str, Any], overrides: list[str], where: str) -> DataConfig:
    """Options over the file's data section, KEY=VALUE over both; the context follows the difficulty."""
    from igsm.config import apply_overrides, build_config, load_preset
    from igsm.corpus.config import DataConfig
    from igsm.presets import find_preset

    where = str(path) if path is not None else where
    content = load_preset(find_preset(path, "pretrain")) if path is not None else {}
    content = _section(content.get("data", content), f"{where}: data")
    for name, value in given.items():
        if value is not None:
            *sections, key = name.split(".")
            place = content
            for section in sections:
                place = _section(place.setdefault(section, {}), f"{where}: {section}")
            place[key] = value
    content = apply_overrides(content, overrides) | {"path": None}
    data = build_config(DataConfig, content, where).resolved()
    if "context" not in content:
        data = data.model_copy(update={"context": data.problem.problem_class.context})
    return data


def _section(value: Any, where: str) -> dict[str, Any]:
    from igsm.errors import InputError

    if not isinstance(value, dict):
        raise InputError(f"{where}: must hold 'key: value' lines, not {value!r}")
    return value
