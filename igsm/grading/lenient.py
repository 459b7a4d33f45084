"""Solutions as chat models write them, turned into the language of the strict grader: form only, no step is changed."""

from __future__ import annotations

import re

from igsm.grading.answers import ANSWER_MARK, before_end_mark

_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u2032", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00d7\u00b7\u22c5\u2217", "*"),
        **dict.fromkeys("\u200b\u200c\u200d\ufeff`", None),
        **dict.fromkeys("\u00a0\u2007\u202f", " "),
    }
)
"""Typographic characters -> those of the problem's texts; what cannot be seen, and marks of code, go."""

_LATEX = (
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "*"),
    (re.compile(r"\\text\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\[()\[\]]|\$"), ""),
)
_EMPHASIS = re.compile(r"\*\*|__|(?<![\w*])\*(?=\w)|(?<=\w)\*(?![\w*])(?! \w)")
_ITEM = re.compile(
    r"^\s*(?:#+\s+|>\s+|[-*+\u2022]\s+|(?:step\s+)?\(?\d+[.):]\s+|step\s+\d+\s*[:.-]?\s+)+", re.IGNORECASE
)
_DEFINED = re.compile(r" as [A-Za-z]").fullmatch
_ENDS = (".", ";", ",", ":")


def strict_text(text: str) -> str:
    """The text with typographic characters mapped, and without what carries no step.

    That is marks of lists, emphasis and formulas, words before "define ... as x", and, up to the last step, sentences
    without a definition, "=" and BACK. What follows stays, since it may state an answer. Linear in the text's length.
    """
    text = before_end_mark(text)
    steps, mark, answer = text.partition(ANSWER_MARK)
    lines = [line for line in map(_plain, steps.splitlines()) if line]
    ended = [line if line.endswith(_ENDS) else f"{line}." for line in lines[:-1]]
    sentences = " ".join([*ended, *lines[-1:]]).split(". ")
    found = [_step(sentence) for sentence in sentences]
    last = max((i for i, step in enumerate(found) if step is not None), default=-1)
    kept = []
    for i, (sentence, step) in enumerate(zip(sentences, found, strict=True)):
        if step is not None:
            kept.append(step)
        elif i > last or "=" in sentence or "BACK" in sentence:
            kept.append(sentence)
    return ". ".join(kept) + (f" {mark}{answer}" if mark else "")


def _step(sentence: str) -> str | None:
    """The sentence from "Define" on; None: it defines nothing."""
    head, semicolon, rest = sentence.partition(";")
    start = head.lower().rfind("define ")
    if start < 0 or "=" in head or not _DEFINED(head.rstrip()[-5:]):
        return sentence if sentence.startswith("Define ") else None
    return f"Define {head[start + len('define ') :].lstrip()}{semicolon}{rest}"


def _plain(line: str) -> str:
    """A line without what only says how it looks."""
    line = line.translate(_CHARACTERS)
    for pattern, other in _LATEX:
        line = pattern.sub(other, line)
    return _EMPHASIS.sub("", _ITEM.sub("", line)).strip()
