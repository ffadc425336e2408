"""Values in DynamoDB's typed JSON: any that an item can have, and pairs that are the same for DynamoDB or not."""

import base64
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

DIGITS = 38
#: As DynamoDB writes out 1E125, its largest power of ten, and 1E-130, its smallest.
LARGEST, SMALLEST = "1" + "0" * 125, "0." + "0" * 129 + "1"


def _number(negative: bool, digits: int, exponent: int) -> str:
    return f"{'-' if negative else ''}{digits}E{exponent}"


#: Attributes of an item of 400 KB whose JSON is the longest: a number of one digit costs 2 bytes, and 1 in a list.
LONGEST = {"n": {"L": [{"N": SMALLEST}] * ((400 * 1024 - 100) // 3)}}

#: Of up to 38 digits, and nowhere beyond DynamoDB's largest and smallest.
NUMBERS = st.one_of(
    st.integers(-(10**DIGITS) + 1, 10**DIGITS - 1).map(str),
    st.builds(_number, st.booleans(), st.integers(1, 10**DIGITS - 1), st.integers(-130, 125 - DIGITS)),
    st.sampled_from(["0.10", "1E+5", "0.1", "-0", LARGEST, SMALLEST]),
)
BINARIES = st.binary(max_size=8).map(lambda value: base64.b64encode(value).decode())
TEXTS = st.text(max_size=8)
NAMES = st.text(min_size=1, max_size=6)


def _sets(of: Any, *, same: Any = None) -> Any:
    return st.lists(of, min_size=1, max_size=4, unique_by=same or (lambda each: each))


SCALARS = st.one_of(
    TEXTS.map(lambda value: {"S": value}),
    NUMBERS.map(lambda value: {"N": value}),
    BINARIES.map(lambda value: {"B": value}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    _sets(TEXTS).map(lambda value: {"SS": value}),
    _sets(NUMBERS, same=Decimal).map(lambda value: {"NS": value}),
    _sets(BINARIES).map(lambda value: {"BS": value}),
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda value: {"L": value}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda value: {"M": value}),
    ),
    max_leaves=8,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=4)

#: In the SDK's form.
SAME = [
    ({"N": "1"}, {"N": "1.00"}),
    ({"N": "100"}, {"N": "1E2"}),
    ({"N": LARGEST}, {"N": "1E125"}),
    ({"N": "0"}, {"N": "-0.0"}),
    ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}),
    ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}),
    ({"BS": [b"a", b"b"]}, {"BS": [b"b", b"a"]}),
    ({"L": [{"M": {"a": {"N": "1"}}}]}, {"L": [{"M": {"a": {"N": "1.0"}}}]}),
    ({"M": {"a": {"SS": ["a", "b"]}, "b": {"S": ""}}}, {"M": {"b": {"S": ""}, "a": {"SS": ["b", "a"]}}}),
]
OTHER = [
    ({"N": "1"}, {"S": "1"}),
    ({"N": "0.10000000000000000001"}, {"N": "0.1"}),
    ({"N": "9" * DIGITS}, {"N": "1E38"}),
    ({"S": "1"}, {"S": "1.0"}),
    ({"S": "é"}, {"S": "e\u0301"}),
    ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}),
    ({"SS": ["a"]}, {"SS": ["a", "b"]}),
    ({"SS": ["a"]}, {"L": [{"S": "a"}]}),
    ({"B": b"a"}, {"S": "a"}),
    ({"BOOL": True}, {"NULL": True}),
    ({"M": {}}, {"M": {"a": {"NULL": True}}}),
]
