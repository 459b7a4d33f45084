"""A tokenizer of transformers, and which tokens of a text have loss.

The whole text is tokenized at once, as a model will meet it, and a token has loss only if all its characters have:
tokens that straddle a border are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from igsm.errors import InputError
from igsm.text.conversations import as_messages
from igsm.text.record import Record

NO_LOSS = -100
"""The label that PyTorch's cross entropy, and so every trainer, leaves out."""

Piece = tuple[str, bool]
"""A text and whether it has loss."""


class Frame(NamedTuple):
    """What stands before and after a solution in the training text."""

    before: str
    after: str


class Tokenizer:
    """A tokenizer in a folder, with its chat template if it has one.

    Raises:
        InputError: transformers is not installed; the folder has no tokenizer that tells where its tokens stand.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"--tokenizer {folder}: no such folder; one with a tokenizer of transformers is expected")
        try:
            from transformers import AutoTokenizer
        except ImportError:
            raise InputError(
                "--tokenizer needs the package 'transformers', which is not installed: pip install 'mistakes[hf]'"
            ) from None
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except Exception as error:  # transformers raises whatever the broken part raises
            if not (folder / "tokenizer.json").is_file():
                raise InputError(f"--tokenizer {folder}: there is no tokenizer.json in it") from None
            raise InputError(
                f"--tokenizer {folder}: not readable by transformers: {' '.join(str(error).split())}"
            ) from None
        if not self._tokenizer.is_fast:
            raise InputError(
                f"--tokenizer {folder}: not a fast one (tokenizer.json), so it does not tell where tokens are"
            )
        self.has_template = bool(getattr(self._tokenizer, "chat_template", None))
        bos = self._tokenizer.bos_token_id
        self._begins = [bos] if bos is not None and self._tokenizer("")["input_ids"][:1] == [bos] else []

    def frame(self, record: Record) -> Frame:
        """The prompt as the chat template writes it, or as it stands and a new line; the end of the turn or the text.

        Raises:
            InputError: the template changes the solution; without one, the prompt is a conversation.
        """
        if not self.has_template:
            begin = self._tokenizer.bos_token if self._begins else ""
            plain = plain_frame(record)
            return Frame(begin + plain.before, self._tokenizer.eos_token or "")
        turns = as_messages(record)
        before = self._render(turns, add_generation_prompt=True)
        whole = self._render([*turns, {"role": "assistant", "content": record.text}])
        if not whole.startswith(before + record.text):
            # Templates of models that think write an empty thought before the last answer.
            prompt = self._render(turns)
            start = whole.rfind(record.text, len(prompt)) if whole.startswith(prompt) else -1
            if start < 0:
                raise InputError(
                    "the tokenizer's chat template changes the solution, so its characters cannot be found again"
                )
            before = whole[:start]
        return Frame(before, whole[len(before) + len(record.text) :])

    def _render(self, turns: list[dict[str, Any]], **options: bool) -> str:
        try:
            return self._tokenizer.apply_chat_template(turns, tokenize=False, **options)
        except Exception as error:  # whatever the template raises, e.g. for a role it does not know
            raise InputError(f"the tokenizer's chat template does not take it: {error}") from None

    def encode(self, pieces: Sequence[Piece]) -> tuple[list[int], list[int]]:
        """Ids of the joined texts, and their labels: the ids themselves, or `NO_LOSS`."""
        text = "".join(piece for piece, _ in pieces)
        loss = bytearray()
        for piece, trained in pieces:
            loss += bytes([trained]) * len(piece)
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids: list[int] = encoded["input_ids"]
        labels = [
            token if 0 not in loss[start : max(end, start + 1)] and start < len(loss) else NO_LOSS
            for token, (start, end) in zip(ids, encoded["offset_mapping"], strict=True)
        ]
        return ids, labels

    def pieces(self, ids: Sequence[int], labels: Sequence[int]) -> list[Piece]:
        """The text of ids again, in runs that have loss or have none."""
        runs: list[tuple[list[int], bool]] = []
        for token, label in zip(ids, labels, strict=True):
            trained = label != NO_LOSS
            if not runs or runs[-1][1] != trained:
                runs.append(([], trained))
            runs[-1][0].append(token)
        return [(self._tokenizer.decode(run), trained) for run, trained in runs]


def plain_frame(record: Record) -> Frame:
    """The prompt as it stands and a new line. Raises InputError for a conversation, which needs a template."""
    if len(record.turns) != 1:
        raise InputError(
            f"its prompt is a conversation of {len(record.turns)} turns: "
            "give a --tokenizer with a chat template, which says how to write it"
        )
    return Frame(record.prompt + "\n", "")
