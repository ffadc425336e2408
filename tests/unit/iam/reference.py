"""AWS's Service Authorization Reference, as cfn-lint carries it: which actions there are, and on what."""

import json
import re
from collections.abc import Set
from functools import cache
from importlib.resources import files
from typing import Any

from tests.unit.iam.evaluator import Statement, listed


def misfits(statement: Statement, star_by_choice: Set[str]) -> list[str]:
    """What a statement gets wrong: actions that do not exist, that "*" is too much for, or that never match."""
    return [
        f"{action} on {resource}: {problem}"
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if (problem := _misfit(action, resource, action in star_by_choice))
    ]


def _misfit(action: str, resource: str, star_by_choice: bool) -> str:
    found = _action(action)
    if found is None:
        return "AWS has no such action"
    types = found.get("Resources", [])
    if resource == "*":
        return "it can be limited to resources" if types and not star_by_choice else ""
    if not types:
        return 'only "*" is ever compared with it'
    forms = [form for each in types for form in _arn_forms(action, each)]
    return "" if not forms or any(re.fullmatch(form, resource) for form in forms) else "not one of its resources"


@cache
def _services() -> dict[str, Any]:
    text = (files("cfnlint.data.AdditionalSpecs") / "Policies.json").read_text()
    services: dict[str, Any] = json.loads(text)
    return services


def _action(action: str) -> dict[str, Any] | None:
    service, _, name = action.partition(":")
    known = {each.lower(): its for each, its in _services().get(service, {}).get("Actions", {}).items()}
    found: dict[str, Any] | None = known.get(name.lower())
    return found


def _arn_forms(action: str, resource_type: str) -> list[str]:
    """Regular expressions of the ARNs of a resource type; none where the reference does not say."""
    types = {name.lower(): its for name, its in _services()[action.partition(":")[0]]["Resources"].items()}
    forms = types.get(resource_type.lower(), {}).get("ARNFormats", [])
    return [re.sub(r"\$\{\w+\}", "[^:]*", form) for form in forms]
