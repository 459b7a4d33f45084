"""The file of rewards, loaded as trainers load one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from igsm.grading import rewards

FILE = Path(__file__).resolve().parents[2] / "integrations" / "reward.py"


def test_the_file_has_the_graders_rewards() -> None:
    """Guards: a file that imports what only a checkout's folder has, or a reward that is another than the package's."""
    spec = importlib.util.spec_from_file_location("custom_module", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("outcome", "all_steps", "dense", "compute_score"):
        assert getattr(module, name) is getattr(rewards, name)
