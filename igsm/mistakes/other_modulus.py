"""The same problem computed modulo another number than its class says."""

from __future__ import annotations

import numpy as np

from igsm.problems.expression import write_values
from igsm.problems.record import MODULUS, N_SOLUTION, Record
from igsm.seeds import compiled


@compiled
def put_modulus(record: Record, modulus: int) -> None:
    """Change a record's modulus and the values of its solution; its text, and so its constants, stay.

    A constant that is not below the modulus counts modulo that where it is a value: "so p = 3" for 17 modulo 7.
    """
    n = int(record.head[N_SOLUTION])
    record.head[MODULUS] = modulus
    write_values(record.solution[:n].astype(np.int64), n, record)
