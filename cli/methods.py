"""`mistakes methods`: the ways of learning from mistakes."""

from __future__ import annotations

import json
from textwrap import fill

from cli.terminal import Json, print_json

WIDTH = 80


def command(as_json: Json = False) -> None:
    """List the methods: what each is, where it is from, its settings. A config takes one as `data.method.name=NAME`."""
    from igsm.methods.registry import METHODS

    def settings(name: str) -> dict[str, object]:
        return {key: field.default for key, field in METHODS[name].model_fields.items() if key != "name"}

    if as_json:
        print_json(
            [
                {"name": name, "line": method.line, "source": method.source, "settings": settings(name)}
                for name, method in METHODS.items()
            ]
        )
        return
    indent = " " * 16
    for name, method in METHODS.items():
        shown = " ".join(f"{key}={_typed(value)}" for key, value in settings(name).items())
        for part, first in ((method.line, f"{name:<15} "), (method.source, indent), (shown, indent)):
            if part:
                print(fill(part, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False))


def _typed(value: object) -> str:
    """As one would write it behind `data.method.KEY=`."""
    return json.dumps(value, separators=(",", ":")).replace('"', "")
