"""A small sweep, and a stand-in for the commands that it calls."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from igsm.config import build_config
from igsm.sweeps.jobs import Job
from igsm.sweeps.plan import plan
from igsm.sweeps.sweep import Sweep

PRETRAIN = """
data: {problem: {difficulty: nano}, context: 128}
model: {layers: 2, heads: 2, head_size: 32}
training: {steps: 20, batch: 4, warmup_steps: 2}
"""


@pytest.fixture
def fake() -> tuple[str, ...]:
    """A program that stands in for `mistakes`."""
    return sys.executable, str(Path(__file__).parent / "fake_mistakes.py")


def leave_settings(jobs: list[Job], root: Path) -> list[Job]:
    """Put the resolved settings of every run where the stand-in finds them."""
    (root / "settings").mkdir(exist_ok=True)
    for job in jobs:
        if job.settings:
            (root / "settings" / job.run.name).write_text(json.dumps(job.settings))
    return jobs


@pytest.fixture
def planned(tmp_path: Path) -> Callable[[Sweep], list[Job]]:
    """Plans a sweep with its runs under tmp_path, ready for the stand-in."""
    return lambda sweep: leave_settings(plan(sweep, tmp_path), tmp_path)


@pytest.fixture
def pretrain_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "nano.yaml"
    path.write_text(PRETRAIN)
    return path


@pytest.fixture
def content(pretrain_yaml: Path) -> dict[str, Any]:
    """A sweep of two arms, one of them with two rates."""
    return {
        "title": "Test",
        "shows": "that sweeps work",
        "folder": "test",
        "seeds": [1],
        "problems": 8,
        "families": {
            "nano_pq": {
                "config": str(pretrain_yaml),
                "cells": ["nano_pq:op<=3", "nano_pq:op=4"],
                "variables": {"long_steps": 40},
                "generated_tokens": 50,
            }
        },
        "arms": [
            {"row": "original"},
            {
                "row": "retry {rate}",
                "grid": {"rate": [0.2, 0.5]},
                "overrides": ["data.mistakes.kind=retry", "data.mistakes.rate={rate}"],
            },
        ],
    }


@pytest.fixture
def sweep(content: dict[str, Any]) -> Sweep:
    return build_config(Sweep, content, "test")
