"""`mistakes methods`: the ways of learning from mistakes."""

from __future__ import annotations

from cli.terminal import Json, print_json


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
    for name, method in METHODS.items():
        shown = " ".join(f"{key}={value}" for key, value in settings(name).items())
        print(f"{name:<15} {method.line}\n{'':<15} {method.source}" + (f"\n{'':<15} {shown}" if shown else ""))
