"""What can be wrong with a key of the configuration, in words for the person who wrote it."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

_MORE_THAN_THE_VALUE = re.compile(r"\s(//|#|/\*)|,\s*$")
#: Spaces that are none, characters of no width, and control characters, as pages and editors leave them behind.
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
#: What stands within quotes for characters that nobody sees.
_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLACEHOLDER = re.compile(r"<[^<>]+>")
_TYPES = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    tuple: "a list in brackets",
    dict: "a group in braces",
}


@dataclass(frozen=True)
class Text:
    """What a text inside a group has to be: all of it matches the pattern, and `shape` says so in words."""

    pattern: str
    shape: str


@dataclass(frozen=True)
class Entries:
    """What a group holds: its names, and what stands behind each, which may be a group in its turn."""

    names: Text
    values: "Text | Entries"


def unknown_key(name: str, known: list[str]) -> str:
    """That there is no such key, with the nearest that there is, or the character that makes it another."""
    if found := _INVISIBLE.search(name):
        return f"{_INVISIBLE.sub('', name)}: {_invisible(found, 'the name of the key')}"
    lowered = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    guess = f"; did you mean {lowered[near[0]]}?" if near else ""
    return f"{name}: there is no such key{guess}"


def default_of(its: "Field[Any]") -> Any:
    """What the key is where nobody sets it."""
    return its.default if its.default_factory is MISSING else its.default_factory()


def from_text(its: "Field[Any]", text: str) -> Any:
    """An environment variable's text as the key's own type; what does not convert is left to the check.

    A list has commas between its parts.
    """
    default = default_of(its)
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if isinstance(default, int):
        return int(text) if re.fullmatch(r"-?\d+", text.strip()) else text
    if isinstance(default, tuple):
        return [part.strip() for part in text.split(",")]
    return text


def checked(its: "Field[Any]", value: Any) -> tuple[Any, list[str]]:
    """(value, []) or (anything, all that is wrong with it)."""
    about = its.metadata
    if about["group"]:
        return _group(about["name"], about["group"], value)
    if isinstance(value, list) and isinstance(default_of(its), tuple):
        return tuple(value), [f"{about['name']}: {each}" for each in _wrong_in_list(value, about["choices"])]
    if isinstance(value, Mapping) and about["entries"]:
        return value, list(_wrong_in_group(about["name"], value, about["entries"]))
    problem = _wrong_with_one(its, value)
    return value, [f"{about['name']}: {problem}"] if problem else []


def group_keys(group: type) -> dict[str, "Field[Any]"]:
    """The keys of a group, in order, each with its field."""
    return {each.metadata["name"]: each for each in fields(group)}


def _group(name: str, group: type, values: Any) -> tuple[Any, list[str]]:
    """A group whose keys are fields of a class, as one of that class."""
    if values is None:
        return None, [f"{name}: it has no value; leave the key out to have the default"]
    if not isinstance(values, Mapping):
        return None, [f"{name}: {described(values)} is not a group in braces"]
    known = group_keys(group)
    problems = [f"{name}.{unknown_key(each, list(known))}" for each in values if each not in known]
    settled: dict[str, Any] = {}
    for inner, value in values.items():
        if inner in known:
            settled[known[inner].name], wrong = checked(known[inner], value)
            problems += [f"{name}.{each}" for each in wrong]
    return (None, problems) if problems else (group(**settled), [])


def _wrong_with_one(its: "Field[Any]", value: Any) -> str:
    about = its.metadata
    wanted = type(default_of(its))
    if value is None:
        return "it has no value; leave the key out to have the default"
    is_any_text = wanted is str and not about["pattern"] and not about["choices"]
    if isinstance(value, str) and (problem := _left_in(value, may_have_brackets=is_any_text)):
        return problem
    if type(value) is not wanted:
        example = f', such as ["{about["choices"][0]}"]' if wanted is tuple else ""
        example = f", such as {{ {about['shape']} }}" if wanted is dict else example
        return f"{described(value)} is not {_TYPES[wanted]}{example or _as_it_was_meant(value, wanted)}"
    if about["choices"] and value not in about["choices"]:
        return f"{described(value)} is none of {', '.join(map(str, about['choices']))}"
    if about["least"] is not None and not about["least"] <= value <= about["most"]:
        return f"{value} is not between {about['least']} and {about['most']}"
    if about["pattern"] and value and not re.fullmatch(about["pattern"], str(value)):
        return f"{described(value)} is not {about['shape']}"
    return ""


def _as_it_was_meant(value: Any, wanted: type) -> str:
    """How a value with quotes too few or too many is written."""
    if wanted is str and type(value) in (int, float):
        return f'; put quotes around it: "{value}"'
    meant = {int: r"-?\d+", bool: "true|false"}.get(wanted)
    if meant and isinstance(value, str) and re.fullmatch(meant, value):
        return f"; write it without quotes: {value}"
    return ""


def _left_in(value: str, *, may_have_brackets: bool = False) -> str:
    """What in a text was certainly not meant to be in it."""
    if (found := _PLACEHOLDER.search(value)) and not may_have_brackets:
        return f"the placeholder {found.group()} is still there; put your own value in its place"
    if found := _INVISIBLE.search(value):
        return _invisible(found, "it")
    if _MORE_THAN_THE_VALUE.search(value):
        return (
            f"{described(value)} ends in what looks like a comment or a comma; a text without quotes "
            "goes on to the end of its line, so put quotes around it"
        )
    return ""


def _invisible(found: re.Match[str], where: str) -> str:
    character, before = found.group(), found.string[: found.start()]
    said = f'the invisible character U+{ord(character):04X} is in {where}, behind "{before}"'
    if escape := _ESCAPES.get(character):
        return (
            f"{said}: {escape} within quotes is that character; write \\{escape} there, or {escape} without "
            "quotes, or type it anew"
        )
    return f"{said}; type it anew"


def _wrong_in_list(values: list[Any], choices: tuple[str, ...]) -> Iterator[str]:
    if not values:
        yield f"the list is empty; leave the key out to have all: {', '.join(choices)}"
    for place, value in enumerate(values):
        if isinstance(value, str) and (left := _left_in(value)):
            yield left
        elif value not in choices:
            yield f"{described(value)} is none of {', '.join(choices)}"
        elif value in values[:place]:
            yield f"{described(value)} is there twice"


def _wrong_in_group(where: str, group: Mapping[str, Any], entries: Entries) -> Iterator[str]:
    for name, value in group.items():
        if not re.fullmatch(entries.names.pattern, name):
            yield f"{where}: {_left_in(name) or f'{described(name)} is not {entries.names.shape}'}"
        inner = f"{where}.{name}"
        if isinstance(entries.values, Text):
            problem = _wrong_with_text(value, entries.values)
            if problem:
                yield f"{inner}: {problem}"
        elif not isinstance(value, Mapping):
            yield f"{inner}: {described(value)} is not a group in braces"
        elif not value:
            yield f"{inner}: the group is empty; leave it out, or name something in it"
        else:
            yield from _wrong_in_group(inner, value, entries.values)


def _wrong_with_text(value: Any, text: Text) -> str:
    if value is None:
        return "it has no value"
    if not isinstance(value, str):
        return f"{described(value)} is not {text.shape}; put quotes around a text"
    return _left_in(value) or (
        "" if re.fullmatch(text.pattern, value) else f"{described(value)} is not {text.shape}"
    )


def described(value: object) -> str:
    """A value as a person would recognise it in the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a group in braces"
    if isinstance(value, list):
        return "a list"
    return f'"{value}"' if isinstance(value, str) else str(value)
