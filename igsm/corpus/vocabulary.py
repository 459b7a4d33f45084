"""GPT-2 ids of every word, and the compact numbering that models use.

GPT-2 splits a text into words before it merges bytes, so the ids of a text are its words' ids joined. Those of
all words that the shipped lexicons need are in ``data/gpt2_ids.json`` (made by scripts/make_gpt2_ids.py); other
words are encoded by `igsm.corpus.bpe`.

A document is [222] problem [223] solution [224] answer [50256]; a prompt is [50256] [222] problem [223]
(arXiv 2408.16293, appendix A).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from igsm.errors import InputError
from igsm.mistakes.layout import PLAIN, Mark
from igsm.problems.difficulty import ProblemConfig
from igsm.problems.lexicon import Lexicon, load_lexicon
from igsm.problems.problem import Problem
from igsm.problems.wording import FIRST_NAME, WORDS, FragmentTable
from igsm.rundir import VOCABULARY, read_json
from igsm.seeds import compiled

PROBLEM_START, SOLUTION_START, ANSWER_START, END = map(int, (Mark.PROBLEM, Mark.SOLUTION, Mark.ANSWER, Mark.END))
"""GPT-2 ids before a document's problem, solution and answer, and after its end."""
GPT2_SIZE = 50257
FORMAT = "mistakes vocabulary 1"
FIRST_WORDS = 32
"""Fixed words whose ids are numbered in ascending order with those of the names. The ids of words that were added to
`WORDS` later stand behind them, so that a new word moves no id of a model trained before."""
_MULTIPLE = 64  # sizes that matrix units like
_DATA = Path(__file__).parent / "data" / "gpt2_ids.json"

# GPT-2's own pattern, with Python's classes of characters; the same for letters, digits and ASCII signs.
_WORD = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


class Ids(NamedTuple):
    """Token ids of all fragments, for compiled code: fragment c has ``ids[start[c] : start[c + 1]]``."""

    start: np.ndarray
    """int32[fragment + 1]."""
    ids: np.ndarray
    """uint16[...], GPT-2 ids."""


@compiled
def encode(codes: np.ndarray, start: np.ndarray, ids: np.ndarray, out: np.ndarray) -> int:
    """Write the GPT-2 ids of fragments into ``out`` (uint16); returns their number.

    ``start`` and ``ids`` are those of :class:`Ids`.
    """
    length = 0
    for code in codes:
        for j in range(start[code], start[code + 1]):
            out[length] = ids[j]
            length += 1
    return length


class Vocabulary:
    """What texts with a lexicon's names are as GPT-2 ids, and as ids of a model.

    Args:
        lexicon: the names.
        kind: 'compact' numbers the ids that can occur; 'gpt2' keeps GPT-2's numbers.
        ids: the GPT-2 ids in a model's order, from its checkpoint; None: those of this version. Words that the model
            has no ids for are left out of `from_gpt2`.
        marks: marks of documents besides those of `layout.PLAIN`; their ids stand behind all others.

    Attributes:
        known: the GPT-2 ids in a model's order.
        size: rows of a model's embedding: the number of ids, filled up to a multiple of 64.
        to_gpt2: uint16[size], a model's id -> GPT-2 id; END for those that only fill up.
        from_gpt2: int32[50257], GPT-2 id -> a model's id; -1 for those that cannot occur.
        fragments: ids of all fragments of the lexicon's texts.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        kind: Literal["compact", "gpt2"] = "compact",
        ids: Sequence[int] | None = None,
        marks: Iterable[Mark] = (),
    ) -> None:
        self.kind, self._lexicon = kind, lexicon
        self.table = FragmentTable(lexicon.names)
        words = [split_words(string) for string in self.table.strings]
        self._words, self._bytes = _ids_of_words(word for split in words for word in split)
        encoded = [[i for word in split for i in self._words[word]] for split in words]
        self.fragments = Ids(
            np.cumsum([0] + [len(ids) for ids in encoded]).astype(np.int32),
            np.array([i for ids in encoded for i in ids], np.uint16),
        )
        if ids is not None:
            known = list(ids)
        elif kind == "compact":
            known = self._numbered(marks)
        else:
            known = list(range(GPT2_SIZE))
        self.known = known
        self.size = -(-len(known) // _MULTIPLE) * _MULTIPLE
        self.to_gpt2 = np.full(self.size, END, np.uint16)
        self.to_gpt2[: len(known)] = known
        self.from_gpt2 = np.full(GPT2_SIZE, -1, np.int32)
        self.from_gpt2[known] = np.arange(len(known), dtype=np.int32)

    def _numbered(self, marks: Iterable[Mark]) -> list[int]:
        """The ids that can occur, in the order of the compact numbering (`FIRST_WORDS`)."""
        later = range(FIRST_WORDS, len(WORDS))
        first = (code for code in range(len(self.table.strings)) if code not in later)
        known = sorted({int(mark) for mark in PLAIN.marks}.union(*(self._ids_of(code) for code in first)))
        words = (i for code in later for i in self._ids_of(code))
        return list(dict.fromkeys([*known, *words, *sorted(int(mark) for mark in marks)]))

    def _ids_of(self, code: int) -> list[int]:
        """GPT-2 ids of a fragment."""
        found: list[int] = self.fragments.ids[self.fragments.start[code] : self.fragments.start[code + 1]].tolist()
        return found

    @cached_property
    def names_fingerprint(self) -> str:
        """Digest of the lexicon's names and their GPT-2 ids: what data must share with its reader."""
        names = range(FIRST_NAME, len(self.table.strings))
        return _digest([[self.table.strings[code], self._ids_of(code)] for code in names])

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the names and of the numbering: two models with the same one can read each other's ids."""
        return _digest([self.kind, self.known, self.names_fingerprint])

    def content(self) -> dict[str, Any]:
        """What `vocabulary.json` of a checkpoint holds; `read_vocabulary` reads it back."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "size": self.size,
            "fingerprint": self.fingerprint,
            "names": self.names_fingerprint,
            "ids": self.known if self.kind == "compact" else None,
        }

    def extended(self, marks: Iterable[Mark]) -> Vocabulary:
        """A model's vocabulary with ids for further marks: rows of its embedding that only filled up so far.

        Raises:
            InputError: it has no such rows left.
        """
        new = sorted(int(mark) for mark in marks if self.from_gpt2[mark] < 0)
        if not new:
            return self
        if len(self.known) + len(new) > self.size:
            names = ", ".join(Mark(mark).name for mark in new)
            raise InputError(
                f"the model has no ids for the marks {names}, and its {self.size} rows are taken: pretrain with a "
                "method that has them"
            )
        return Vocabulary(self._lexicon, self.kind, [*self.known, *new])

    def check_known(self, ids: np.ndarray) -> None:
        """Raise InputError if a model's ids (-1 where there is none) hold one that the model does not know."""
        if ids.size and ids.min() < 0:
            raise InputError("the data holds words that the model has no ids for: they are newer than its vocabulary")

    def encode_fragments(self, codes: np.ndarray) -> np.ndarray:
        """GPT-2 ids (uint16) of fragment codes (int32)."""
        start = self.fragments.start
        out = np.empty(int((start[codes + 1] - start[codes]).sum()), np.uint16)
        encode(codes, start, self.fragments.ids, out)
        return out

    def encode_text(self, text: str) -> np.ndarray:
        """GPT-2 ids (uint16) of a text made of this lexicon's words; InputError for any other word."""
        ids: list[int] = []
        for word in split_words(text):
            if word not in self._words:
                raise InputError(f"the word {word.strip()!r} does not occur in texts of this lexicon")
            ids += self._words[word]
        return np.array(ids, np.uint16)

    @cached_property
    def further_marks(self) -> frozenset[int]:
        """A model's ids of the marks that plain documents do not have."""
        return frozenset(int(self.from_gpt2[mark]) for mark in set(Mark) - PLAIN.marks if self.from_gpt2[mark] >= 0)

    @property
    def end(self) -> int:
        """A model's id of the token that ends a document."""
        return int(self.from_gpt2[END])

    def prompt(self, problem: Problem, marks: Iterable[Mark] = (), examples: Sequence[int] = ()) -> np.ndarray:
        """A model's ids (int64) of the prompt: [50256] [222] problem [223], and the marks that ask for a solution.

        `examples` are a model's ids of documents that stand before the problem.
        """
        asked = self.from_gpt2[[PROBLEM_START, *self.encode_text(problem.text), SOLUTION_START, *marks]]
        ids = np.array([self.end, *examples, *asked], np.int64)
        self.check_known(ids)
        return ids

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of a model's ids; marks besides those of plain documents read "<|good|>".

        What is not UTF-8, as 222 to 224, and what cannot occur reads U+FFFD.
        """
        return b"".join([self._pieces[i] for i in ids]).decode("utf-8", errors="replace")

    @cached_property
    def _pieces(self) -> list[bytes]:
        """The bytes of each of a model's ids: a list, for decoding asks for every token of every question."""
        marks = {int(mark): mark.text.encode() for mark in set(Mark) - PLAIN.marks}
        return [marks.get(int(i)) or self._bytes.get(int(i), b"\xff") for i in self.to_gpt2]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def split_words(text: str) -> list[str]:
    """The words that GPT-2 splits a text into before it merges bytes."""
    return _WORD.findall(text)


@lru_cache
def _committed() -> tuple[dict[str, list[int]], dict[int, bytes]]:
    content = json.loads(_DATA.read_text(encoding="utf-8"))
    return content["words"], {int(i): text.encode("latin-1") for i, text in content["tokens"].items()}


def _ids_of_words(words: Iterable[str]) -> tuple[dict[str, list[int]], dict[int, bytes]]:
    """Word -> GPT-2 ids and id -> bytes for the given words and the marks of a document."""
    known, tokens = _committed()
    found = {word: known.get(word, []) for word in words}
    missing = [word for word, ids in found.items() if not ids]
    if missing:
        from igsm.corpus.bpe import load_bpe

        bpe = load_bpe()
        tokens = dict(tokens)
        for word in missing:
            found[word] = bpe.encode_ordinary(word)
            tokens |= {i: bpe.decode_single_token_bytes(i) for i in found[word]}
    return found, tokens


@lru_cache
def load_vocabulary(
    problem: ProblemConfig, kind: Literal["compact", "gpt2"] = "compact", marks: frozenset[Mark] = frozenset()
) -> Vocabulary:
    """The vocabulary of a stream of problems: that of its lexicon, and the marks of documents besides `layout.PLAIN`'s.

    Raises InputError, also for a lexicon that is too small.
    """
    law = problem.problem_class
    load_lexicon(law.lexicon).check_size(law.depths[-1], law.widths[-1])
    return _of_lexicon(law.lexicon, kind, marks - PLAIN.marks)


@lru_cache
def _of_lexicon(lexicon: str, kind: Literal["compact", "gpt2"], marks: frozenset[Mark]) -> Vocabulary:
    return Vocabulary(load_lexicon(lexicon), kind, marks=marks)


def read_vocabulary(checkpoint: Path, problem: ProblemConfig, kind: Literal["compact", "gpt2"]) -> Vocabulary:
    """The vocabulary that a checkpoint's model was trained with: its own numbering of the lexicon's ids.

    Args:
        checkpoint: a whole checkpoint folder.
        problem, kind: of the model's data.

    Raises:
        InputError: the file is missing or broken, or the lexicon's names are no longer those of the model.
    """
    path = checkpoint / VOCABULARY
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: no vocabulary in the format '{FORMAT}'")
    lexicon = load_vocabulary(problem, kind)
    vocabulary = lexicon
    if kind == "compact":
        ids = content.get("ids")
        if not isinstance(ids, list) or not all(isinstance(i, int) and 0 <= i < GPT2_SIZE for i in ids):
            raise InputError(f"{path}: 'ids' must be a list of GPT-2 ids")
        vocabulary = Vocabulary(load_lexicon(problem.problem_class.lexicon), kind, ids)
    if content.get("names") != lexicon.names_fingerprint:
        raise InputError(
            f"{path}: the model was trained on other names than those of the lexicon "
            f"'{problem.problem_class.lexicon}' today; give the lexicon it was trained on"
        )
    if content.get("fingerprint") != vocabulary.fingerprint:
        raise InputError(f"{path}: ids and fingerprint do not match (kind '{content.get('kind')}', data '{kind}')")
    return lexicon if vocabulary.fingerprint == lexicon.fingerprint else vocabulary
