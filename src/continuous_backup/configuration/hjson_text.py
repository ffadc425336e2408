"""HJSON read so that a person's slip is told with its line, and never taken for something else."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import hjson
from hjson.decoder import JSONArray, JSONObject, make_scanner

from continuous_backup.errors import UsageError

#: Deeper than anything that we read, and far from where Python gives up.
_MOST_NESTED = 50
_HALF_OF_A_CHARACTER = re.compile("[\ud800-\udfff]")
_ESCAPE = "Invalid \\X escape sequence"
_ON_ANOTHER_LINE = "a text begins on another line than its key"
#: More than Python reads, and says so in words for who writes programs.
_TOO_MANY_DIGITS = "a number has thousands of digits"

Scan = Callable[[str, int], tuple[Any, int]]


def parse(text: str, source: str) -> Any:
    """What an HJSON text says. Raises UsageError with line and column where it does not parse.

    HJSON lets a text without quotes begin on a later line than its key, so that a key without a value would
    take the next line for it: that is refused.
    """
    decoder = _Decoder()
    try:
        return decoder.decode(text)
    except _Duplicate as err:
        raise UsageError(
            f"{source}, line {err.line}: {err.name} is there twice, first on line {err.first_line}",
            "leave one of them; the other would be ignored",
        ) from err
    except hjson.HjsonDecodeError as err:
        endless = err.msg == "Bad multiline string"
        raise _not_hjson(source, _without_an_end(text) if endless else err) from err
    except IndexError as err:  # how hjson comes upon the end of the file within a comment or a long text
        raise _not_hjson(source, _without_an_end(text)) from err
    except (ValueError, ArithmeticError, RecursionError) as err:
        reason = _TOO_MANY_DIGITS if "digits" in str(err) else f"it cannot be read ({err})"
        raise _not_hjson(source, hjson.HjsonDecodeError(reason, text, decoder.at)) from err


def _without_an_end(text: str) -> hjson.HjsonDecodeError:
    began = max(text.rfind("/*"), text.rfind("'''"))
    return hjson.HjsonDecodeError("this begins and has no end", text, began)


def _not_hjson(source: str, err: hjson.HjsonDecodeError) -> UsageError:
    line, column = getattr(err, "lineno", 0), getattr(err, "colno", 0)
    reason = getattr(err, "msg", str(err)).replace(" %r", "").removesuffix(" at")  # as hjson left them
    hint = (
        "look there, and just before it, for a bracket, a quote or a key without a colon; a text without "
        "quotes goes on to the end of its line, brackets and commas included"
    )
    if reason.startswith(_ESCAPE):
        hint = r"a text in quotes has each backslash twice (\\d), and one without quotes has it once (\d)"
    if reason == _TOO_MANY_DIGITS:
        hint = "no key takes a number of that length; put quotes around it where it is a text"
    if reason == _ON_ANOTHER_LINE:
        hint = "put the value behind the colon, or take the key out to have its default"
    return UsageError(f"{source}, line {line}, column {column}: this is not HJSON: {reason}", hint)


class _Duplicate(Exception):
    """A key that is in one group twice."""

    def __init__(self, name: str, first_line: int, line: int) -> None:
        super().__init__(name)
        self.name, self.first_line, self.line = name, first_line, line


class _Decoder(hjson.HjsonDecoder):  # type: ignore[misc]
    """hjson's own, which looks at each value of a group before it goes on."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=dict)
        #: Where the last value that was begun begins.
        self.at = 0
        self._depth = 0
        self.parse_array, self.parse_object = self._parse_array, self._parse_object
        scan_once, self.scan_object_once = make_scanner(self)
        self.scan_once = _not_of_keys(scan_once)

    def _parse_array(self, state: tuple[str, int], scan: Scan) -> Any:
        return JSONArray(state, self._looked_at(scan, may_begin_a_line=True))

    def _parse_object(
        self, state: tuple[str, int], encoding: Any, strict: Any, scan: Scan, hook: Any, _: Any, *more: Any
    ) -> Any:
        looked_at, places = self._looked_at(scan, may_begin_a_line=False), list[int]()

        def placed(text: str, begins: int) -> tuple[Any, int]:
            places.append(begins)
            return looked_at(text, begins)

        as_group = partial(_without_duplicates, text=state[0], places=places)
        return JSONObject(state, encoding, strict, placed, hook, as_group, *more)

    def _looked_at(self, scan: Scan, *, may_begin_a_line: bool) -> Scan:
        def scanned(text: str, begins: int) -> tuple[Any, int]:
            self.at = begins
            if self._depth == _MOST_NESTED:
                raise hjson.HjsonDecodeError(f"more than {_MOST_NESTED} brackets in each other", text, begins)
            self._depth += 1
            value, ends = scan(text, begins)
            self._depth -= 1
            if isinstance(value, str):
                if not may_begin_a_line and _begins_a_line(text, begins):
                    raise hjson.HjsonDecodeError(_ON_ANOTHER_LINE, text, begins)
                if _HALF_OF_A_CHARACTER.search(value):
                    raise hjson.HjsonDecodeError("a text holds half of a character", text, begins)
            return value, ends

        return scanned


def _not_of_keys(scan: Scan) -> Scan:
    """Keys without brackets around them are a group: what is wrong there is told, and not taken for one text."""

    def scanned(text: str, begins: int) -> tuple[Any, int]:
        if text[begins : begins + 1] not in ("{", "[") and ":" in text:
            raise hjson.HjsonDecodeError("neither a group nor a list", text, begins)
        return scan(text, begins)

    return scanned


def _begins_a_line(text: str, place: int) -> bool:
    line_begins = max(text.rfind("\n", 0, place), text.rfind("\r", 0, place)) + 1
    return bool(line_begins) and not text[line_begins:place].strip(" \t")


def _without_duplicates(pairs: list[tuple[str, Any]], *, text: str, places: list[int]) -> dict[str, Any]:
    """A group; `places` are where its values begin, each soon behind its key."""
    lines: dict[str, int] = {}
    for (name, _), after, begins in zip(pairs, [0, *places], places, strict=False):
        key = text.rfind(name, after, begins)  # -1 where it is written with escapes
        line = text.count("\n", 0, begins if key < 0 else key) + 1
        if name in lines:
            raise _Duplicate(name, lines[name], line)
        lines[name] = line
    return dict(pairs)
