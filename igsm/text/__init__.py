"""Other people's step-by-step text: mistakes in it, and the formats that trainers take."""

from igsm.text.convert import Counts, convert
from igsm.text.formats import FORMATS, find_format, read, write
from igsm.text.inject import KINDS, Injection, inject
from igsm.text.record import Record, Step, Turn
from igsm.text.targets import MASKS, TARGETS

__all__ = [
    "FORMATS",
    "KINDS",
    "MASKS",
    "TARGETS",
    "Counts",
    "Injection",
    "Record",
    "Step",
    "Turn",
    "convert",
    "find_format",
    "inject",
    "read",
    "write",
]
