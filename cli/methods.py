"""`mistakes methods`: the ways of learning from mistakes."""

from __future__ import annotations


def command() -> None:
    """List the methods: what each is, where it is from, its settings. A config takes one as `data.method.name=NAME`."""
    from igsm.methods.registry import METHODS

    for name, method in METHODS.items():
        fields = {key: field.default for key, field in method.model_fields.items() if key != "name"}
        settings = " ".join(f"{key}={value}" for key, value in fields.items())
        print(f"{name:<15} {method.line}\n{'':<15} {method.source}" + (f"\n{'':<15} {settings}" if settings else ""))
