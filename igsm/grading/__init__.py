"""Grading: text in, verdict out. Reads any text, never raises on a solution."""

from igsm.grading.grade import RULES, grade
from igsm.grading.reader import IllPosedError, Reader, read_problem
from igsm.grading.verdict import FirstError, Kind, Step, Verdict

__all__ = [
    "RULES",
    "FirstError",
    "IllPosedError",
    "Kind",
    "Reader",
    "Step",
    "Verdict",
    "grade",
    "read_problem",
]
