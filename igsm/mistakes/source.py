"""Documents by index: a pure function of (seed, problem class, mistakes, index)."""

from __future__ import annotations

import numpy as np

from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.draw import draw_for_document
from igsm.mistakes.rows import MAX_MISTAKES, MISTAKE_COLUMNS
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.seeds import derive_key


class DocumentSource(ProblemSource):
    """An endless sequence of problems with solutions, with access by index. The problems are those without mistakes.

    Args:
        config: which problems.
        mistakes: which mistakes in their solutions.
        seed: as of :class:`ProblemSource`.
    """

    def __init__(self, config: ProblemConfig, mistakes: MistakeConfig | None = None, seed: int = 0) -> None:
        super().__init__(config, seed)
        self._law = (mistakes or MistakeConfig()).law

    def document(self, index: int) -> Document:
        """Problem `index` with its solution and mistakes, whose stream other kinds and rates do not disturb."""
        record = self.record(index)
        state = derive_key("mistakes", self.seed, self.stream_name, index)
        drawn = np.zeros((MAX_MISTAKES, MISTAKE_COLUMNS), np.int32)
        with np.errstate(over="ignore"):
            n = draw_for_document(record, self._law, state, drawn)
        return Document.of_record(record, self.lexicon, drawn[:n])
