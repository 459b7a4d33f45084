"""Problems as a dataset of questions with a scorer, in the manner of the package ``reasoning_gym``.

Works without that package; where it is installed, importing this module (from the root of a checkout, as
``integrations.reasoning_dataset``) registers the dataset there under the name ``igsm``:
``reasoning_gym.create_dataset("igsm", difficulty="med", seed=1, size=100)``.
"""

from __future__ import annotations

import dataclasses
import importlib
import secrets
from collections.abc import Iterator
from typing import Any

from igsm.config import build_config
from igsm.grading.grade import grade
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig

try:
    _factory: Any = importlib.import_module("reasoning_gym.factory")
except ImportError:
    _factory = None
_Base: Any = _factory.ProceduralDataset if _factory is not None else object

NAME = "igsm"


@dataclasses.dataclass
class ReasoningConfig:
    """Which problems; the fields mean what they mean in `ProblemConfig`. A seed of None is drawn by chance."""

    difficulty: str = "med"
    op: int | None = None
    format: str = "pq"
    split: str = "train"
    reask: str = "none"
    modulus: int | None = None
    lexicon: str | None = None
    seed: int | None = None
    size: int = 500

    def validate(self) -> None:
        """Raise InputError for settings that are unknown or do not go together."""
        self.problem()

    def problem(self) -> ProblemConfig:
        content = dataclasses.asdict(self)
        del content["seed"], content["size"]
        return build_config(ProblemConfig, content, NAME)


class ReasoningDataset(_Base):
    """``dataset[i]`` = {question, answer, metadata}; item i is a pure function of (config, seed, i)."""

    def __init__(self, config: ReasoningConfig, seed: int | None = None, size: int | None = None) -> None:
        self.config = config
        chosen = config.seed if seed is None else seed
        self.seed = secrets.randbits(32) if chosen is None else chosen
        self.size = config.size if size is None else size
        self._problem = config.problem()
        self._source = DocumentSource(self._problem, seed=self.seed)

    @property
    def category(self) -> str:
        return "arithmetic"

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(self.size))

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Item ``index``; the question says what arithmetic is meant."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        document = self._source.document(index)
        modulus = self._problem.problem_class.modulus
        return {
            "question": f"{document.problem_text.strip()} (All arithmetic is modulo {modulus}.)",
            "answer": str(document.answer),
            "metadata": {
                "source_dataset": NAME,
                "source_index": index,
                "solution": document.solution_text.strip(),
                "difficulty": {"difficulty": self.config.difficulty, "op": document.op},
            },
        }

    def score_answer(self, answer: Any, entry: dict[str, Any]) -> float:
        """1.0 for the right number, or for a solution in the data's form whose every step is right; else 0.0.

        Never 1.0 for a text whose final answer is another number (`grade` reads it). What is neither text nor a
        number scores 0.0.
        """
        if isinstance(answer, int | float) and not isinstance(answer, bool):
            return float(answer == int(entry["answer"]))
        if not isinstance(answer, str):
            return 0.0
        verdict = grade(self._source.problem(entry["metadata"]["source_index"]), answer)
        return float(verdict.correct if "Define" in answer else verdict.stated_answer == entry["answer"])


if _factory is not None and NAME not in _factory.DATASETS:
    _factory.register_dataset(NAME, ReasoningDataset, ReasoningConfig)
