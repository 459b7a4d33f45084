"""The command `mistakes sweep`: bad options and names end it before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.sweep import command
from igsm.errors import InputError


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"prefix": "srun 'x"}, {}, "--run .*cannot be split into words"),
        ({"gpus": "0,a"}, {}, "--gpus 0,a: 'a' is no GPU"),
        ({"gpus": "0,"}, {}, "'' is no GPU"),
        ({}, {"baseline": "orginal"}, "unknown baseline 'orginal'; did you mean 'original'"),
        ({}, {"measures": ["acuracy"]}, "unknown measure 'acuracy'; did you mean 'accuracy'"),
        ({}, {"figure": "figure44"}, "unknown figure 'figure44'"),
    ],
)
def test_nothing_runs_with_a_bad_option_or_name(
    content: dict[str, Any], tmp_path: Path, options: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    """Guards against a typing error that shows as a traceback, or in the report after days of training."""
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(content | changes))
    given = {"gpus": None, "jobs": 1, "prefix": "", "only": "", "speed": None, "commands": False, "dry_run": False}
    with pytest.raises(InputError, match=message):
        command(file, [], root=tmp_path / "runs", **given | options)
    assert not (tmp_path / "runs").exists()
