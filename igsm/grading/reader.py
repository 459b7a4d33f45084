"""A problem's text read back into a `Problem`: structure from its sentences, categories from the lexicon."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from igsm.errors import InputError
from igsm.problems.parameter import Expression, Parameter
from igsm.problems.problem import Problem

MAX_WIDTH = 4  # items of a layer in the problem class
MAX_NAME = 200  # letters of "A's B"; every "'s" in it is a place where it may be divided

_SENTENCE = re.compile(r"The number of each (.+?) equals (.+)").fullmatch
_QUESTION = re.compile(r"How many (.+?) does (.+) have").fullmatch
_NUMBER = re.compile(r"([0-9]{1,6})(?: (more than|times as much as) (.+))?").fullmatch
_LIST = re.compile(r"the (sum|difference) of each (.+)").fullmatch
_AND = re.compile(r", each | and each ")


class IllPosedError(InputError):
    """The problem text itself is wrong; `kind` is one of KINDS."""

    KINDS = (
        "unreadable sentence",
        "unknown name",
        "names do not fit together",
        "number out of range",
        "duplicate definition",
        "missing definition",
        "circular",
        "no question",
        "several questions",
    )

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Lexicon(Protocol):
    """What the reader needs of igsm.problems.lexicon.Lexicon."""

    @property
    def chains(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def groups(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]: ...


class _Reading(NamedTuple):
    """One way to understand "A's B" in one chain of categories: names and positions in the chain."""

    abstract: bool
    level: int
    owner: str
    target_level: int
    owned: str


class _Statement(NamedTuple):
    name: str
    number: int | None
    multiply: bool
    subtract: bool
    inputs: list[str]


class Reader:
    """Reads problems whose names come from one lexicon.

    Args:
        lexicon: chains of categories and the names of each category.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._chains = lexicon.chains
        self._groups = lexicon.groups
        # name -> places (chain, position); the same for categories
        self._items: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._categories: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for c, chain in enumerate(lexicon.chains):
            for level, category in enumerate(chain):
                self._categories[category].add((c, level))
                for names in lexicon.groups[category].values():
                    for name in names:
                        self._items[name].add((c, level))

    def read(self, text: str, modulus: int = 23) -> Problem:
        """The problem that `text` states. Raises IllPosedError. Linear in the length of the text."""
        statements, question, question_first = _parse(text, modulus)
        names = dict.fromkeys(name for s in statements for name in (s.name, *s.inputs))
        owned, owner = question
        asked = f"{owner}'s {owned}"
        mentions = {name: self._readings(name) for name in names}
        mentions[asked] = self._readings(asked, (owner, owned))
        chain = self._choose_chain(mentions)
        layout = self._layout({name: readings[chain] for name, readings in mentions.items()})
        return self._build(chain, layout, statements, asked, question_first, modulus)

    def _readings(self, name: str, parts: tuple[str, str] | None = None) -> dict[int, list[_Reading]]:
        """Chain -> ways to read the name there. Raises IllPosedError when there is none at all."""
        found: dict[int, list[_Reading]] = defaultdict(list)
        for owner, owned in [parts] if parts else _splits(name):
            for chain, level in self._items.get(owner, ()):
                for c, target in self._categories.get(owned, ()):
                    if c == chain and target > level:
                        found[chain].append(_Reading(True, level, owner, target, owned))
                if (chain, level + 1) in self._items.get(owned, ()):
                    found[chain].append(_Reading(False, level, owner, level + 1, owned))
        if not found:
            raise self._unknown(name, parts)
        return found

    def _unknown(self, name: str, parts: tuple[str, str] | None) -> IllPosedError:
        for owner, owned in [parts] if parts else _splits(name):
            if owner in self._items and (owned in self._items or owned in self._categories):
                return IllPosedError("names do not fit together", f"{owner!r} cannot have {owned!r}")
            if owner in self._items:
                return IllPosedError("unknown name", f"{owned!r} is not in the lexicon")
        shown = parts[0] if parts else name
        return IllPosedError("unknown name", f"{shown[:100]!r} is not in the lexicon")

    def _choose_chain(self, mentions: Mapping[str, Mapping[int, object]]) -> int:
        votes = Counter(chain for readings in mentions.values() for chain in readings)
        chain, count = min(votes.items(), key=lambda vote: (-vote[1], vote[0]))
        if count < len(mentions):
            other = next(name for name, readings in mentions.items() if chain not in readings)
            top = self._chains[chain][0]
            raise IllPosedError("names do not fit together", f"{other!r} does not belong to the chain of {top}")
        return chain

    def _layout(self, readings: Mapping[str, list[_Reading]]) -> dict[str, _Reading]:
        """One reading for each name; of several, the one whose items stand elsewhere in the problem too."""
        seen = {
            place
            for choices in readings.values()
            if len(choices) == 1
            for place in ((choices[0].level, choices[0].owner), (choices[0].target_level, choices[0].owned))
        }
        return {
            name: max(choices, key=lambda r: ((r.level, r.owner) in seen) + ((r.target_level, r.owned) in seen))
            for name, choices in readings.items()
        }

    def _build(
        self,
        chain: int,
        layout: Mapping[str, _Reading],
        statements: list[_Statement],
        asked: str,
        question_first: bool,
        modulus: int,
    ) -> Problem:
        first = min(reading.level for reading in layout.values())
        last = max(reading.target_level for reading in layout.values())
        items: list[dict[str, int]] = [{} for _ in range(first, last + 1)]
        for reading in layout.values():
            layer = items[reading.level - first]
            layer.setdefault(reading.owner, len(layer))
            if not reading.abstract:
                layer = items[reading.target_level - first]
                layer.setdefault(reading.owned, len(layer))
        parameters = {
            name: Parameter(
                reading.abstract,
                reading.level - first,
                items[reading.level - first][reading.owner],
                (
                    reading.target_level - first
                    if reading.abstract
                    else items[reading.target_level - first][reading.owned]
                ),
            )
            for name, reading in layout.items()
        }
        expressions: dict[Parameter, Expression] = {}
        for name, number, multiply, subtract, inputs in statements:
            parameter = parameters[name]
            if parameter.abstract:
                raise IllPosedError("duplicate definition", f"{name} follows from other sentences; it has one too")
            if parameter in expressions:
                raise IllPosedError("duplicate definition", f"{name} has two sentences")
            expressions[parameter] = Expression(
                tuple(parameters[given] for given in inputs), number, multiply, subtract
            )
        for name, parameter in parameters.items():
            if not parameter.abstract and parameter not in expressions:
                raise IllPosedError("missing definition", f"no sentence says what {name} equals")
        problem = Problem(
            self._chains[chain][first : last + 1],
            [list(layer) for layer in items],
            expressions,
            parameters[asked],
            question_first=question_first,
            modulus=modulus,
            hidden_items=self._hidden(self._chains[chain][first], items[0]),
        )
        try:
            _ = problem.order
        except InputError as error:
            raise IllPosedError("circular", str(error)) from None
        return problem

    def _hidden(self, category: str, shown: Mapping[str, int]) -> set[str]:
        """Further names of the shown items' group, unless the layer is full."""
        if len(shown) >= MAX_WIDTH:
            return set()
        groups = [set(names) for names in self._groups[category].values() if shown.keys() <= set(names)]
        return set().union(*groups) - shown.keys()


def read_problem(text: str, lexicon: Lexicon, modulus: int = 23) -> Problem:
    """The problem that `text` states in the names of `lexicon`. Raises IllPosedError saying what is wrong.

    To read many, keep a `Reader`.
    """
    return Reader(lexicon).read(text, modulus)


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Every way to read "A's B"; names may contain "'s" themselves."""
    at = name.find("'s ")
    while at >= 0:
        yield name[:at], name[at + 3 :]
        at = name.find("'s ", at + 1)


def _parse(text: str, modulus: int) -> tuple[list[_Statement], tuple[str, str], bool]:
    """Sentences, the question's (owned, owner), and whether it came first."""
    text = " ".join(text.split())
    statements: list[_Statement] = []
    questions: list[tuple[str, str]] = []
    question_first = False
    for part in text.replace("?", "?. ").removesuffix(". ").removesuffix(".").split(". "):
        sentence = part.strip()
        if sentence.startswith("How many "):
            asked = sentence.removesuffix("?")
            # Without " have" at its end the pattern would look for it behind every " does ".
            match = _QUESTION(asked) if asked.endswith(" have") else None
            if match is None or max(len(match[1]), len(match[2])) > MAX_NAME:
                raise IllPosedError("unreadable sentence", f"{sentence[:100]!r}")
            question_first = not statements
            questions.append((match[1], match[2]))
        elif sentence:
            statements.append(_parse_statement(sentence, modulus))
    if not questions:
        raise IllPosedError("no question", 'expected "How many B does A have?"')
    if len(questions) > 1:
        raise IllPosedError("several questions", f"{len(questions)} sentences ask for a number")
    return statements, questions[0], question_first


def _parse_statement(sentence: str, modulus: int) -> _Statement:
    unreadable = IllPosedError("unreadable sentence", f"{sentence[:100]!r}")
    match = _SENTENCE(sentence)
    if match is None:
        raise unreadable
    name, rest = match.groups()
    if len(name) > MAX_NAME:
        raise unreadable
    number, multiply = None, False
    found = _NUMBER(rest)
    if found is not None:
        number, multiply = int(found[1]), found[2] == "times as much as"
        if number >= modulus:
            raise IllPosedError("number out of range", f"{number} in {sentence[:100]!r}; the modulus is {modulus}")
        if found[3] is None:
            return _Statement(name, number, False, False, [])
        rest = found[3]
    listed = _LIST(rest)
    if listed is None:
        if not rest.startswith("each "):
            raise unreadable
        inputs, subtract = [rest[5:]], False
    else:
        inputs, subtract = _AND.split(listed[2]), listed[1] == "difference"
    if (listed is not None and len(inputs) < 2) or (subtract and len(inputs) != 2):
        raise unreadable
    if not all(0 < len(given) <= MAX_NAME for given in inputs):
        raise unreadable
    return _Statement(name, number, multiply, subtract, inputs)
