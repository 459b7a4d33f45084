"""Random streams: guards against neighbouring seeds that share items (habits, trap 1)."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from igsm.seeds import below, derive_key, next_uint64, normal, numpy_generator, shuffle, torch_seed, uniform

FIRST_DRAWS = (
    "import numpy as np; from igsm.seeds import *; np.seterr(over='ignore'); s = derive_key(3, 'x');"
    "a = np.arange(20); shuffle(s, a, 20);"
    "print([int(next_uint64(s)) for _ in range(4)], [int(below(s, 7)) for _ in range(9)], a.tolist(), normal(s))"
)


def draws(*key: int | str, n: int = 64) -> list[int]:
    state = derive_key(*key)
    return [int(next_uint64(state)) for _ in range(n)]


def test_neighbouring_streams_share_nothing() -> None:
    keys = [(seed, "train", index) for seed in (-1, 0, 1, 2) for index in range(20)]
    seen = [number for key in keys for number in draws(*key)]
    assert len(set(seen)) == len(seen)


def test_keys_are_unambiguous() -> None:
    names = [(1, "2"), ("1", 2), (12,), ("12",), (1, 2), ("1", "2"), (-1, 2)]
    assert len({derive_key(*name).tobytes() for name in names}) == len(names)
    assert len({torch_seed(*name) for name in names}) == len(names)
    assert len({float(numpy_generator(*name).random()) for name in names}) == len(names)


@pytest.mark.parametrize("part", [1.0, True, None])
def test_a_key_of_another_type_is_refused(part: object) -> None:
    with pytest.raises(TypeError, match="keyed by int and str"):
        derive_key(1, part)  # type: ignore[arg-type]


def test_compiled_and_plain_python_agree() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", FIRST_DRAWS],
            env=os.environ | {"NUMBA_DISABLE_JIT": plain, "PYTHONHASHSEED": plain},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for plain in ("0", "1")
    ]
    assert outputs[0] == outputs[1]


def test_the_generator_is_xoshiro256_plus_plus() -> None:
    # First outputs for the state 1, 2, 3, 4, as computed by the published recurrence in exact integers.
    mask = 2**64 - 1
    s = [1, 2, 3, 4]
    expected = []
    for _ in range(5):
        total = (s[0] + s[3]) & mask
        expected.append(((((total << 23) | (total >> 41)) & mask) + s[0]) & mask)
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = ((s[3] << 45) | (s[3] >> 19)) & mask
    state = np.array([1, 2, 3, 4], dtype=np.uint64)
    assert [int(next_uint64(state)) for _ in range(5)] == expected
    assert expected[0] == 41943041


def test_distributions() -> None:
    state = derive_key(5, "distributions")
    n = 20000
    counts = np.bincount([below(state, 5) for _ in range(n)], minlength=5)
    assert counts.sum() == n
    assert np.abs(counts - n / 5).max() < 4 * np.sqrt(n * 0.16)
    uniforms = np.array([uniform(state) for _ in range(n)])
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    assert abs(uniforms.mean() - 0.5) < 4 * 0.29 / np.sqrt(n)
    normals = np.array([normal(state) for _ in range(n)])
    assert abs(normals.mean()) < 4 / np.sqrt(n)
    assert abs(normals.var() - 1) < 4 * np.sqrt(2 / n)
    orders = np.zeros(6)
    for _ in range(6000):
        items = np.arange(3)
        shuffle(state, items, 3)
        orders[
            [int("".join(map(str, items)) == code) for code in ("012", "021", "102", "120", "201", "210")].index(1)
        ] += 1
    assert np.abs(orders - 1000).max() < 4 * np.sqrt(1000)
