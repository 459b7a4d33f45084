"""The methods there are. A new one is a file in this folder and a line in this list."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from igsm.config import build_config
from igsm.errors import InputError, suggest
from igsm.methods.method import Method
from igsm.methods.retry import Retry

METHODS: dict[str, type[Method]] = {method.model_fields["name"].default: method for method in (Retry,)}


def _build(value: Any) -> Any:
    """The method that a mapping {name: ..., settings} describes."""
    if isinstance(value, Method):
        return value
    if not isinstance(value, dict) or not isinstance(name := value.get("name"), str):
        raise ValueError(f"must read {{name: NAME, ...}} with one of {', '.join(METHODS)}")
    if name not in METHODS:
        raise ValueError(f"unknown method '{name}'{suggest(name, METHODS)}")
    try:
        return build_config(METHODS[name], value, f"method '{name}'")
    except InputError as error:
        raise ValueError(str(error)) from None


AnyMethod = Annotated[SerializeAsAny[Method], BeforeValidator(_build)]
"""A field of a config that holds one of the methods, by its name."""
