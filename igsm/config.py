"""Typed configuration: YAML over defaults, ``section.key=value`` over YAML, everything checked.

Each room declares its own settings as subclasses of :class:`Config` beside the code they configure. Unknown
keys, wrong types and values out of range raise :class:`~igsm.errors.InputError` with the key's full path.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pydantic
import yaml

from igsm.errors import InputError, suggest
from igsm.former_keys import moved_to, upgraded


class Config(pydantic.BaseModel):
    """Base of every settings class: strict types, unknown keys forbidden, immutable."""

    model_config = pydantic.ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True
    )


AnyConfig = TypeVar("AnyConfig", bound=Config)


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: 1e-3 is a number, ``no`` and ``on`` are words, a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads `no` as False and `1e-3` as a string; replace those two rules by YAML 1.2's.
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, rule) for tag, rule in rules if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+)$"
    ),
    list("-+0123456789."),
)


def _parse_yaml(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, TypeError, ValueError) as error:  # `{{x}}` has no hash, 2024-13-01 is no date
        raise InputError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    content = _parse_yaml(text, str(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: the top level must be 'key: value' lines, not {type(content).__name__}")
    return content


def load_preset(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of settings that may name another, `base`, whose settings it changes; relative to its folder."""
    content = load_yaml(path)
    if "base" not in content:
        return content
    base = content.pop("base")
    if not isinstance(base, str):
        raise InputError(f"{path}: base must be the path of a YAML file, not {base!r}")
    below = load_yaml(Path(path).parent / base)
    if "base" in below:
        raise InputError(f"{path}: base {base} has a base itself; name that of the two whose settings you want")
    return _laid_over(below, content)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        deeper = isinstance(value, dict) and isinstance(below.get(key), dict)
        both[key] = _laid_over(below[key], value) if deeper else value
    return both


def apply_overrides(content: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    """Return ``content`` with each ``section.key=value`` (value read as YAML) written over it."""
    merged = _copy(content)
    for override in overrides:
        name, equals, text = override.partition("=")
        if not equals or not name:
            raise InputError(f"'{override}': an override reads section.key=value")
        *sections, key = name.strip().split(".")
        place = merged
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise InputError(f"'{override}': '{section}' is a value, not a section")
        place[key] = _parse_yaml(text, f"'{override}'")
    return merged


def _copy(content: dict[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in content.items()}


def build_config(cls: type[AnyConfig], content: dict[str, Any], where: str) -> AnyConfig:
    """Check ``content`` against ``cls``; ``where`` names its source in the message."""
    try:
        return cls.model_validate(content)
    except pydantic.ValidationError as error:
        # Unknown keys first, what is missing last: what is wrong or missing may be misspelt or moved.
        order = {"extra_forbidden": 0, "missing": 2}
        first = min(error.errors(), key=lambda one: order.get(one["type"], 1))
        path = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            if (now := moved_to(path)) in set(_paths(cls)):
                raise InputError(f"{where}: {path} is now {now}") from None
            word = str(first["loc"][-1])
            word = _SYNONYMS.get(word, word)
            elsewhere = [name for name in _paths(cls) if word in _called(name)]
            siblings = _fields(cls, first["loc"][:-1])
            hint = f"; did you mean '{elsewhere[0]}'?" if elsewhere else suggest(word, siblings)
            raise InputError(f"{where}: unknown key '{path}'{hint}") from None
        message = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] in ("missing", "value_error") else f", not {first['input']!r}"
        raise InputError(f"{where}: {path + ': ' if path else ''}{message}{given}") from None


def _fields(cls: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that ``cls`` knows at ``location``; follows optional and union types."""
    for part in location:
        cls = _section(cls, part)
    return list(getattr(cls, "model_fields", {}))


def _section(cls: Any, key: int | str) -> Any:
    """The settings class of a key of ``cls``, None if it is none."""
    field = getattr(cls, "model_fields", {}).get(key)
    inner = field.annotation if field is not None else None
    if typing.get_origin(inner) in (typing.Union, types.UnionType):
        inner = next((one for one in typing.get_args(inner) if hasattr(one, "model_fields")), None)
    return inner


def _paths(cls: Any) -> Iterator[str]:
    """All keys below ``cls``, with their sections: "training.steps"."""
    for key in getattr(cls, "model_fields", {}):
        yield key
        yield from (f"{key}.{name}" for name in _paths(_section(cls, key)))


_SYNONYMS_OF = {
    "steps": ("max_steps", "num_steps", "n_steps", "iterations", "max_iters", "train_steps", "epochs"),
    "batch": ("batch_size", "bs", "global_batch_size"),
    "micro_batch": ("micro_batch_size", "per_device_train_batch_size"),
    "learning_rate": ("max_lr", "step_size"),
    "warmup_steps": ("warmup", "warmup_iters"),
    "gradient_clip": ("grad_clip", "clip", "max_grad_norm", "clip_grad"),
    "schedule": ("scheduler", "lr_schedule", "lr_scheduler"),
    "layers": ("n_layer", "n_layers", "num_layers", "depth"),
    "heads": ("n_head", "n_heads", "num_heads"),
    "head_size": ("head_dim", "d_head"),
    "context": ("context_length", "seq_len", "block_size", "sequence_length", "max_length"),
    "vocabulary_size": ("vocab_size",),
    "rate": ("retry_rate", "mistake_rate"),
}
_SYNONYMS = {other: name for name, others in _SYNONYMS_OF.items() for other in others}
"""What other programs call a setting -> its name here."""


def _called(path: str) -> tuple[str, str]:
    """What a person may call a key: its name alone, or its initials ("lr")."""
    name = path.rpartition(".")[2]
    words = name.split("_")
    return name, "".join(word[:1] for word in words) if len(words) > 1 else name


def load_config(cls: type[AnyConfig], path: str | Path, overrides: list[str] | None = None) -> AnyConfig:
    """Read ``path``, apply the overrides and check the result against ``cls``."""
    return build_config(cls, apply_overrides(load_preset(path), overrides or []), str(path))


def load_stored(path: str | Path) -> dict[str, Any]:
    """The resolved config that a run has stored (:func:`dump_yaml`), with today's keys if its version had others."""
    return upgraded(load_yaml(path))


def load_settings(cls: type[Config], path: str | Path) -> dict[str, Any]:
    """All settings that a stored config stands for: options that are newer than it have their defaults.

    As they stand in the file, where they are no settings of ``cls``.
    """
    content = load_stored(path)
    try:
        return build_config(cls, content, str(path)).model_dump(mode="json")
    except InputError:
        return content


def dump_yaml(config: Config) -> str:
    """The resolved config as YAML, keys in the order of declaration; :func:`load_config` reads it back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)


class Difference(NamedTuple):
    """A setting that two places have another value of; None where a place lacks it."""

    name: str
    """With its sections: "training.steps"."""
    there: Any
    here: Any
    known_there: bool
    known_here: bool

    @property
    def newer_and_off(self) -> bool:
        """Whether it is an option that `there` does not know yet and that is off here: no difference in effect."""
        return not self.known_there and not self.here


def differences(there: Mapping[str, Any], here: Mapping[str, Any], section: str = "") -> Iterator[Difference]:
    """The settings that differ between two nested mappings, those of `there` first.

    For a run that is resumed, a run that a sweep finds, a corpus that is read: which differences count, and how they
    are told, is theirs to say.
    """
    for key in {**there, **here}:
        old, new = there.get(key), here.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{section}{key}.")
        elif old != new:
            yield Difference(f"{section}{key}", old, new, key in there, key in here)
