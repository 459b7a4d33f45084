"""The methods there are. A new one is a file in this folder and a line in this list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny

from igsm.config import build_config
from igsm.errors import InputError, suggest
from igsm.methods.correct import Correct
from igsm.methods.fix import Fix
from igsm.methods.hindsight import Hindsight
from igsm.methods.in_context import InContext
from igsm.methods.masked_thought import MaskedThought
from igsm.methods.method import Method
from igsm.methods.restart import Restart
from igsm.methods.retry import Retry
from igsm.methods.tagged import Tagged
from igsm.methods.turns import Turns
from igsm.methods.unlikelihood import Unlikelihood

_METHODS = (
    *(Retry, Fix, Restart, Correct, Tagged, Hindsight, Turns, InContext),
    *(MaskedThought, Unlikelihood),
)
METHODS: dict[str, type[Method]] = {method.model_fields["name"].default: method for method in _METHODS}


def make_method(settings: Mapping[str, Any]) -> Method:
    """The method that {name: NAME, ...} describes. InputError for an unknown name or setting."""
    name = settings.get("name")
    if not isinstance(name, str):
        raise InputError(f"must read {{name: NAME, ...}} with one of {', '.join(METHODS)}")
    if name not in METHODS:
        raise InputError(f"unknown method '{name}'{suggest(name, METHODS)}")
    return build_config(METHODS[name], dict(settings), f"method '{name}'")


def _check(value: Any) -> Method:
    if isinstance(value, Method):
        return value
    try:
        return make_method(value if isinstance(value, Mapping) else {})
    except InputError as error:
        raise ValueError(str(error)) from None


AnyMethod = Annotated[SerializeAsAny[Method], BeforeValidator(_check)]
"""A field of a config that holds one of the methods, by its name."""
