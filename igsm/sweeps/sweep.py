"""What a sweep file says: base configs, a grid of overrides, seeds, decoders, cells and the table they make."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from igsm.config import Config, apply_overrides, build_config, load_yaml
from igsm.errors import InputError, suggest
from igsm.presets import find_preset
from igsm.reporting.claims import Claim

Scalar = bool | int | float | str
Variables = dict[str, Scalar]


class Family(Config):
    """A group of columns: the problems its models are trained on, and the cells they are tested on."""

    config: str
    """YAML of the pretraining run; a path from the folder where the command is given."""
    overrides: list[str] = []
    cells: list[str] = Field(min_length=1)
    groups: dict[str, list[str]] = {}
    """Names of several cells, given by the ends of their names, which claims may use: harder: [op=6, op=7]."""
    variables: Variables = {}
    """Values for `{name}` in the overrides of the arms, where the families differ."""
    generated_tokens: float = Field(gt=0)
    """Tokens generated for a problem, for the estimate of cost only."""


class Stage(Config):
    """A later stage of an arm: fine-tuning, or training a detector."""

    config: str
    overrides: list[str] = []


class Probing(Stage):
    """A detector trained on the arm's run."""

    name: str | None = None
    """Ending of its run folder; default: the config's name."""
    measure: bool = False
    """Measure it over the cells, on all parameters and on the model's own first mistakes: a row of the table each."""


class FineTuning(Stage):
    """Fine-tuning, or a Copilot, from the run of the arm called `start`, or from a model that is there already."""

    start: str | None = None
    model: str | None = None
    """In place of `start`: a run folder, or `error-free` or `retry`, which come with the package. One for all seeds."""
    stage: Literal["finetune", "copilot"] = "finetune"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.start is None) == (self.model is None):
            raise ValueError("give start (an arm) or model (a run folder, error-free or retry), one of them")
        return self


class Arm(Config):
    """One row of the table, or several: one for each point of the grid. Strings may use `{name}` of the grid."""

    row: str
    name: str | None = None
    """Name of the run folder; default: from the row. Arms of one name and equal settings share the run."""
    grid: dict[str, list[Scalar | list[Scalar]]] = {}
    """name -> values, all combinations; "name, other" -> pairs of values that go together."""
    families: list[str] | None = None
    """Families that the arm is run for; None for all."""
    overrides: list[str] = []
    """Over the family's pretraining config; with `finetune`, the arm's own pretraining does not exist."""
    finetune: FineTuning | None = None
    probe: Probing | None = None
    """Decoders name its folder as `{probe}`."""
    decoders: list[str] | None = None
    """Default: the sweep's. They name the arm's own run as `{run}`, for one with a Copilot, and that of its next seed
    (of the last one: the first) as `{next_run}`, for a mean of two."""
    most_seeds: int | None = Field(default=None, ge=1)
    """Only so many of the sweep's seeds, the first ones, for an arm that costs more than it is worth at all of them."""
    evaluate: bool = True
    """False for an arm that only serves others as a start, or only its probe."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.finetune is not None and self.overrides:
            raise ValueError("an arm with finetune has its overrides under finetune, not beside it")
        return self


class Sweep(Config):
    """One figure, or one experiment, from pretraining to the report."""

    title: str
    shows: str
    """What is to be seen, in plain words; stands on the report's first page."""
    folder: str
    """Runs go to RUNS/folder: sweeps with the same folder share their runs."""
    figure: str | None = None
    """Figure of the paper that the report compares with."""
    measures: list[str] = Field(default=["accuracy"], min_length=1)
    baseline: str | None = None
    along: list[str] = []
    """Names in the arms' grids that the report draws the first measure against."""
    combine: Literal["best", "pooled"] = "pooled"
    seeds: list[int] = Field(default=[1], min_length=1)
    problems: int = Field(default=4096, ge=1)
    """Test problems of a cell."""
    test_seed: int = 1
    decoders: list[str] = Field(default=["greedy"], min_length=1)
    keep_samples: bool = False
    """As `mistakes eval --keep-samples`: votes and best-of-n of one run share their samples."""
    families: dict[str, Family] = Field(min_length=1)
    arms: list[Arm] = Field(min_length=1)
    claims: list[Claim] = []
    """What `mistakes findings` judges."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        twice = next((seed for seed in self.seeds if self.seeds.count(seed) > 1), None)
        if twice is not None:
            raise ValueError(f"seeds: {twice} stands twice; a run counts once")
        names = {name for arm in self.arms for name in grid_names(arm.grid)}
        for name in self.along:
            if name not in names:
                raise ValueError(f"along: no arm's grid has '{name}'{suggest(name, names)}")
        for arm in self.arms:
            for family in arm.families or []:
                if family not in self.families:
                    raise ValueError(f"arm '{arm.row}': unknown family '{family}'{suggest(family, self.families)}")
        return self


def load_sweep(path: str | Path, overrides: list[str] | None = None) -> Sweep:
    """Read and check a sweep, by name or file. `families` and `arms` may name a file beside it that has them."""
    path = find_preset(path, "sweep")
    files = [text for text in overrides or [] if text.partition("=")[0] in ("families", "arms")]
    content = apply_overrides(load_yaml(path), files)
    for key in ("families", "arms"):
        if isinstance(content.get(key), str):
            other = path.parent / content[key]
            content[key] = load_yaml(other).get(key)
            if content[key] is None:
                raise InputError(f"{other}: has no '{key}', which {path} takes from there")
    others = [text for text in overrides or [] if text not in files]
    sweep = build_config(Sweep, apply_overrides(content, others), str(path))
    return sweep.model_copy(update={"claims": [_of_cells(claim, sweep, path) for claim in sweep.claims]})


def _of_cells(claim: Claim, sweep: Sweep, path: Path) -> Claim:
    """The claim with the cells of the families' groups in place of their names."""
    groups: dict[str, list[str]] = {}
    for name, family in sweep.families.items():
        for group, cells in family.groups.items():
            if group in claim.cells and groups.setdefault(group, cells) != cells:
                raise InputError(f"{path}: families differ in what '{group}' is ({name}); run one at a time")
    for cell in claim.cells:
        if not cell.startswith("op") and cell not in groups:
            example = f"; give it in a family, as in groups: {{{cell}: [op=6, op=7]}}"
            raise InputError(f"{path}: claim '{claim.says}': no family has a group '{cell}'{example}")
    cells = [one for cell in claim.cells for one in groups.get(cell, [cell])]
    for name, family in sweep.families.items():
        if lacking := set(cells) - {cell.rpartition(":")[2] for cell in family.cells}:
            raise InputError(f"{path}: claim '{claim.says}': family {name} has no cell '{min(lacking)}'")
    return claim.model_copy(update={"cells": cells})


def grid_names(grid: dict[str, list[Scalar | list[Scalar]]]) -> list[str]:
    """The names whose values a grid gives."""
    return [name.strip() for key in grid for name in key.split(",")]


def grid_points(grid: dict[str, list[Scalar | list[Scalar]]], where: str) -> list[Variables]:
    """Every combination of the grid's values, the first name slowest; one empty combination without a grid."""
    axes = []
    for key, values in grid.items():
        names = [name.strip() for name in key.split(",")]
        if not values:
            raise InputError(f"{where}: grid '{key}' has no values; give at least one, or leave it out")
        tuples = [value if isinstance(value, list) else [value] for value in values]
        wrong = next((values for values in tuples if len(values) != len(names)), None)
        if wrong is not None:
            raise InputError(f"{where}: grid '{key}' names {len(names)} values, {wrong} has {len(wrong)}")
        axes.append([dict(zip(names, values, strict=True)) for values in tuples])
    return [{name: value for part in parts for name, value in part.items()} for parts in itertools.product(*axes)]


def fill(text: str, variables: Variables, where: str) -> str:
    """Put the values of ``variables`` in place of `{name}`; a name may hold another: `{steps_{method}}`.

    Raises:
        InputError: an unknown name.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            raise InputError(f"{where}: '{{{name}}}' in '{text}' is unknown{suggest(name, variables)}")
        found = variables[name]
        if isinstance(found, bool):
            return str(found).lower()
        return f"{found:g}" if isinstance(found, float) else str(found)

    for _ in range(2):
        text = re.sub(r"\{(\w+)\}", value, text)
    return text


def folder_name(row: str) -> str:
    """A row's name as a folder: "retry 0.5 masked" -> "retry-0.5-masked"."""
    return re.sub(r"[^a-z0-9.]+", "-", row.lower()).strip("-")
