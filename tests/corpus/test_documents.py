"""Layouts: documents put together by hand, row by row, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igsm.corpus.blocks import block, documents
from igsm.corpus.config import DataConfig
from igsm.corpus.documents import lay_out
from igsm.corpus.export import records
from igsm.corpus.generate import generate
from igsm.corpus.loader import WindowLoader
from igsm.corpus.shards import ShardReader
from igsm.corpus.vocabulary import Vocabulary, load_vocabulary
from igsm.corpus.written import written_of
from igsm.errors import InputError
from igsm.methods.method import Method
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.layout import PLAIN, Layout, Mark, Part, Role, Row
from igsm.mistakes.source import DocumentSource
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import load_lexicon

PROBLEM = ProblemConfig(difficulty="nano")
MISTAKES = MistakeConfig(kind="retry", rate=0.5)
VOCABULARY = load_vocabulary(PROBLEM, "gpt2")
TAGGED = (
    Row(Part.WORD, words=Mark.PROBLEM),
    Row(Part.STATEMENT),
    Row(Part.WORD, words=Mark.SOLUTION),
    Row(Part.WORD, Role.FEEDBACK, Mark.GOOD),
    Row(Part.SOLUTION, Role.SOLUTION),
    Row(Part.WORD, Role.FEEDBACK, " BACK."),
    Row(Part.ANSWER, Role.SOLUTION),
    Row(Part.WORD, words=Mark.END),
)
MIXED = Layout(((0.75, PLAIN.variants[0][1]), (0.25, TAGGED)))


class Mixed(Method):
    """Plain documents and tagged ones, for these tests."""

    line = source = ""
    name: str = "mixed"

    def layout(self) -> Layout:
        return MIXED


def data(**settings: Any) -> DataConfig:
    return DataConfig(problem=PROBLEM, mistakes=MISTAKES, context=128, windows_per_block=64, **settings)


@pytest.mark.parametrize("layout", [PLAIN, MIXED])
def test_plain_documents_are_those_of_the_paper(layout: Layout) -> None:
    """[222] problem [223] solution [224] answer [50256], written here without the loop."""
    source = DocumentSource(PROBLEM, MISTAKES, 1)
    for index in range(20):
        document = source.document(index)
        texts = (document.problem_text, document.solution_text, f" {document.answer}")
        parts = [[mark, *VOCABULARY.encode_text(text)] for mark, text in zip((222, 223, 224), texts, strict=True)]
        tokens, roles = lay_out(written_of(document), layout, VOCABULARY)
        assert tokens.tolist() == [*sum(parts, []), 50256]
        assert (roles & Role.SOLUTION > 0).tolist() == [i > parts_end(parts) for i in range(len(tokens))]
        assert (roles & Role.MISTAKE_STEP > 0).sum() == sum(
            len(VOCABULARY.encode_text(document.text(span.start, span.end))) for span in document.spans
        )


def parts_end(parts: list[list[int]]) -> int:
    """The place of the solution mark."""
    return len(parts[0])


def test_rows_are_written_in_order_with_their_roles() -> None:
    document = next(d for d in map(DocumentSource(PROBLEM, MISTAKES, 1).document, range(50)) if len(d.spans) == 1)
    (span,) = document.spans
    tokens, roles = lay_out(written_of(document), MIXED, VOCABULARY, variant=1)
    written = [
        ([222], 0),
        (VOCABULARY.encode_text(document.problem_text), 0),
        ([223], 0),
        ([225], Role.FEEDBACK),
        (VOCABULARY.encode_text(document.text(document.problem_end, span.start)), Role.SOLUTION),
        (VOCABULARY.encode_text(document.text(span.start, span.name_start)), Role.SOLUTION | Role.MISTAKE_STEP),
        (
            VOCABULARY.encode_text(document.text(span.name_start, span.name_end)),
            Role.SOLUTION | Role.MISTAKE_STEP | Role.MISTAKE_WORD,
        ),
        (VOCABULARY.encode_text(document.text(span.name_end, span.end)), Role.SOLUTION | Role.MISTAKE_STEP),
        (VOCABULARY.encode_text(document.text(span.end, document.solution_end)), Role.SOLUTION),
        (VOCABULARY.encode_text(" BACK."), Role.FEEDBACK),
        (VOCABULARY.encode_text(f" {document.answer}"), Role.SOLUTION),
        ([50256], 0),
    ]
    assert tokens.tolist() == [i for ids, _ in written for i in ids]
    assert roles.tolist() == [int(role) for ids, role in written for _ in ids]


def test_blocks_mix_documents_by_their_shares_and_keep_the_problems() -> None:
    """The choice has a stream of its own: problems and mistakes are those of plain documents."""
    mixed = block(data(method=Mixed()), 0)
    plain = block(data(), 0)
    starts = [mixed.tokens.reshape(-1)[start:] for start in mixed.documents.astype(int)]
    tagged = [one[list(one[:128]).index(223) + 1] == 225 for one in starts if 223 in one[:-1][:127]]
    assert len(tagged) > 80
    assert abs(np.mean(tagged) - 0.25) < 0.12
    texts = [
        [d.problem_text + d.solution_text for d in documents(data(**more), 0, 8)] for more in ({}, {"method": Mixed()})
    ]
    assert texts[0][:8] == texts[1][:8]
    assert not np.array_equal(mixed.tokens, plain.tokens)
    again = block(data(method=Mixed()), 0)
    assert np.array_equal(again.tokens, mixed.tokens)
    assert np.array_equal(again.roles, mixed.roles)


def test_shards_keep_further_roles_and_say_so(tmp_path: Path) -> None:
    """The manifest lists the planes where they are not those of plain documents; the loader reads the same windows."""
    generate(data(method=Mixed()), tmp_path / "mixed", 70, shard_tokens=64 * 128)
    generate(data(), tmp_path / "plain", 64)
    for name in ("plan", "manifest"):
        assert "roles" not in json.loads((tmp_path / "plain" / f"{name}.json").read_text())
        listed = json.loads((tmp_path / "mixed" / f"{name}.json").read_text())["roles"]
        assert listed == ["mistake_word", "mistake_step", "solution", "feedback"]
    made = block(data(method=Mixed()), 0)
    tokens, roles = ShardReader(tmp_path / "mixed").read(0, 64)
    assert np.array_equal(tokens, made.tokens)
    assert np.array_equal(roles, made.roles)
    assert (roles & Role.FEEDBACK).any()
    stored = data(method=Mixed(), path=str(tmp_path / "mixed"))
    vocabulary = Vocabulary(load_lexicon("nano"), marks=Mixed().marks)
    with WindowLoader(stored, 5, vocabulary=vocabulary) as read, WindowLoader(data(method=Mixed()), 5) as made_anew:
        assert all(np.array_equal(a, b) for a, b in zip(next(read), next(made_anew), strict=True))
    with pytest.raises(InputError, match="other settings than this run's data .layout"):
        WindowLoader(data(path=str(tmp_path / "mixed")), 5)
    with pytest.raises(InputError, match="holds another corpus"):
        generate(data(), tmp_path / "mixed", 70, shard_tokens=64 * 128)


def test_a_mark_that_a_model_has_no_id_for_is_refused() -> None:
    with (
        pytest.raises(InputError, match="no ids for"),
        WindowLoader(data(method=Mixed()), 64, vocabulary=load_vocabulary(PROBLEM)) as loader,
    ):
        next(loader)


def test_other_documents_are_not_exported_as_problem_solution_and_answer() -> None:
    with pytest.raises(InputError, match="method 'mixed': its documents have other parts"):
        next(records(data(method=Mixed())))


def test_unknown_roles_of_a_manifest_are_one_line(tmp_path: Path) -> None:
    generate(data(), tmp_path / "plain", 64)
    path = tmp_path / "plain" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"roles": ["solution", "mistakes_step"]}))
    with pytest.raises(InputError, match="unknown role 'mistakes_step'; did you mean 'mistake_step'"):
        ShardReader(tmp_path / "plain")


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (((0.5, TAGGED), (0.4, TAGGED)), "add up to 1"),
        (((1.5, TAGGED), (-0.5, TAGGED)), "add up to 1"),
        (((1.0, TAGGED[1:]),), "begins with"),
        (((1.0, (*TAGGED, TAGGED[-1])),), "ends with"),
        ((), "add up to 1"),
    ],
)
def test_layouts_that_windows_could_not_be_read_by_are_refused(variants: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Layout(variants)


def test_words_must_be_those_of_texts() -> None:
    rows = (*TAGGED[:3], Row(Part.WORD, words=" Hooray."), *TAGGED[3:])
    document = DocumentSource(PROBLEM, MISTAKES, 1).document(0)
    with pytest.raises(InputError, match="'Hooray'"):
        lay_out(written_of(document), Layout(((1.0, rows),)), VOCABULARY)
