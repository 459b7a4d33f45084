"""The rows of a sweep: an arm at each point of its grid, in each family, with each seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from igsm.errors import InputError
from igsm.sweeps.sweep import Arm, Sweep, Variables, fill, folder_name, grid_points


@dataclass(frozen=True)
class Row:
    """An arm at one point of its grid, in one family, with one seed."""

    arm: Arm
    row: str
    name: str
    family: str
    seed: int
    variables: Variables

    def folder(self, sweep: Sweep, root: Path) -> Path:
        return root / sweep.folder / f"{self.family}-{self.name}-seed{self.seed}"


def rows_of(sweep: Sweep) -> Iterator[Row]:
    """In the order of the file: arms, points of their grid, families, seeds."""
    for arm in sweep.arms:
        for point in grid_points(arm.grid, f"arm '{arm.row}'"):
            for family in arm.families or sweep.families:
                for seed in sweep.seeds[: arm.most_seeds]:
                    variables = sweep.families[family].variables | point | {"family": family, "seed": seed}
                    where = f"arm '{arm.row}'"
                    row = fill(arm.row, variables, where)
                    name = folder_name(fill(arm.name or row, variables, where))
                    yield Row(arm, row, name, family, seed, variables)


def starts_of(rows: list[Row]) -> dict[tuple[str, str, int], Row]:
    """The rows that fine-tuning can start from, by name, family and seed."""
    return {(row.name, row.family, row.seed): row for row in rows if row.arm.finetune is None}


def next_seed(sweep: Sweep, row: Row) -> int:
    """The seed after the row's, after the last one the first."""
    seeds = sweep.seeds[: row.arm.most_seeds]
    if len(seeds) < 2:
        raise InputError(f"arm '{row.arm.row}': {{next_run}} is the run of another seed; give at least two seeds")
    return seeds[(seeds.index(row.seed) + 1) % len(seeds)]
