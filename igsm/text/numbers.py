"""Numbers in a line of arithmetic: which it needs, which it makes, and the same line with a wrong result."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from igsm.text.record import Span

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
_MARK = re.compile(r"<<([^<>=]*)=([^<>]*)>>")
"""GSM8K's: <<48/2=24>>."""
_WORD = re.compile(r"[a-z]+")
_WORDS = {
    "one": "1", "once": "1", "single": "1", "two": "2", "twice": "2", "double": "2", "half": "2", "pair": "2",
    "couple": "2", "both": "2", "three": "3", "triple": "3", "thrice": "3", "third": "3", "thirds": "3", "four": "4",
    "quarter": "4", "quarters": "4", "fourth": "4", "five": "5", "fifth": "5", "six": "6", "sixth": "6", "seven": "7",
    "week": "7", "weeks": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "dozen": "12",
    "year": "12", "years": "12", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hour": "60",
    "hours": "60", "minute": "60", "minutes": "60", "percent": "100", "hundred": "100", "thousand": "1000",
}  # fmt: skip
"""A text that has the word gives the number."""
_AFTER_EQUALS = re.compile(rf"=\s*\\?\$?\s*({_NUMBER.pattern})")
_CHANGES = (1, -1, 2, -2, 10, -10)
"""In units of the last decimal place."""


class Arithmetic(NamedTuple):
    """Numbers of a line, in a form that makes 1,200.50 and 1200.5 the same."""

    needs: frozenset[str]
    """Operands that the line does not make itself."""
    makes: frozenset[str]
    """Results; of a line without any calculation, all its numbers."""
    all: frozenset[str]


class Changed(NamedTuple):
    """A line with a wrong result."""

    text: str
    wrong: tuple[Span, ...]
    """Where the wrong number stands in it."""


def numbers_of(text: str) -> frozenset[str]:
    """The numbers in a text, written in digits or words (twice: 2)."""
    words = (_WORDS[word] for word in _WORD.findall(text.lower()) if word in _WORDS)
    return frozenset((*_digits(text), *words))


def arithmetic(line: str) -> Arithmetic:
    """What a line needs and makes: by its marks <<a op b = c>>, else by its equals signs."""
    needs: set[str] = set()
    makes: set[str] = set()
    calculations = list(_calculations(line))
    for left, result in calculations:
        needs.update(number for number in _digits(left) if number not in makes)
        makes.update(_digits(result))
    every = frozenset(_digits(line))
    return Arithmetic(frozenset(needs), frozenset(makes), every) if calculations else Arithmetic(every, every, every)


def wrong_results(line: str) -> list[Changed]:
    """The line with its last result changed, in each of the ways in which it can be; none without a result."""
    found = list(_MARK.finditer(line))
    spans: list[Span] = []
    if found:
        mark = found[-1]
        if _NUMBER.fullmatch(mark[2].strip()):
            result = mark[2].strip()
            first = mark.start(2) + mark[2].index(result)
            spans.append(Span(first, first + len(result)))
            again = _NUMBER.match(line, mark.end())
            if again and _plain(again[0]) == _plain(result):
                spans.append(Span(*again.span()))
    elif equals := list(_AFTER_EQUALS.finditer(line)):
        spans.append(Span(*equals[-1].span(1)))
    if not spans:
        return []
    values = (_changed(line[spans[0].start : spans[0].end], change) for change in _CHANGES)
    return [_with_value(line, spans, value) for value in values if value is not None]


def _calculations(line: str) -> Iterator[tuple[str, str]]:
    if "<<" in line:
        yield from _MARK.findall(line)
    elif "=" in line:
        parts = line.split("=")
        for left, right in zip(parts, parts[1:], strict=False):
            if number := _NUMBER.search(right):
                yield left, number[0]


def _digits(text: str) -> list[str]:
    return [_plain(number) for number in _NUMBER.findall(text)]


def _plain(number: str) -> str:
    number = number.replace(",", "")
    if "." in number:
        number = number.rstrip("0").rstrip(".") or "0"
    whole, point, rest = number.partition(".")
    return (whole.lstrip("0") or "0") + point + rest


def _changed(number: str, change: int) -> str | None:
    """Another number with as many decimal places; None below zero."""
    value = Decimal(number.replace(",", ""))
    other = value + Decimal((0, (1,), int(value.as_tuple().exponent))) * change
    if other < 0:
        return None
    return f"{other:,f}" if "," in number else f"{other:f}"


def _with_value(line: str, spans: list[Span], value: str) -> Changed:
    parts: list[str] = []
    wrong: list[Span] = []
    done = length = 0
    for start, end in spans:
        parts += [line[done:start], value]
        length += start - done
        wrong.append(Span(length, length + len(value)))
        length += len(value)
        done = end
    return Changed("".join([*parts, line[done:]]), tuple(wrong))
