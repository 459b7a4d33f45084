"""Names: chains of categories, groups of item names in each category, and the tables the sampler reads.

A problem draws a chain, a window of its categories, one group a layer and items from it (arXiv 2407.20311,
section 2). The shape of a lexicon file (JSON or YAML)::

    {"chains": [["Zoo", "Enclosure", ...], ...],
     "categories": {"Zoo": {"a group": ["a name", ...], ...}, ...}}
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from igsm.config import load_yaml
from igsm.errors import InputError, suggest

SHIPPED = {name: Path(__file__).parent / "data" / f"lexicon_{name}.json" for name in ("full", "nano")}
MAX_NAMES = 30_000
# What a reader takes for the sentence around a name.
_RESERVED = (".", ";", ",", "?", "=", "\n", " as ", " equals ", " does ", " and each ")

# Bits of `Tables.tangled`.
BEGINS_ALIKE = 1  # equals or begins another name of its chain, or begins with one
ENDS_ALIKE = 2  # equals or ends another item name of its chain, or ends with one
APOSTROPHE = 4  # contains "'s"


class Tables(NamedTuple):
    """A lexicon as arrays, for compiled code. Name n is ``Lexicon.names[n]``; absent entries are -1."""

    chain_length: np.ndarray
    """int16[chain]: number of its categories."""
    chain_category: np.ndarray
    """int16[chain, position]: the category there, which is also its name's number."""
    n_groups: np.ndarray
    """int16[category]."""
    group_first: np.ndarray
    """int16[category, group]: number of the group's first name; the others follow."""
    group_size: np.ndarray
    """int16[category, group]."""
    name_start: np.ndarray
    """int32[name + 1]: name n is ``name_bytes[name_start[n] : name_start[n + 1]]``, in UTF-8."""
    name_bytes: np.ndarray
    """uint8[...]."""
    tangled: np.ndarray
    """uint8[name]: bits BEGINS_ALIKE, ENDS_ALIKE, APOSTROPHE. Among names without any, the text of one
    parameter never contains that of another (see igsm.problems.split)."""


class Lexicon:
    """Checked names. Raises InputError when the shape is wrong or a name would break the wording.

    Args:
        chains: category names, top to bottom, for each chain.
        categories: category -> group -> item names.
        where: the source, for messages.
    """

    def __init__(
        self,
        chains: list[list[str]],
        categories: Mapping[str, Mapping[str, list[str]]],
        where: str = "the lexicon",
    ) -> None:
        self.chains = tuple(tuple(chain) for chain in chains)
        self.groups = {
            category: {group: tuple(names) for group, names in categories[category].items()}
            for category in dict.fromkeys(category for chain in chains for category in chain)
        }
        self.where = where
        self.names: tuple[str, ...] = (
            *self.groups,
            *(name for category in self.groups for name in self._items(category)),
        )
        """Name number -> name: first the categories, then all items, group after group."""
        self._check_names()

    def _check_names(self) -> None:
        if len(self.names) > MAX_NAMES:
            raise InputError(f"{self.where}: {len(self.names)} names; at most {MAX_NAMES} are possible")
        for name in self.names:
            broken = next((text for text in _RESERVED if text in name), None)
            if broken is not None:
                raise InputError(f"{self.where}: the name {name!r} contains {broken!r}, which ends a name")
            if name != " ".join(name.split()) or not name.isprintable() or not name:
                raise InputError(f"{self.where}: the name {name!r} must be words with one space between them")
            if len(name) == 1 or name.isdigit() or "BACK" in name.split():
                raise InputError(f"{self.where}: the name {name!r} would be read as a symbol, a number or BACK")
            if not name[-1].isalnum():
                raise InputError(
                    f"{self.where}: the name {name!r} must end with a letter or a digit: a sign would be "
                    "one token with the full stop behind it"
                )
        for chain in self.chains:
            for category in chain:
                both = set(self._items(category)) & set(chain)
                if both:
                    raise InputError(
                        f"{self.where}: the name {min(both)!r} is a category and an item of '{category}' "
                        "in one chain; a problem could not tell them apart"
                    )
        for category, groups in self.groups.items():
            for group, names in groups.items():
                twice = next((name for name, count in Counter(names).items() if count > 1), None)
                if twice is not None:
                    raise InputError(f"{self.where}: {category}, group '{group}': {twice!r} stands twice")

    def _items(self, category: str) -> list[str]:
        return [name for names in self.groups[category].values() for name in names]

    def check_size(self, depth: int, width: int) -> None:
        """Raise InputError unless every chain has ``depth`` categories and every group ``width`` names."""
        for chain in self.chains:
            if len(chain) < depth:
                raise InputError(
                    f"{self.where}: the chain {' > '.join(chain)} has {len(chain)} categories, "
                    f"but the deepest problem needs {depth}"
                )
        for category, groups in self.groups.items():
            for group, names in groups.items():
                if len(names) < width:
                    raise InputError(
                        f"{self.where}: {category}, group '{group}' has {len(names)} names, "
                        f"but the widest layer needs {width}"
                    )

    @cached_property
    def tables(self) -> Tables:
        """The same as arrays."""
        number = {category: n for n, category in enumerate(self.groups)}
        longest = max(len(chain) for chain in self.chains)
        most = max(len(groups) for groups in self.groups.values())
        chain_category = np.full((len(self.chains), longest), -1, np.int16)
        for n, chain in enumerate(self.chains):
            chain_category[n, : len(chain)] = [number[category] for category in chain]
        group_first = np.full((len(self.groups), most), -1, np.int16)
        group_size = np.full((len(self.groups), most), -1, np.int16)
        first = len(self.groups)
        for n, groups in enumerate(self.groups.values()):
            for g, names in enumerate(groups.values()):
                group_first[n, g], group_size[n, g] = first, len(names)
                first += len(names)
        encoded = [name.encode() for name in self.names]
        tangles = _tangles(self.chains, self._items)
        return Tables(
            chain_length=np.array([len(chain) for chain in self.chains], np.int16),
            chain_category=chain_category,
            n_groups=np.array([len(groups) for groups in self.groups.values()], np.int16),
            group_first=group_first,
            group_size=group_size,
            name_start=np.cumsum([0] + [len(name) for name in encoded]).astype(np.int32),
            name_bytes=np.frombuffer(b"".join(encoded), np.uint8).copy(),
            tangled=np.array([tangles.get(name, 0) for name in self.names], np.uint8),
        )


def _tangles(chains: tuple[tuple[str, ...], ...], items: Callable[[str], list[str]]) -> dict[str, int]:
    """Name -> its bits of `Tables.tangled`, for the names that have any.

    Only items own things, so only they are the first name of a parameter; categories are always the second.
    """
    bits: dict[str, int] = {}
    for chain in chains:
        names = [name for category in chain for name in items(category)]
        for name in _prefix_related([*names, *chain]):
            bits[name] = bits.get(name, 0) | BEGINS_ALIKE
        for name in _prefix_related([name[::-1] for name in names]):
            bits[name[::-1]] = bits.get(name[::-1], 0) | ENDS_ALIKE
        for name in (*names, *chain):
            if "'s" in name:
                bits[name] = bits.get(name, 0) | APOSTROPHE
    return bits


def _prefix_related(names: list[str]) -> set[str]:
    """The names that another one begins with (or equals), and those others."""
    related = set()
    ordered = sorted(names)
    for n, name in enumerate(ordered):
        for other in ordered[n + 1 :]:
            if not other.startswith(name):
                break  # sorted: those that begin with a name follow it directly
            related |= {name, other}
    return related


def _checked_content(content: Any, where: str) -> Lexicon:
    """The lexicon in a file's content, whose shape is checked first."""
    shape = 'must be {"chains": [[category, ...], ...], "categories": {category: {group: [name, ...]}}}'
    if not isinstance(content, dict) or not {"chains", "categories"} <= set(content):
        raise InputError(f"{where}: a lexicon {shape}")
    chains, categories = content["chains"], content["categories"]
    if not _is_list_of(chains, lambda chain: _is_list_of(chain, lambda c: isinstance(c, str)) and len(chain) > 1):
        raise InputError(f"{where}: 'chains' must be a list of lists of at least two category names")
    if not isinstance(categories, dict):
        raise InputError(f"{where}: 'categories' {shape}")
    for chain in chains:
        for category in chain:
            if category not in categories:
                raise InputError(f"{where}: no category '{category}'{suggest(category, categories)}")
            if chain.count(category) > 1:
                raise InputError(f"{where}: category '{category}' stands twice in a chain")
            groups = categories[category]
            if not isinstance(groups, dict) or not groups:
                raise InputError(f"{where}: category '{category}' must be {{group: [name, ...], ...}}")
            for group, names in groups.items():
                if not _is_list_of(names, lambda name: isinstance(name, str)):
                    raise InputError(f"{where}: {category}, group '{group}' must be a list of names")
    return Lexicon(chains, categories, where)


def _is_list_of(value: Any, accept: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(accept(one) for one in value)


@lru_cache
def load_lexicon(name: str) -> Lexicon:
    """The shipped lexicon 'full' or 'nano', or the one in a JSON or YAML file. Raises InputError."""
    path = SHIPPED.get(name, Path(name))
    if name not in SHIPPED and not path.suffix:
        raise InputError(f"unknown lexicon '{name}'{suggest(name, [*SHIPPED, 'a path to a JSON or YAML file'])}")
    if path.suffix != ".json":
        return _checked_content(load_yaml(path), str(path))
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such lexicon file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable lexicon: {' '.join(str(error).split())}") from None
    return _checked_content(content, str(path))
