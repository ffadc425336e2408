"""Regular expressions over the names of tables: whether one is valid, and whether any name can match it."""

import re
from collections.abc import Iterable
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_OF_NAMES = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
#: What other languages call no value, or all: taken at its word it would leave out every table.
_NO_VALUE = frozenset({"none", "null", "nil", "undefined", "all", "true", "false"})
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


def problem_of_regex(pattern: str) -> str:
    """Why a regular expression cannot be used; empty where it can."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as err:
        return str(err)
    return ""


def why_nothing_matches(pattern: str) -> str:
    """Why no table's name can match a valid expression; empty where one can, as far as is seen.

    Seen is fixed text that every match has to have, and that no table's name can hold, such as a blank.
    """
    if pattern.lower() in _NO_VALUE:
        return f"no table is likely to be called {pattern}; leave the key out to have all tables"
    found = _needed_and_impossible(_parser.parse(pattern))
    if not found:
        return ""
    return f"every match needs {_named(found)}, and a table's name has only letters, digits, _ . - in it"


def _needed_and_impossible(items: Iterable[tuple[Any, Any]]) -> str:
    """The first character that every match of these items in a row needs and no name has; empty for none."""
    return next(filter(None, (_of_item(kind, its) for kind, its in items)), "")


def _of_item(kind: Any, its: Any) -> str:
    if kind is _constants.LITERAL:
        return "" if chr(its) in _OF_NAMES else chr(its)
    if kind is _constants.SUBPATTERN:
        return _needed_and_impossible(its[-1])
    if kind is _constants.ATOMIC_GROUP:
        return _needed_and_impossible(its)
    if kind in _REPEATS:
        least, _, repeated = its
        return _needed_and_impossible(repeated) if least else ""
    if kind is _constants.BRANCH:
        of_each = [_needed_and_impossible(each) for each in its[1]]
        return of_each[0] if all(of_each) else ""
    if kind is _constants.IN:
        listed = [value for what, value in its if what is _constants.LITERAL]
        only_these = len(listed) == len(its)
        return chr(listed[0]) if only_these and not any(chr(each) in _OF_NAMES for each in listed) else ""
    return ""


def _named(character: str) -> str:
    """A character as a person can see it, also where it is invisible."""
    if character == " ":
        return "a blank"
    if character.isprintable():
        return f'"{character}"'
    return f"the invisible character U+{ord(character):04X}"
