from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Forked processes hang in OpenMP once this one has used several threads."""
    torch.set_num_threads(1)
