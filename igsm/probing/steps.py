"""Step questions: at the end of a whole step of a solution, is it right?

The wrong versions are those of the mistakes that write a whole step (`igsm.mistakes.kinds.WRONG_STEPS`). The question
ends where the model would go on with a full stop or with BACK.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from igsm.corpus.vocabulary import END, PROBLEM_START, SOLUTION_START, Vocabulary
from igsm.mistakes.document import Document
from igsm.mistakes.draw import MOST_VERSIONS, draw_mistakes, law_of_kind
from igsm.mistakes.rows import MISTAKE_COLUMNS, MISTAKE_STEP
from igsm.probing.probe import RIGHT, WRONG
from igsm.probing.questions import Asked, QuestionRow, pack
from igsm.problems.lexicon import Lexicon
from igsm.problems.record import Record
from igsm.problems.wording import BACK, STOP


def step_rows(
    record: Record,
    lexicon: Lexicon,
    vocabulary: Vocabulary,
    length: int,
    random: np.random.Generator,
    kinds: Sequence[str],
) -> Iterator[QuestionRow]:
    """Rows that together hold two questions about every step, in random order: the right step and a wrong version.

    Both follow the error-free steps before it. A step that has no wrong version of these kinds is not asked about.

    Args:
        kinds: of mistakes; each step draws one of those possible, then one of its wrong versions.

    Yields:
        Full rows first; none if the problem and its solution leave no room for the longest question.
    """
    document = Document.of_record(record, lexicon, _wrong_versions(record, random, kinds))
    codes = document.codes[document.problem_end : document.solution_end]
    ids = [END, PROBLEM_START, *vocabulary.encode_fragments(document.codes[: document.problem_end]), SOLUTION_START]
    questions: list[Asked] = []
    for sentence in np.split(codes, np.flatnonzero(codes == STOP) + 1)[:-1]:
        wrong = sentence[-2] == BACK
        has_wrong_version = questions and questions[-1].point == len(ids)
        if wrong or has_wrong_version:
            asked = vocabulary.encode_fragments(sentence[: -2 if wrong else -1])
            questions.append(Asked(len(ids), vocabulary.from_gpt2[asked], WRONG if wrong else RIGHT))
        if not wrong:
            ids += [*vocabulary.encode_fragments(sentence)]
    if questions:
        # Nothing is asked after the last of these points, so it need not be read.
        trunk = vocabulary.from_gpt2[ids[: questions[-1].point]]
        longest = max(len(question.ids) for question in questions)
        yield from pack(trunk, len(questions), questions.__getitem__, longest, length, random)


def _wrong_versions(record: Record, random: np.random.Generator, kinds: Sequence[str]) -> np.ndarray:
    """Mistakes int32 [n, MISTAKE_COLUMNS]: one before each step that has one."""
    versions: defaultdict[int, list[np.ndarray]] = defaultdict(list)
    drawn = np.zeros((MOST_VERSIONS, MISTAKE_COLUMNS), np.int32)
    for kind in kinds:
        state = random.integers(0, 2**64, 4, dtype=np.uint64)
        n = draw_mistakes(record, law_of_kind(kind, 1.0), state, drawn)
        steps, first = np.unique(drawn[:n, MISTAKE_STEP], return_index=True)
        for step, row in zip(steps.tolist(), drawn[first], strict=True):
            versions[step].append(row)
    chosen = [versions[step][random.integers(len(versions[step]))] for step in sorted(versions)]
    return np.array(chosen, np.int32).reshape(-1, MISTAKE_COLUMNS)
