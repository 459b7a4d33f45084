"""Learning from mistakes in context: windows whose problems share a rule that only the examples in them show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from igsm.methods.method import StepWindows
from igsm.methods.wrong_solutions import ANSWERED, SOLVED, STATED, WholeWrongSolutions, mark
from igsm.mistakes.layout import Layout, Mark, Part, Role, Row

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from igsm.corpus.config import DataConfig
    from igsm.corpus.vocabulary import Vocabulary

_Modulus = Annotated[int, Field(ge=2, le=23)]


class InContext(WholeWrongSolutions):
    """Every window computes modulo a number of its own, which no text says; at test examples stand before the problem.

    Attributes:
        moduli: one is drawn for each window. That of the problem class should be among them: the examples and the
            problems at test have it.
        strategy: what an example is. "cot": the right solution; "implicit": a wrong one before it; "explicit": with the
            grader's verdict on the wrong one, too.
        plain: share of documents whose right solution follows the problem directly, as it is asked for at test; of the
            strategies with wrong ones, which else would never show it.
        loss: of the solutions on right ones, or on wrong ones as well; never on verdicts. On problems where
            `training.loss_on` says so.
        shots: examples before a problem at test.
    """

    line: ClassVar[str] = "Windows with a rule of their own, shown by right, or wrong and right, solutions in them."
    source: ClassVar[str] = "learning from mistakes in context, arXiv 2502.08550; the hidden rule is ours"
    name: Literal["in_context"] = "in_context"
    moduli: Annotated[tuple[_Modulus, ...], Field(strict=False, min_length=1)] = (5, 7, 11, 13, 17, 19, 23)
    strategy: Literal["cot", "implicit", "explicit"] = "implicit"
    plain: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.25
    loss: Literal["good", "both"] = "good"
    shots: Annotated[int, Field(ge=0)] = 3

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.wrong is not None:
            raise ValueError(f"wrong={self.wrong}: a model's solutions have one modulus, these windows several")
        if self.strategy == "cot" and self.loss == "both":
            raise ValueError("strategy=cot: there are no wrong solutions to learn; leave loss out")
        return self

    @property
    def prompt(self) -> tuple[Mark, ...]:
        return (Mark.GOOD,)

    def layout(self) -> Layout:
        tag, right = Role.GIVEN | Role.FEEDBACK, (*SOLVED, *ANSWERED)
        good = (mark(Mark.GOOD, tag), *right)
        if self.strategy == "cot":
            return Layout(((1.0, (*STATED, *good)),), moduli=self.moduli)
        said = (Row(Part.WRONG_STEP, tag), Row(Part.FIRST_ERROR, tag)) if self.strategy == "explicit" else ()
        wrong = (mark(Mark.BAD, tag), *self.wrong_solution(), *self.wrong_answer(), *said)
        layout = self.of_variants((1.0 - self.plain, (*STATED, *wrong, *good)), rest=(*STATED, *good))
        return Layout(layout.variants, layout.kinds, self.moduli)

    def carrying(self, windows: StepWindows) -> Tensor:
        without = Role.GIVEN if self.loss == "both" else Role.GIVEN | Role.ATTEMPT
        return super().carrying(windows) & ((windows.roles & int(without)) == 0)

    def examples(self, data: DataConfig, vocabulary: Vocabulary) -> list[int]:
        """The first documents of a stream of their own, modulo what the problem class says."""
        from igsm.corpus.documents import draw_attempt, lay_out
        from igsm.corpus.rows import rows_of
        from igsm.corpus.vocabulary import load_vocabulary
        from igsm.corpus.written import written_of
        from igsm.mistakes.source import DocumentSource
        from igsm.seeds import derive_key

        source = DocumentSource(data.problem.model_copy(update={"split": "train"}), seed=data.seed)
        layout, texts = self.layout(), load_vocabulary(data.problem)
        rows, index = rows_of(layout, texts), 0
        found: list[np.ndarray] = []
        while len(found) < self.shots:
            written = written_of(source.document(index))
            state = derive_key("examples", source.seed, source.stream_name, index)
            if draw_attempt(source.record(index), source.lexicon, rows, written, state) or not layout.kinds:
                tokens, _ = lay_out(written, layout, texts)
                found.append(vocabulary.from_gpt2[tokens])
            index += 1
        return [int(i) for tokens in found for i in tokens]
