"""Documents of a method, token by token and as the text that the grader reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from igsm.corpus.blocks import block
from igsm.corpus.config import DataConfig
from igsm.corpus.documents import draw_attempt, lay_out
from igsm.corpus.rows import rows_of
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.corpus.written import Written, written_of
from igsm.decoding.sentences import split_answer
from igsm.grading import grade
from igsm.grading.verdict import Verdict
from igsm.methods.method import Method, StepWindows
from igsm.mistakes.layout import Mark, Role, has_attempt
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.law import law_of
from igsm.problems.problem import Problem
from igsm.seeds import derive_key
from igsm.training.config import TrainingConfig
from igsm.training.objective import IGNORE, Batch

EASY = ProblemConfig(difficulty="easy")
VOCABULARY = load_vocabulary(EASY, "gpt2")


class Laid(NamedTuple):
    """A document: its problem, what it was made of, its GPT-2 ids and their roles."""

    problem: Problem
    written: Written
    tokens: np.ndarray
    roles: np.ndarray

    @property
    def text(self) -> str:
        """All that follows the solution mark, with marks as texts have them."""
        ids = self.tokens.tolist()
        return readable(ids[ids.index(Mark.SOLUTION) + 1 : -1])

    @property
    def verdict(self) -> Verdict:
        """On what a model would have generated that writes this document after the prompt."""
        ids = self.tokens.tolist()
        solution, answer = split_answer(ids[ids.index(Mark.SOLUTION) + 1 :], VOCABULARY)
        return grade(self.problem, solution, answer)

    def part(self, role: Role) -> str:
        """The text of the tokens with any of the roles."""
        return readable(self.tokens[self.roles & int(role) > 0].tolist())


def readable(ids: list[int]) -> str:
    """Texts and marks: "<|answer|>"."""
    marks = {int(mark): mark.text for mark in Mark}
    return "".join(marks.get(i) or VOCABULARY.decode([i]) for i in ids)


def laid(method: Method, variant: int = 0, n: int = 30, problem: ProblemConfig = EASY) -> Iterator[Laid]:
    """Documents of one of a method's variants, of those of n problems that can have it."""
    source, layout, law = DocumentSource(problem, seed=2), method.layout(), law_of(problem)
    vocabulary = load_vocabulary(problem, "gpt2")
    rows = rows_of(layout, vocabulary)
    for index in range(n):
        record, document = source.record(index), source.document(index)
        written = written_of(document)
        attempted = draw_attempt(record, source.lexicon, rows, written, derive_key("test", index), law)
        if attempted or not has_attempt(layout.variants[variant][1]):
            assert document.problem is not None
            yield Laid(document.problem, written, *lay_out(written, layout, vocabulary, variant))


def with_loss(method: Method, one: Laid, **recipe: Any) -> str:
    """The tokens of a document that carry loss, as text; "_" for each run of others."""
    batch = batch_of(method, one.tokens[None].astype(np.int64), one.roles[None], VOCABULARY, **recipe)
    carrying = [False, *(batch.targets[0, :-1] != IGNORE).tolist()]
    text, before = "", True
    for token, carries in zip(one.tokens.tolist(), carrying, strict=True):
        text += readable([token]) if carries else "_" * before
        before = carries
    return text


def batch_of(method: Method, tokens: np.ndarray, roles: np.ndarray, vocabulary: Vocabulary, **recipe: Any) -> Batch:
    """A method's batch of windows."""
    training = TrainingConfig(steps=1, batch=1, warmup_steps=0, **recipe)
    data = DataConfig(problem=EASY, method=method)
    numbers = range(len(tokens))
    step = StepWindows(torch.from_numpy(tokens), torch.from_numpy(roles), numbers, 1.0, data, training, vocabulary)
    return method.batch(step)


def some_block(method: Method, windows: int = 16, number: int = 0) -> np.ndarray:
    """The tokens of a block."""
    data = DataConfig(problem=EASY, context=768, windows_per_block=windows, method=method)
    return block(data, number).tokens
