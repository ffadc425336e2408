"""AWS's Service Authorization Reference, as policy-sentry carries it.

Which actions there are, on what resources, and which condition keys AWS sends with them.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from policy_sentry.querying.actions import get_action_data

from tests.unit.iam.evaluator import Statement, listed

#: Sent with every request, or left out by what they are about, whatever the action:
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
#: The keys of tags are not: a service sends them where the reference names them.
_OF_TAGS = ("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys")


def misfits(statement: Statement) -> list[str]:
    """What a statement gets wrong: actions that do not exist, that "*" is too much for, or what never matches.

    Each action has to go with one of the resources, and each resource with one of the actions.
    """
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])
    keys = [key for its in statement.get("Condition", {}).values() for key in its]
    unknown = [action for action in actions if not _rows(action)]
    if unknown:
        return [f"{action}: AWS has no such action" for action in unknown]
    return [
        *(f"{each}: none of the resources is ever its" for each in actions if not _any_fits([each], resources)),
        *(f"{each}: it is no resource of the actions" for each in resources if not _any_fits(actions, [each])),
        *(f"{each}: * is more than it takes" for each in actions if "*" in resources and _arn_forms(each)),
        *(f"{action}: {key} is never sent" for action in actions for key in keys if not _is_sent(key, action)),
    ]


def _any_fits(actions: Iterable[str], resources: Iterable[str]) -> bool:
    return any(_fits(action, resource) for action in actions for resource in resources)


def _fits(action: str, resource: str) -> bool:
    forms = _arn_forms(action)
    return any(_meet(resource, form) for form in forms) if forms else resource == "*"


def _arn_forms(action: str) -> list[str]:
    return [row["resource_arn_format"] for row in _rows(action) if row["resource_arn_format"] != "*"]


def _meet(pattern: str, arn_form: str) -> bool:
    """Whether some ARN of the form matches the pattern. The name of a bucket has no slash."""
    if arn_form.endswith(":${BucketName}") and "/" in pattern:
        return False
    parts, forms = pattern.split(":", 5), re.sub(r"\$\{\w+\}", "*", arn_form).split(":", 5)
    return pattern == "*" or (len(parts) == len(forms) and all(map(_share_a_text, parts, forms)))


@cache
def _share_a_text(one: str, other: str) -> bool:
    """Whether a text matches both patterns, in which `*` is any text."""
    if not one and not other:
        return True
    if one.startswith("*"):
        return _share_a_text(one[1:], other) or (bool(other) and _share_a_text(one, other[1:]))
    if other.startswith("*"):
        return _share_a_text(other, one)
    return bool(one and other) and one[0] == other[0] and _share_a_text(one[1:], other[1:])


def _is_sent(key: str, action: str) -> bool:
    key = key.lower()
    if key.startswith("aws:") and not key.startswith(_OF_TAGS):
        return True
    known = {known.lower() for row in _rows(action) for known in row["condition_keys"]}
    return any(re.fullmatch(".+".join(map(re.escape, re.split(r"\$\{\w+\}", each))), key) for each in known)


@cache
def _rows(action: str) -> list[dict[str, Any]]:
    """One for each type of resource that the action can be limited to."""
    service, _, name = action.partition(":")
    found: Any = get_action_data(service, name)
    return list(found[service]) if found else []
