"""Documents: parts lie where they say, and copies do not change under later use of the buffers."""

from __future__ import annotations

import numpy as np
import pytest

from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.rows import MISTAKE_COLUMNS, SPAN_COLUMNS
from igsm.mistakes.source import DocumentSource
from igsm.mistakes.writing import write_document
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.source import ProblemSource
from igsm.problems.wording import MAX_FRAGMENTS


@pytest.mark.parametrize("form", ["pq", "qp"])
def test_parts(form: str) -> None:
    """The question stands at the end for pq, at the beginning for qp."""
    source = DocumentSource(ProblemConfig(format=form), MistakeConfig(kind="retry_miss", rate=0.4), seed=1)
    for index in range(30):
        document = source.document(index)
        whole = document.problem_text + document.solution_text + f" {document.answer}"
        assert "".join(document.fragments) == whole
        question = " " + document.question_text
        assert document.problem_text.count("How many") == 1
        assert document.problem_text.endswith(question) == (form == "pq")
        assert document.problem_text.startswith(question) == (form == "qp")


def test_a_document_owns_its_fragments() -> None:
    """The generator writes every document into the same buffers."""
    source = ProblemSource(ProblemConfig(), seed=1)
    codes = np.zeros(MAX_FRAGMENTS, np.int32)
    spans = np.zeros((0, SPAN_COLUMNS), np.int32)
    no_mistakes = np.zeros((0, MISTAKE_COLUMNS), np.int32)
    texts, documents = [], []
    for index in range(3):
        record = source.record(index)
        ends = write_document(record, no_mistakes, source.lexicon.tables, codes, spans)
        documents.append(Document.of_fragments(record, source.lexicon, codes, ends, spans))
        texts.append(documents[-1].problem_text)
    assert [document.problem_text for document in documents] == texts
    assert len(set(texts)) == 3
