"""Names: the shipped lexicons keep the wording unambiguous, and a broken file is refused with one clear line."""

from __future__ import annotations

import copy
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from igsm.errors import InputError
from igsm.problems.difficulty import DIFFICULTIES
from igsm.problems.lexicon import APOSTROPHE, BEGINS_ALIKE, ENDS_ALIKE, Lexicon, load_lexicon

SMALL = {
    "chains": [["Zoo", "Animal"]],
    "categories": {
        "Zoo": {"old": ["North Park", "South Park", "East Park"]},
        "Animal": {"big": ["Lion", "Bear", "Elk"]},
    },
}


def _load(tmp_path: Path, content: object) -> Lexicon:
    path = tmp_path / f"names{len(list(tmp_path.iterdir()))}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return load_lexicon(str(path))


def test_full_lexicon_has_the_published_shape() -> None:
    """A group too few would change the law of names."""
    lexicon = load_lexicon("full")
    assert [len(chain) for chain in lexicon.chains] == [4] * 4
    assert len(lexicon.groups) == 16
    assert all(len(groups) == 5 for groups in lexicon.groups.values())
    assert all(len(names) == 20 for groups in lexicon.groups.values() for names in groups.values())


@pytest.mark.parametrize("name", ["full", "nano"])
def test_shipped_names_leave_no_residue(name: str) -> None:
    """A name inside another, a digit or a lone letter would make template hashes depend on names."""
    lexicon = load_lexicon(name)
    assert not lexicon.tables.tangled.any()
    for word in lexicon.names:
        assert not re.search(r"[^A-Za-z ]|(?:^| )[A-Za-z](?: |$)|\b(as|each|BACK)\b", word), word
    for chain in lexicon.chains:
        names = [n for category in chain for group in lexicon.groups[category].values() for n in group]
        assert len(names + list(chain)) == len({*names, *chain})


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_shipped_names_suffice_for_every_difficulty(difficulty: str) -> None:
    """A preset whose lexicon is too small would fail at the first wide problem."""
    law = DIFFICULTIES[difficulty]
    load_lexicon(law.lexicon).check_size(law.depths[-1], law.widths[-1])


def test_tables_say_the_same_as_the_lexicon() -> None:
    """An offset wrong by one would give items of another group."""
    lexicon = load_lexicon("full")
    tables = lexicon.tables
    for c, chain in enumerate(lexicon.chains):
        assert [lexicon.names[n] for n in tables.chain_category[c, : tables.chain_length[c]]] == list(chain)
    for n, category in enumerate(lexicon.groups):
        groups = list(lexicon.groups[category].values())
        assert tables.n_groups[n] == len(groups)
        for g, names in enumerate(groups):
            first, size = tables.group_first[n, g], tables.group_size[n, g]
            assert lexicon.names[first : first + size] == names
    starts = tables.name_start
    for n, name in enumerate(lexicon.names):
        assert bytes(tables.name_bytes[starts[n] : starts[n + 1]]).decode() == name


def test_tangled_names_are_found() -> None:
    """A clash that is not flagged would send a problem down the fast path to a wrong hash."""
    names = ["Mart", "H Mart", "Marten", "Sam's Club", "Deer", "Deer Park", "Bear"]
    lexicon = Lexicon([["Zoo", "Deer Herd"]], {"Zoo": {"a": names[:4]}, "Deer Herd": {"b": names[4:]}})
    given = dict(zip(lexicon.names, lexicon.tables.tangled, strict=True))
    all_names = [*names, "Zoo", "Deer Herd"]
    for name in all_names:
        others = [other for other in all_names if other != name]
        begins = any(o.startswith(name) or name.startswith(o) for o in others)
        items = [other for other in names if other != name]
        ends = name in names and any(o.endswith(name) or name.endswith(o) for o in items)
        bits = BEGINS_ALIKE * begins | ENDS_ALIKE * ends | APOSTROPHE * ("'s" in name)
        assert given[name] == bits, name


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_lexicon_may_begin_with_a_byte_order_mark(tmp_path: Path, suffix: str) -> None:
    """Guards names saved by a Windows editor, refused as no JSON."""
    path = tmp_path / f"names.{suffix}"
    path.write_text(json.dumps(SMALL), encoding="utf-8-sig")
    assert load_lexicon(str(path)).chains == (("Zoo", "Animal"),)


def test_yaml_lexicon(tmp_path: Path) -> None:
    """People write names in YAML as well."""
    path = tmp_path / "names.yaml"
    path.write_text("chains: [[Zoo, Animal]]\ncategories:\n  Zoo: {a: [North Park]}\n  Animal: {b: [Lion, Bear]}\n")
    assert load_lexicon(str(path)).names == ("Zoo", "Animal", "North Park", "Lion", "Bear")


def _with(path: tuple[str, ...], value: object) -> dict:
    content = copy.deepcopy(SMALL)
    place: dict = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a readable lexicon"),
        ([], "a lexicon must be"),
        ({"chains": [["Zoo", "Animal"]]}, "a lexicon must be"),
        (_with(("chains",), [["Zoo"]]), "at least two category names"),
        (_with(("chains",), [["Zoo", "Animals"]]), "did you mean 'Animal'"),
        (_with(("chains",), [["Zoo", "Zoo"]]), "stands twice"),
        (_with(("categories", "Zoo"), ["North Park"]), "must be {group"),
        (_with(("categories", "Zoo", "old"), ["North Park", 3]), "must be a list of names"),
        (_with(("categories", "Zoo", "old"), ["North Park", "North Park"]), "stands twice"),
        (_with(("categories", "Zoo", "old"), ["St. Mary", "B C"]), "contains '.'"),
        (_with(("categories", "Zoo", "old"), ["Same as Ever", "B C"]), "contains ' as '"),
        (_with(("categories", "Zoo", "old"), ["Two  Spaces", "B C"]), "one space between"),
        (_with(("categories", "Zoo", "old"), ["x", "B C"]), "read as a symbol"),
        (_with(("categories", "Zoo", "old"), ["17", "B C"]), "read as a symbol"),
        (_with(("categories", "Zoo", "old"), ["BACK Street", "B C"]), "or BACK"),
        (_with(("categories", "Zoo", "old"), ["Yahoo!", "B C"]), "end with a letter"),
        (_with(("categories", "Animal", "big"), ["Animal", "Lion"]), "is a category and an item"),
    ],
)
def test_broken_lexicon_is_refused(tmp_path: Path, content: object, message: str) -> None:
    """Each of these would give texts that no reader can take apart, or a crash far away."""
    with pytest.raises(InputError, match=re.escape(message)) as error:
        _load(tmp_path, content)
    assert "\n" not in str(error.value)


def test_too_small_lexicon_is_refused(tmp_path: Path) -> None:
    """The widest layer needs as many distinct names, the deepest problem as many categories."""
    lexicon = _load(tmp_path, SMALL)
    lexicon.check_size(2, 3)
    with pytest.raises(InputError, match="has 3 names, but the widest layer needs 4"):
        lexicon.check_size(2, 4)
    with pytest.raises(InputError, match="has 2 categories, but the deepest problem needs 3"):
        lexicon.check_size(3, 3)


@pytest.mark.parametrize("name", ["ful", "no/such/file.json", "no/such/file.yaml"])
def test_unknown_lexicon(name: str) -> None:
    """A mistyped name must not be a traceback."""
    with pytest.raises(InputError):
        load_lexicon(name)


def test_authors_lexicon_loads(reference: Path) -> None:
    """Comparisons with the authors' data need their names, apostrophes, digits and repeats included."""
    lexicon = load_lexicon(str(reference / "lexicon_official.json"))
    lexicon.check_size(4, 4)
    assert lexicon.tables.tangled.any()
    authors = {n for groups in lexicon.groups.values() for names in groups.values() for n in names}
    own = [n for groups in load_lexicon("full").groups.values() for n in itertools.chain(*groups.values())]
    assert np.mean([name in authors for name in own]) < 0.15
