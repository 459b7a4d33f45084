"""Tables on a terminal of 80 columns: whole words and numbers, and row names in every part."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from igsm.reporting.terminal import fitted

NAMES = ["trio_pq-original-seed1", "trio_pq-retry-0.2-seed1-and-a-name-that-is-very-long"]
CELLS = [f"op={op}" for op in range(12)]
NUMBER = "41.6\n[38.6, 44.7]"


def drawn(width: int, names: list[str], last: str = "-") -> list[str]:
    lines = [[name, "greedy", *[NUMBER] * len(CELLS), last] for name in names]
    file = io.StringIO()
    console = Console(file=file, width=200)  # a table that were too wide would show it
    for table in fitted(["run", "decoder", *CELLS, "first error"], lines, 2, width):
        console.print(table)
        console.print("PART")
    return file.getvalue().split("PART\n")[:-1]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_part_has_the_rows_names_and_fits(width: int) -> None:
    """Guards: a table folded inside words and numbers, a second half that nobody can read."""
    parts = drawn(width, NAMES[:1])
    assert len(parts) > 1
    assert max(len(line.rstrip()) for part in parts for line in part.splitlines()) <= width
    for part in parts:
        assert "trio_pq-original-seed1" in part
        assert "decoder" in part
    everything = "".join(parts)
    assert everything.count("[38.6, 44.7]") == len(CELLS)
    assert [cell for cell in CELLS if cell not in everything.split()] == []


def test_a_long_name_gives_way_between_its_parts() -> None:
    parts = drawn(80, NAMES)
    assert max(len(line.rstrip()) for part in parts for line in part.splitlines()) <= 80
    first = [line.split("  ")[0].split() for line in parts[0].splitlines()]
    words = [line[0] for line in first if line and line[0].startswith(("trio", "and", "very", "long"))]
    assert "".join(words).endswith("seed1-and-a-name-that-is-very-long") or len(words) > 1


def test_a_wide_text_is_filled_not_cut() -> None:
    parts = drawn(80, NAMES[:1], "an error that is told in many more words than any terminal has room for in a line")
    assert max(len(line.rstrip()) for part in parts for line in part.splitlines()) <= 80
    assert "many more words" in " ".join(" ".join(parts).split())
