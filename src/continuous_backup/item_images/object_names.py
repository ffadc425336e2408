"""What the object of an item is called: made of all of its keys, typed, and readable in both directions.

    [<prefix>/]<table>/<attribute>.<type>.<value>[/<attribute>.<type>.<value>]/image.json

The attributes are in the order of their names, since a change does not tell which is the partition key.
What S3 calls safe in names stays as it is; every other byte of the UTF-8 becomes `!` and two hexadecimal
digits, so that no value makes a path of its own: `a/b` is `a!2Fb`. Binary is base64 with `-` and `_`, unpadded.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from decimal import Context, Decimal

from continuous_backup import naming

#: The key attributes of an item in DynamoDB's typed JSON, by name, as a change has them: {"id": {"S": "1"}}
Keys = Mapping[str, Mapping[str, str]]

#: In bytes of UTF-8, prefix included: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
LONGEST_NAME = 1024

_FILE = "image.json"
_BASE64_GROUP = 4
_HASHED = "sha256"
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
_ESCAPED = re.compile(r"!([0-9A-F]{2})")
#: The types that a key can have:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
_TYPES = frozenset({"S", "N", "B"})
#: DynamoDB's numbers have up to 38 digits, and powers of ten from -130 to 125; more lose nothing here.
_CONTEXT = Context(prec=1000)


class NoName(ValueError):
    """Keys that no item has, or a name that no item's object has. The text does not quote a value."""


def of_keys(keys: Keys, prefix: str, table: str) -> str:
    """The name of the object of an item.

    No two items of a table share one, and the same keys always have the same. Where it would be longer than
    S3 allows, the keys' part is a SHA-256 of them: the object itself has the keys. Raises NoName for what is
    no key of DynamoDB's.
    """
    if not keys:
        raise NoName("there are no keys")
    parts = [part(name, keys[name]) for name in sorted(keys)]
    path = "/".join(parts)
    whole = f"{naming.table_prefix(prefix, table)}{path}/{_FILE}"
    if len(whole) <= LONGEST_NAME:
        return whole
    digest = hashlib.sha256(path.encode()).hexdigest()
    return f"{naming.table_prefix(prefix, table)}{_HASHED}.{digest}/{_FILE}"


def keys_of(name: str, prefix: str, table: str) -> dict[str, dict[str, str]] | None:
    """The keys of the item whose object has this name; None where it is a SHA-256 of them.

    Raises NoName where it is no object of an item of the table.
    """
    beginning, end = naming.table_prefix(prefix, table), f"/{_FILE}"
    if not name.startswith(beginning) or not name.endswith(end) or len(name) <= len(beginning) + len(end):
        raise NoName("it is not the name of an item's object of this table")
    parts = name[len(beginning) : -len(end)].split("/")
    if len(parts) == 1 and re.fullmatch(rf"{_HASHED}\.[0-9a-f]{{64}}", parts[0]):
        return None
    try:
        keys = dict(map(_attribute, parts))
    except ValueError as err:
        raise NoName("a part of it cannot be read as attribute.type.value") from err
    if of_keys(keys, prefix, table) != name:
        raise NoName("the keys that it tells have another name")
    return keys


def beginning_of(attribute: str, text: str) -> str:
    """How the part of a key begins whose value is a text that begins so: to find such items by name."""
    return f"{_escaped(attribute, dots=False)}.S.{_escaped(text)}"


def part(name: str, value: Mapping[str, str]) -> str:
    """What the name of an object has for one key attribute. Raises NoName for what is no key of DynamoDB's."""
    if len(value) != 1:
        raise NoName("a key attribute has not exactly one type")
    ((kind, text),) = value.items()
    if kind not in _TYPES or not isinstance(text, str):
        raise NoName("a key attribute is no string, number or binary")
    return f"{_escaped(name, dots=False)}.{kind}.{_value(kind, text)}"


def _value(kind: str, text: str) -> str:
    if kind == "N":
        return _number(text)
    if kind == "B":
        try:
            return base64.urlsafe_b64encode(base64.b64decode(text, validate=True)).decode().rstrip("=")
        except ValueError as err:
            raise NoName("a binary key is not base64") from err
    return _escaped(text)


def _number(text: str) -> str:
    """As DynamoDB writes numbers: no exponent, no zeros that say nothing. One number has one name."""
    try:
        number = Decimal(text)
    except ArithmeticError as err:
        raise NoName("a number key is not a number") from err
    if not number.is_finite() or abs(number.adjusted()) > _CONTEXT.prec:
        raise NoName("a number key is not a number that DynamoDB has")
    return format(number.normalize(_CONTEXT), "f") if number else "0"


def _attribute(part: str) -> tuple[str, dict[str, str]]:
    name, _, typed = part.partition(".")
    kind, dot, value = typed.partition(".")
    if kind not in _TYPES or not dot:
        raise NoName("a part of it is not attribute.type.value")
    if kind == "B":
        binary = base64.urlsafe_b64decode(value + "=" * (-len(value) % _BASE64_GROUP))
        return _unescaped(name), {"B": base64.b64encode(binary).decode()}
    return _unescaped(name), {kind: value if kind == "N" else _unescaped(value)}


def _escaped(text: str, *, dots: bool = True) -> str:
    # surrogatepass: half of a pair is no text, but two different ones must not become one name.
    return "".join(
        chr(byte) if byte in _KEPT and (dots or byte != ord(".")) else f"!{byte:02X}"
        for byte in text.encode("utf-8", "surrogatepass")
    )


def _unescaped(text: str) -> str:
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return plain.encode("latin-1").decode("utf-8", "surrogatepass")
