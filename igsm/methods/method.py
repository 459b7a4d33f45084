"""What a way of learning from mistakes is: its documents, its batches, its objective, its decoding.

A method is its settings: a `Config` that stands in config.yaml as `data.method`, with its name. Processes that make
data read it too, so torch, training and decoding are imported inside the functions that need them.
"""

from __future__ import annotations

from typing import ClassVar

from igsm.config import Config
from igsm.mistakes.layout import PLAIN, Layout, Mark


class Method(Config):
    """A way of learning from mistakes; its fields are its settings.

    Attributes:
        line: one line that says what it is.
        source: the paper, with its section.
    """

    line: ClassVar[str]
    source: ClassVar[str]
    name: str

    def layout(self) -> Layout:
        """What its documents look like."""
        return PLAIN

    @property
    def marks(self) -> frozenset[Mark]:
        """The marks that a model needs ids for."""
        return self.layout().marks
