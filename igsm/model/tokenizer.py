"""The tokenizer of an exported model, in the format of the tokenizers library, written without it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from igsm.model.huggingface import MAX_POSITIONS

# GPT-2's split into words; the tokenizers library applies it to the text.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


_LEFT_OUT_OF_TEXTS = ("end", "problem", "solution", "answer", "pad", "unknown")
"""As special tokens are by lm-eval in what it grades: a restart must stay."""


def export_tokenizer(
    words: Mapping[str, Sequence[int]],
    tokens: Mapping[int, bytes],
    marks: Mapping[str, int],
    folder: Path,
    n_ids: int,
    n_rows: int,
    prompt_marks: Sequence[str] = (),
) -> None:
    """Write a tokenizer that gives every known word its ids, and AutoTokenizer loads offline.

    With special tokens (the default) it makes the prompt of a problem's text: end, problem, text, solution, and the
    marks that the method asks for a solution with. A text's
    first word is read as if a blank stood before it, as in the texts that models are trained on. It pads on the left,
    so that a batch continues as its rows do alone.

    Args:
        words: word as GPT-2 splits it -> the model's ids.
        tokens: the model's id -> bytes, for all ids in `words`.
        marks: the model's ids of the marks "end", "problem", "solution", "answer", and of others that it has learned.
        n_ids: number of ids in use; the next is that of padding, the one after it that of unknown words.
        n_rows: of the embedding. Every id below has a token, so that the tokenizer is as long as the embedding.
        prompt_marks: names of the marks behind the prompt.
    """
    marks = {**marks, "pad": n_ids, "unknown": n_ids + 1}
    special = {name: f"<|{'endoftext' if name == 'end' else name}|>" for name in marks}
    vocabulary = {_printable(data): i for i, data in tokens.items()} | {special[n]: i for n, i in marks.items()}
    vocabulary |= {f"<|unused {i}|>": i for i in sorted({*range(n_rows)} - {*vocabulary.values()})}
    many = sorted(tuple(_printable(tokens[i]) for i in ids) for ids in words.values() if len(ids) > 1)
    pieces = [_piece_pattern(parts, place) for parts in many for place in range(len(parts))]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    splits = [_split(_WORDS), byte_level]
    if pieces:  # one word is one stretch here, so the pattern can be anchored at both its ends
        splits.append(_split("|".join(pieces)))
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": marks[name], "content": text, "special": name in _LEFT_OUT_OF_TEXTS}
            | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
            for name, text in sorted(special.items(), key=lambda item: marks[item[0]])
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": " "},
                {"type": "Replace", "pattern": {"Regex": r"\A (?![\p{L}\p{N}])"}, "content": ""},
            ],
        },
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": special["end"], "type_id": 0}},
                {"SpecialToken": {"id": special["problem"], "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": special["solution"], "type_id": 0}},
                *({"SpecialToken": {"id": special[name], "type_id": 0}} for name in prompt_marks),
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {
                special[name]: {"id": special[name], "ids": [marks[name]], "tokens": [special[name]]}
                for name in ("end", "problem", "solution", *prompt_marks)
            },
        },
        "decoder": byte_level,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": special["unknown"]},
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special["end"],
        "eos_token": special["end"],
        "pad_token": special["pad"],
        "padding_side": "left",
        "unk_token": special["unknown"],
        "model_max_length": MAX_POSITIONS,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _piece_pattern(parts: tuple[str, ...], place: int) -> str:
    """Matches piece `place` of a word, where the word is exactly `parts` joined."""
    before, after = (re.escape("".join(some)) for some in (parts[:place], parts[place + 1 :]))
    return f"(?<=^{before}){re.escape(parts[place])}(?={after}$)" if before else f"^{re.escape(parts[0])}(?={after}$)"


def _printable(data: bytes) -> str:
    """The letters that byte-level tokenizers write bytes as: printable ones themselves, others from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return "".join(table[byte] for byte in data)
