"""IAM's decision on a request, for the part of the policy language that our policies use.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html: within one account,
what some statement denies is denied, what some statement allows is allowed, and all else is denied. An element
or operator that this does not know is an error and never a guess.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]
Context = Mapping[str, str | list[str]]

_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}


@dataclass(frozen=True)
class Request:
    """An API call. `resource` is "*" for what IAM cannot limit to a resource; `context` is condition keys."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def allows(statements: Iterable[Statement], request: Request) -> bool:
    """Whether identity policies with these statements let the request through."""
    effects = {each["Effect"] for each in statements if _applies(each, request)}
    return "Allow" in effects and "Deny" not in effects


def trusts(statements: Iterable[Statement], service: str, context: Context) -> bool:
    """Whether a trust policy with these statements lets a service assume its role."""
    named = [each for each in statements if service in listed(each["Principal"]["Service"])]
    without_resource = [{**each, "Resource": "*"} for each in named]
    return allows(without_resource, Request("sts:AssumeRole", "*", context))


def listed(value: Any) -> list[Any]:
    """One or many, as the policy language allows it, as many."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _applies(statement: Statement, request: Request) -> bool:
    if unknown := set(statement) - _ELEMENTS:
        raise NotImplementedError(f"elements {unknown}")
    return (
        any(_like(pattern.lower(), request.action.lower()) for pattern in listed(statement["Action"]))
        and any(_like(pattern, request.resource) for pattern in listed(statement["Resource"]))
        and all(
            _holds(operator, listed(expected), key, request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, expected in keys.items()
        )
    )


def _holds(operator: str, expected: list[str], key: str, context: Context) -> bool:
    """One condition: one of `expected` has to match; an absent key matches only ...IfExists and ForAllValues."""
    if operator == "Null":
        return [str(key.lower() not in {name.lower() for name in context}).lower()] == expected
    every, operator = operator.startswith("ForAllValues:"), operator.removeprefix("ForAllValues:")
    operator, many = operator.removeprefix("ForAnyValue:"), operator.startswith("ForAnyValue:") or every
    operator, optional = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    negated, operator = "Not" in operator, operator.replace("Not", "")
    matches = _OPERATORS[operator]
    actual = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if actual is None:
        return optional or every or negated
    if isinstance(actual, list) != many:
        raise ValueError(f"{key} has {actual}, which does not go with {operator}")
    matched = [any(matches(pattern, each) for pattern in expected) for each in listed(actual)]
    return (all(matched) if every else any(matched)) is not negated


def _like(pattern: str, text: str) -> bool:
    """`*` is any text and `?` any character; colons and slashes are nothing special."""
    if "${" in pattern:
        raise NotImplementedError(f"policy variable in {pattern}")
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _like_arn(pattern: str, arn: str) -> bool:
    """ARN operators compare the six parts one by one, so that a wildcard stays within its part."""
    parts, wanted = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(wanted) == 6 and all(map(_like, wanted, parts))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _like_arn,
    "ArnLike": _like_arn,
}
