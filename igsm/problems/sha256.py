"""SHA-256 for compiled code (FIPS 180-4), as a remainder: all that a template hash needs of it."""

from __future__ import annotations

import numpy as np

from igsm.seeds import compiled

_MASK = 0xFFFFFFFF


def _fraction_bits(root: float, primes: int) -> list[int]:
    """The first 32 bits of the fractional part of the given root of the first primes, computed exactly."""
    found: list[int] = []
    candidate = 2
    power = round(1 / root)
    while len(found) < primes:
        if all(candidate % p for p in range(2, int(candidate**0.5) + 1)):
            scaled = candidate << (32 * power)
            value = int(round(scaled**root))
            while value**power > scaled:
                value -= 1
            while (value + 1) ** power <= scaled:
                value += 1
            found.append(value & _MASK)
        candidate += 1
    return found


_ROUNDS = np.array(_fraction_bits(1 / 3, 64), np.int64)
_START = np.array(_fraction_bits(1 / 2, 8), np.int64)


@compiled
def _rotated(x: int, n: int) -> int:
    return (x >> n) | ((x << (32 - n)) & _MASK)


@compiled
def sha256_remainder(data: np.ndarray, n: int, divisor: int) -> int:
    """SHA-256 of the bytes ``data[:n]`` (uint8), as one big-endian integer, modulo ``divisor`` (< 2**31).

    ``data`` must have room for 72 more bytes, which are overwritten.
    """
    length = (n + 9 + 63) // 64 * 64
    data[n] = 0x80
    for i in range(n + 1, length):
        data[i] = 0
    for i in range(8):
        data[length - 1 - i] = (8 * n >> 8 * i) & 0xFF
    state = _START.copy()
    w = np.empty(64, np.int64)
    for block in range(0, length, 64):
        for i in range(16):
            j = block + 4 * i
            w[i] = (int(data[j]) << 24) | (int(data[j + 1]) << 16) | (int(data[j + 2]) << 8) | int(data[j + 3])
        for i in range(16, 64):
            x, y = w[i - 15], w[i - 2]
            s0 = _rotated(x, 7) ^ _rotated(x, 18) ^ (x >> 3)
            s1 = _rotated(y, 17) ^ _rotated(y, 19) ^ (y >> 10)
            w[i] = (w[i - 16] + s0 + w[i - 7] + s1) & _MASK
        a, b, c, d = state[0], state[1], state[2], state[3]
        e, f, g, h = state[4], state[5], state[6], state[7]
        for i in range(64):
            s1 = _rotated(e, 6) ^ _rotated(e, 11) ^ _rotated(e, 25)
            first = h + s1 + ((e & f) ^ (~e & g)) + _ROUNDS[i] + w[i]
            s0 = _rotated(a, 2) ^ _rotated(a, 13) ^ _rotated(a, 22)
            second = s0 + ((a & b) ^ (a & c) ^ (b & c))
            h, g, f, e = g, f, e, (d + first) & _MASK
            d, c, b, a = c, b, a, (first + second) & _MASK
        for i, x in enumerate((a, b, c, d, e, f, g, h)):
            state[i] = (state[i] + x) & _MASK
    remainder = 0
    for i in range(8):
        remainder = ((remainder << 32) | state[i]) % divisor
    return remainder
