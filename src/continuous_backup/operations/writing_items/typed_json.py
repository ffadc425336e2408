"""Items in DynamoDB's typed JSON, in the form in which the SDK sends and gives them: binary as bytes."""

import base64
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

#: An item, or the keys of one, in the SDK's form: {"id": {"S": "1"}, "data": {"B": b"..."}}
Item = dict[str, Any]


#: 38 digits, a sign, a point, and a zero before it: what is longer has zeros at one of its ends.
_LONGEST_WITHOUT_ZEROS = 41
#: More digits than any number has that DynamoDB takes, or writes out.
_EXACTLY = Context(prec=1000)


class NoTypedJson(ValueError):
    """What is no typed JSON of DynamoDB's. The text does not quote a value."""


def in_sdks_form(item: Mapping[str, Any]) -> Item:
    """The item as the SDK takes it. Nothing is converted but binary: numbers stay the text that they are.

    Raises NoTypedJson.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    return {_text(name): _value(typed) for name, typed in item.items()}


def same(one: Mapping[str, Any], another: Mapping[str, Any]) -> bool:
    """Whether two items in the SDK's form mean the same: numbers by their value, sets without an order."""
    return _meant(one) == _meant(another)


def with_short_numbers(item: Item) -> Item:
    """The same item, its long numbers with an exponent: `1E+125` in the place of 126 digits."""
    return {name: _with_short_numbers(typed) for name, typed in item.items()}


def identity(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells an item apart from all others of its table; `keys` in the SDK's form."""
    return tuple((name, *_meant_value(keys[name])) for name in sorted(keys))


def _value(typed: Any) -> dict[str, Any]:
    if not isinstance(typed, Mapping) or len(typed) != 1:
        raise NoTypedJson("an attribute has not exactly one type")
    ((kind, value),) = typed.items()
    match kind:
        case "S" | "N":
            return {kind: _text(value)}
        case "B":
            return {kind: _binary(value)}
        case "SS" | "NS":
            return {kind: [_text(each) for each in _list(value)]}
        case "BS":
            return {kind: [_binary(each) for each in _list(value)]}
        case "BOOL" | "NULL" if isinstance(value, bool):
            return {kind: value}
        case "M" if isinstance(value, Mapping):
            return {kind: in_sdks_form(value)}
        case "L":
            return {kind: [_value(each) for each in _list(value)]}
    raise NoTypedJson("an attribute is of no type of DynamoDB's")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise NoTypedJson("an attribute that should be a text is none")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NoTypedJson("an attribute that should be a list or a set is none")
    return value


def _binary(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except ValueError as err:
        raise NoTypedJson("a binary attribute is not base64") from err


def _with_short_numbers(typed: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    match kind:
        case "N":
            return {kind: _short_number(value)}
        case "NS":
            return {kind: list(map(_short_number, value))}
        case "M":
            return {kind: with_short_numbers(value)}
        case "L":
            return {kind: list(map(_with_short_numbers, value))}
    return typed


def _short_number(text: str) -> str:
    if not _LONGEST_WITHOUT_ZEROS < len(text) <= _EXACTLY.prec:
        return text
    number = _number(text)
    return text if isinstance(number, str) else str(number.normalize(_EXACTLY))


def _meant(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _meant_value(typed) for name, typed in item.items()}


def _meant_value(typed: Mapping[str, Any]) -> tuple[str, Any]:
    ((kind, value),) = typed.items()
    match kind:
        case "N":
            return kind, _number(value)
        case "NS":
            return kind, frozenset(map(_number, value))
        case "SS" | "BS":
            return kind, frozenset(value)
        case "M":
            return kind, _meant(value)
        case "L":
            return kind, [_meant_value(each) for each in value]
    return kind, value


def _number(text: str) -> Decimal | str:
    """Its value; the text itself where it is no number, so that it is like nothing but itself."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text
    return number if number.is_finite() else text
