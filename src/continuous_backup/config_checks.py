"""What can be wrong with a key of the configuration, in words for the person who wrote it."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import Field
from typing import Any

_MORE_THAN_THE_VALUE = re.compile(r"\s(//|#|/\*)|,\s*$")
_PLACEHOLDER = re.compile(r"<[^<>]+>")


def unknown_key(name: str, known: list[str]) -> str:
    """That there is no such key, with the nearest that there is."""
    lowered = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    guess = f"; did you mean {lowered[near[0]]}?" if near else ""
    return f"{name}: there is no such key{guess}"


def from_text(its: "Field[Any]", text: str) -> Any:
    """An environment variable's text as the key's own type; what does not convert is left to the check."""
    if isinstance(its.default, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if isinstance(its.default, int):
        return int(text) if re.fullmatch(r"-?\d+", text.strip()) else text
    return text


def checked(its: "Field[Any]", value: Any) -> tuple[Any, str]:
    """(value, "") or (anything, what is wrong with it)."""
    about = its.metadata
    name = about["name"]
    if value is None:
        return None, f"{name}: it has no value; leave the key out to have the default"
    if isinstance(value, str) and (found := _PLACEHOLDER.search(value)) and name != "tableNameMatchRegex":
        return (
            None,
            f"{name}: the placeholder {found.group()} is still there; put your own value in its place",
        )
    if isinstance(value, str) and _MORE_THAN_THE_VALUE.search(value):
        return None, (
            f"{name}: {described(value)} ends in what looks like a comment or a comma; a text without quotes "
            "goes on to the end of its line, so put quotes around it"
        )
    wanted = type(its.default)
    if type(value) is not wanted:
        words = {str: "a text", int: "a whole number", bool: "true or false"}
        return None, f"{name}: {described(value)} is not {words[wanted]}"
    if about["choices"] and value not in about["choices"]:
        return None, f"{name}: {described(value)} is none of {', '.join(map(str, about['choices']))}"
    if about["least"] is not None and not about["least"] <= value <= about["most"]:
        return None, f"{name}: {value} is not between {about['least']} and {about['most']}"
    if about["pattern"] and value and not re.fullmatch(about["pattern"], str(value)):
        return None, f"{name}: {described(value)} is not {about['shape']}"
    return value, ""


def described(value: object) -> str:
    """A value as a person would recognise it in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a group in braces"
    if isinstance(value, list):
        return "a list"
    return f'"{value}"' if isinstance(value, str) else str(value)
