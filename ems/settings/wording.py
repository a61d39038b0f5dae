"""What a validation finds, in words for the person who wrote the file."""

from __future__ import annotations

from typing import Any

from ems.settings.hints import as_number, or_known
from ems.settings.schema import PROBLEM

BOUNDS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
    "less_than": "less than",
}

PLAIN = {
    "dict_type": "must be entries with values, not {shown}",
    "model_type": "must be keys with values, not {shown}",
    "model_attributes_type": "must be keys with values, not {shown}",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "finite_number": "must be a finite number",
}
"""Kinds of errors whose remedy is what the key is about."""


SHOWN: dict[type, str] = {type(None): "nothing", list: "a list", dict: "entries"}


def in_words(key: str, value: Any, error: Any, about: str) -> tuple[str, str]:
    """Message and remedy of one validation error at `key`; `about` says what belongs there."""
    kind, context = error["type"], error.get("ctx", {})
    shown = SHOWN.get(type(value)) or f"'{str(value)[:40]}'"
    message, remedy = f"{key}: {error['msg'][:100]}", f"{key}: {about}"
    if kind == PROBLEM:
        message, remedy = f"{key}: {context['message']}", context["remedy"]
    elif kind == "missing":
        message, remedy = f"{key} is missing", f"write {key}: {about}"
    elif kind in {"float_type", "int_type", "int_from_float"}:
        number = as_number(value) if isinstance(value, str) else None
        message = f"{key} must be {'a whole number' if kind.startswith('int') else 'a number'}, not {shown}"
        remedy = f"write the number alone: {key}: {number:g}" if number is not None else remedy
    elif kind == "bool_type":
        message, remedy = f"{key} must be true or false, not {shown}", f"write {key}: true or {key}: false"
    elif kind == "string_type":
        message = f"{key} must be text, not {shown}"
        remedy = f'put it into quotes: {key}: "{value}"' if isinstance(value, int | float | bool) else remedy
    elif kind == "enum":
        words = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ",").split(",")]
        message, remedy = f"{key} cannot be {shown}", or_known(str(value), words)
    elif kind in BOUNDS:
        message = f"{key} must be {BOUNDS[kind]} {next(iter(context.values())):g}, not {value}"
    elif kind in PLAIN:
        message = f"{key} {PLAIN[kind].format(shown=shown)}"
    return message, remedy


def unit_of(key: str) -> str:
    """What a number under `key` is in, by the unit in its name."""
    units = {"a": "ampere", "w": "watt", "wh": "watt-hours", "s": "seconds", "v": "volt"}
    unit = units.get(key.rpartition("_")[2])
    return f"a number in {unit}" if unit else "write a value of that kind"
