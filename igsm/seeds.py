"""Random streams: the only source of randomness.

A stream is keyed by a BLAKE2b hash of what it is for, e.g. ``derive_key(seed, "test", 17)``. Neighbouring
seeds and indices therefore share nothing, and a result depends neither on the order in which things are made
nor on the number of workers, PYTHONHASHSEED or the machine.

The hot path uses xoshiro256++ (Blackman and Vigna, 2019) on a ``uint64[4]`` state; the same source runs
compiled by numba and, with NUMBA_DISABLE_JIT=1, as plain Python.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from igsm.compilation import compiled, disabled

__all__ = [
    "below",
    "compiled",
    "derive_key",
    "next_uint64",
    "normal",
    "numpy_generator",
    "shuffle",
    "torch_seed",
    "uniform",
]


if disabled:
    np.seterr(over="ignore")  # 64-bit arithmetic wraps around, as it does when compiled


def _digest(parts: tuple[int | str, ...], size: int) -> bytes:
    # Type and length go into the hash, so that (1, "2"), ("1", 2) and (12,) are different streams.
    hasher = hashlib.blake2b(digest_size=size, person=b"mistakes.seeds")
    for part in parts:
        if isinstance(part, bool) or not isinstance(part, int | str):
            raise TypeError(f"a stream is keyed by int and str, not {part!r}")
        data = (b"i%d" % part) if isinstance(part, int) else b"s" + part.encode()
        hasher.update(len(data).to_bytes(4, "little") + data)
    return hasher.digest()


def derive_key(*parts: int | str) -> np.ndarray:
    """The state ``uint64[4]`` that starts the stream named by ``parts``."""
    return np.frombuffer(_digest(parts, 32), dtype="<u8").astype(np.uint64)


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A NumPy generator on the stream named by ``parts``, for code outside the hot path."""
    return np.random.Generator(np.random.Philox(key=np.frombuffer(_digest(parts, 16), dtype="<u8")))


def torch_seed(*parts: int | str) -> int:
    """A seed for ``torch.Generator.manual_seed`` on the stream named by ``parts``."""
    return int.from_bytes(_digest(parts, 8), "little") >> 1


_11, _17, _19, _23, _32, _41, _45 = (np.uint64(n) for n in (11, 17, 19, 23, 32, 41, 45))
_LOW = np.uint64(0xFFFFFFFF)
_TWO_32 = np.uint64(1 << 32)
_TO_UNIT = 2.0**-53


@compiled
def next_uint64(state: np.ndarray) -> np.uint64:
    """Advance ``state`` (uint64[4]) and return 64 random bits."""
    total = state[0] + state[3]
    result = ((total << _23) | (total >> _41)) + state[0]
    shifted = state[1] << _17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << _45) | (state[3] >> _19)
    return result


@compiled
def uniform(state: np.ndarray) -> float:
    """A uniform number in [0, 1)."""
    return float(next_uint64(state) >> _11) * _TO_UNIT


@compiled
def below(state: np.ndarray, n: int) -> int:
    """A uniform integer in 0..n-1, without bias (Lemire 2019); n in 1..2**31."""
    bound = np.uint64(n)
    product = (next_uint64(state) >> _32) * bound
    low = product & _LOW
    if low < bound:
        threshold = (_TWO_32 - bound) % bound
        while low < threshold:
            product = (next_uint64(state) >> _32) * bound
            low = product & _LOW
    return int(product >> _32)


@compiled
def normal(state: np.ndarray) -> float:
    """A standard normal number (Box-Muller, one of the pair)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))


@compiled
def shuffle(state: np.ndarray, array: np.ndarray, n: int) -> None:
    """Shuffle the first ``n`` entries of ``array`` in place, every order equally likely."""
    for i in range(n - 1, 0, -1):
        j = below(state, i + 1)
        kept = array[i]
        array[i] = array[j]
        array[j] = kept
