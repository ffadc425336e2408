"""Values that a key attribute can have: DynamoDB refuses a whole batch for one that it cannot."""

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

#: In bytes. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LONGEST_PARTITION_KEY = 2048
LONGEST_SORT_KEY = 1024
_DIGITS = 38
_SMALLEST, _LARGEST = -130, 125  # powers of ten


def can_be_a_key(typed: Mapping[str, Any], longest: int = LONGEST_PARTITION_KEY) -> bool:
    """Of a text, a number, or a binary value in the SDK's form. Raises ArithmeticError for N that is no number."""
    ((kind, value),) = typed.items()
    if kind == "N":
        number = Decimal(value)
        if not number.is_finite():
            return False
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        return len(digits) <= _DIGITS and (not number or _SMALLEST <= number.adjusted() <= _LARGEST)
    return 0 < bytes_of(typed) <= longest


def bytes_of(typed: Mapping[str, Any]) -> int:
    """How long DynamoDB takes a text or a binary value for; of a number, its text."""
    ((kind, value),) = typed.items()
    return len(value if kind == "B" else value.encode("utf-8", "surrogatepass"))


def in_typed_json(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Keys in the SDK's form as DynamoDB's typed JSON: binary in base64."""
    return {
        name: {kind: base64.b64encode(value).decode() if kind == "B" else value for kind, value in typed.items()}
        for name, typed in keys.items()
    }
