"""Retry: solutions hold mistakes that are taken back at once; label masking says which of their tokens are learned."""

from __future__ import annotations

from typing import ClassVar, Literal

from igsm.methods.method import Method


class Retry(Method):
    """The documents are those of `layout.PLAIN`: with no mistakes, or with those of any kind.

    Which tokens of a mistake carry loss is `training.label_masking`.
    """

    line: ClassVar[str] = "Mistakes in solutions, each taken back at once; without mistakes, plain pretraining."
    source: ClassVar[str] = "arXiv 2408.16293, sections 4 to 6"
    name: Literal["retry"] = "retry"
