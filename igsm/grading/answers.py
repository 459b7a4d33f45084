"""Where a solution's text ends, and which final answer it states after its steps. Linear in the text's length."""

from __future__ import annotations

import re
import unicodedata

ANSWER_MARK = "<|answer|>"
"""Stands between solution and answer in this package's documents, as exported tokenizers write it."""
END_MARKS = (
    "<|endoftext|>",
    "<|im_end|>",
    "</s>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<|end_of_text|>",
    "<|end|>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
)
"""What language models of this package and of others end a text or a turn with."""

_END = re.compile("|".join(map(re.escape, END_MARKS))).search
_SENTENCES = re.compile(r"(?<=[.!?])\s+").split
_MARKER = re.compile(r"\banswer\b|\bis\b|\bequals?\b|[=≡]|####|\\boxed\b", re.IGNORECASE).finditer
_NUMBER = re.compile(r"[-+−]?\d+(?:,\d{3})*(?:\.\d+)?")
# fmt: off
_UNITS = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
# fmt: on
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: value for value, word in enumerate(_UNITS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
# few signs, so that long rows of them take no long time
_IN_WORDS = re.compile(
    rf"(?:\banswer|(?<!#)####(?!#)|\\boxed\W{{0,9}}(?:text\b)?)\W{{0,9}}(?:(?:is|equals)\b\W{{0,9}})?"
    rf"((?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_UNITS[1:10])}))?|{'|'.join(_UNITS)})\b",
    re.IGNORECASE,
).findall


def before_end_mark(text: str) -> str:
    """The text before its first end mark, without the white space before that mark; all of it if there is none."""
    found = _END(text) if "<" in text else None
    return text if found is None else text[: found.start()].rstrip()


def plain_answer(answer: int | float | str) -> str:
    """A separate answer as the digits to compare: 5, 5.0, "5.0" and " 5</s>" are "5"; other text stays as it is."""
    if isinstance(answer, str):
        return _plain(before_end_mark(answer).strip())
    return str(int(answer)) if isinstance(answer, float) and answer.is_integer() else str(answer)


def stated_answer(text: str, modulus: int) -> str | None:
    """The final answer that a text states, as digits; None when it states no number.

    It is in the last sentence that has a number: what follows the last "answer", "is", "equals", "=", "####" or
    "\\boxed" there if that has one, else the whole sentence. Different numbers there are joined by "or", so that they
    equal no answer. The modulus ("mod 23") is none; a number in words is one only right after those words.
    """
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(letter, letter)) for letter in text)
    text = re.sub(rf"mod(?:ul(?:o|us))?\W{{0,3}}{modulus}(?!\d)", "", text, flags=re.IGNORECASE)
    for sentence in reversed(_SENTENCES(text)):
        start = 0
        for marker in _MARKER(sentence):
            start = marker.end()
        numbers = _NUMBER.findall(sentence[start:]) or _NUMBER.findall(sentence)
        if not numbers:
            numbers = [_value(words) for words in _IN_WORDS(sentence)[-1:]]
        if numbers:
            return " or ".join(dict.fromkeys(map(_plain, numbers)))
    return None


def _plain(number: str) -> str:
    """Without sign +, commas of thousands and a fraction of zeros; what is no number stays as it is."""
    if not _NUMBER.fullmatch(number):
        return number
    whole, _, fraction = number.replace(",", "").replace("−", "-").removeprefix("+").partition(".")
    return whole if not fraction.strip("0") else f"{whole}.{fraction}"


def _value(words: str) -> str:
    return str(sum(_VALUES[word] for word in re.split("[- ]", words.lower())))
