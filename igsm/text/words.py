"""A vocabulary of the words of some training texts, for models that are trained from scratch on these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from igsm.errors import InputError
from igsm.text.tokens import Piece

_WORD = re.compile(r" ?\[[A-Z]+\]| ?[^\W\d_]+| ?\d{1,2}|<<|>>|.", re.DOTALL)
"""A word with the space before it, one or two digits, a marker in brackets, else one character."""
END, UNKNOWN = "<end>", "<unknown>"


def split_words(text: str) -> list[str]:
    """The text in words; joined they are the text."""
    return _WORD.findall(text)


class Words:
    """Ids of words.

    Attributes:
        words: in the order of their ids; 0 ends a text, 1 is any word that is not among them.
    """

    end, unknown = 0, 1

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: number for number, word in enumerate(words)}

    @classmethod
    def of(cls, texts: Iterable[str], most: int) -> Words:
        """All words of some texts, or the `most` most frequent ones; in the order of their letters."""
        seen: dict[str, int] = {}
        for text in texts:
            for word in split_words(text):
                seen[word] = seen.get(word, 0) + 1
        kept = sorted(seen, key=lambda word: (-seen[word], word))[: most - 2]
        return cls([END, UNKNOWN, *sorted(kept)])

    @classmethod
    def read(cls, content: Mapping[str, Any], where: str) -> Words:
        """What `content` gave. Raises InputError for something else."""
        words = content.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise InputError(f"{where}: holds no words; a run of `mistakes text train` is expected")
        return cls(words)

    def content(self) -> dict[str, Any]:
        """For a checkpoint's vocabulary.json."""
        return {"words": list(self.words)}

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(word, self.unknown) for word in split_words(text)]

    def encode_pieces(self, pieces: Iterable[Piece]) -> tuple[list[int], list[bool]]:
        """Ids of a whole row, its end included, and which of them have loss."""
        ids: list[int] = []
        loss: list[bool] = []
        for text, trained in pieces:
            new = self.encode(text)
            ids += new
            loss += [trained] * len(new)
        return [*ids, self.end], [*loss, True]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, without ends."""
        return "".join(self.words[i] for i in ids if i != self.end)
