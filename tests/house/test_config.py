"""Typed configuration: guards against silent typos and YAML 1.1's surprises (habits, trap 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from igsm.config import Config, apply_overrides, build_config, differences, dump_yaml, load_config, load_preset
from igsm.errors import InputError, suggest
from igsm.training.config import PretrainConfig


class Section(Config):
    rate: float = 0.5
    name: str = "a"


class Root(Config):
    section: Section = Section()
    optional: Section | None = None
    steps: int = 3


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_yaml_1_1_surprises_are_gone(tmp_path: Path) -> None:
    path = write(tmp_path, "section:\n  rate: 1e-3\n  name: no\nsteps: 1_000\n")
    config = load_config(Root, path)
    assert config == Root(section=Section(rate=0.001, name="no"), steps=1000)


@pytest.mark.parametrize("value", ["{{x}}", "2024-13-01"])
def test_yaml_that_is_no_value_is_one_clear_line(value: str) -> None:
    """Guards tracebacks: PyYAML raises TypeError and ValueError, too."""
    with pytest.raises(InputError, match="not valid YAML"):
        apply_overrides({}, [f"steps={value}"])


def test_overrides_win_over_the_file_and_reach_into_sections(tmp_path: Path) -> None:
    path = write(tmp_path, "steps: 5\n")
    config = load_config(Root, path, ["steps=7", "section.rate=2.5e-1", "optional.name=b"])
    assert config == Root(section=Section(rate=0.25), optional=Section(name="b"), steps=7)


def test_a_preset_may_change_another(tmp_path: Path) -> None:
    """Guards: a dozen presets that copy one, and go on with its former recipe."""
    (tmp_path / "base.yaml").write_text("a: 1\nsection: {b: 2, c: 3}\nmade: {name: x}\n")
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "own.yaml"
    path.write_text("base: ../base.yaml\nsection: {c: 4}\nmade: null\n")
    assert load_preset(path) == {"a": 1, "section": {"b": 2, "c": 4}, "made": None}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("3", "base must be the path of a YAML file, not 3"),
        ("other.yaml", "other.yaml: no such file"),
        ("chain.yaml", "chain.yaml has a base itself"),
    ],
)
def test_a_bad_base_is_one_clear_line(tmp_path: Path, base: str, expected: str) -> None:
    (tmp_path / "chain.yaml").write_text("base: own.yaml\n")
    (tmp_path / "own.yaml").write_text(f"base: {base}\n")
    with pytest.raises(InputError, match=expected) as caught:
        load_preset(tmp_path / "own.yaml")
    assert "\n" not in str(caught.value)


def test_overrides_do_not_write_into_their_input() -> None:
    content = {"section": {"rate": 0.1}}
    apply_overrides(content, ["section.rate=0.9"])
    assert content == {"section": {"rate": 0.1}}


def test_dumped_config_reads_back_the_same(tmp_path: Path) -> None:
    config = Root(section=Section(rate=1e-7, name="no: 1"), steps=4)
    assert load_config(Root, write(tmp_path, dump_yaml(config))) == config


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("section:\n  rte: 1.0\n", [], "unknown key 'section.rte'; did you mean 'rate'?"),
        ("", ["optional.nme=b"], "unknown key 'optional.nme'; did you mean 'name'?"),
        ("steps: 1.5\n", [], "steps: Input should be a valid integer"),
        ("steps: '3'\n", [], "steps: Input should be a valid integer"),
        ("section:\n  rate: .inf\n", [], "section.rate"),
        ("steps: 1\nsteps: 2\n", [], "key 'steps' stands twice"),
        ("steps: [1\n", [], "not valid YAML"),
        ("- 1\n", [], "the top level must be"),
        ("", ["steps"], "an override reads section.key=value"),
        ("", ["steps.more=1"], "unknown key|valid integer"),
        ("steps: 1\n", ["steps.more=1"], "'steps' is a value, not a section"),
    ],
)
def test_bad_config_is_one_clear_line(tmp_path: Path, text: str, overrides: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=expected.replace("?", r"\?")) as caught:
        load_config(Root, write(tmp_path, text), overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("lr", "training.learning_rate"),
        ("steps", "training.steps"),
        ("batch_size", "training.batch"),
        ("training.max_steps", "training.steps"),
        ("n_layers", "model.layers"),
        ("retry_rate", "data.mistakes.rate"),
    ],
)
def test_a_setting_under_the_name_that_others_give_it(word: str, meant: str) -> None:
    """Guards: a list of the sections, where one word was meant."""
    content = {"data": {}, "model": {"layers": 1, "heads": 1}, "training": {"steps": 9, "batch": 1}}
    with pytest.raises(InputError, match=f"unknown key '{word}'; did you mean '{meant}'"):
        build_config(PretrainConfig, apply_overrides(content, [f"{word}=3"]), "here")


@pytest.mark.parametrize(("word", "meant"), [("retries", "retry"), ("retrys", "retry"), ("retri", "retry")])
def test_a_plural_means_its_word(word: str, meant: str) -> None:
    """Guards: retry_miss for retries."""
    assert suggest(word, ["none", "retry", "retry_weak", "retry_miss"]) == f"; did you mean '{meant}'?"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere.yaml: no such file"):
        load_config(Root, tmp_path / "nowhere.yaml")


def test_differences_have_full_names_and_say_which_place_knows_a_setting() -> None:
    """Guards a setting that one place lacks, or that is null, or a section in one place and a value in the other."""
    there = {"steps": 3, "section": {"rate": 0.5, "name": "a"}, "optional": None, "old": 1, "null": None}
    here = {"section": {"rate": 0.5, "name": "b"}, "optional": {"rate": 0.1}, "steps": 3, "new": 0, "null": 0}
    assert [tuple(one) for one in differences(there, here)] == [
        ("section.name", "a", "b", True, True),
        ("optional", None, {"rate": 0.1}, True, True),
        ("old", 1, None, True, False),
        ("null", None, 0, True, True),
        ("new", None, 0, False, True),
    ]
    assert [one.name for one in differences(there, here) if one.newer_and_off] == ["new"]
    assert not list(differences(there, there))
