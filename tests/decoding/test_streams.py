"""Random numbers of sampling: guards the open interval, outside which Gumbel numbers are infinite."""

from __future__ import annotations

import pytest
import torch

from igsm.decoding import streams


@pytest.mark.parametrize("state", [-1, 0])
@pytest.mark.parametrize("count", [1, 3])
def test_extreme_states_stay_inside_the_unit_interval(monkeypatch: pytest.MonkeyPatch, state: int, count: int) -> None:
    """Guards float32 rounding: the largest 24-bit number and a half is 2**24, and its uniform number 1."""
    monkeypatch.setattr(streams, "_mix", lambda x: torch.full_like(x, state))
    zero = torch.zeros(2, dtype=torch.int64)
    numbers = streams.uniforms(zero, zero, zero, count)
    assert numbers.shape == (2, count)
    assert ((numbers > 0) & (numbers < 1)).all()
    assert streams.gumbel(zero, zero, zero, count).isfinite().all()
