"""AWS's Service Authorization Reference, as cfn-lint carries it: which actions there are, and on what."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any


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


def exists(action: str) -> bool:
    return _action(action) is not None


def can_be_limited(action: str) -> bool:
    """Whether IAM compares this action with resources; for others only "*" ever matches."""
    return bool((_action(action) or {}).get("Resources"))


def acts_on(action: str, arn: str) -> bool:
    """Whether `arn` has the form of a resource of the action. True where the reference knows no form."""
    service = action.partition(":")[0]
    known = {name.lower(): its for name, its in _services()[service]["Resources"].items()}
    forms = [
        form
        for name in (_action(action) or {}).get("Resources", [])
        for form in known.get(name.lower(), {}).get("ARNFormats", [])
    ]
    return not forms or any(re.fullmatch(re.sub(r"\$\{\w+\}", "[^:]*", form), arn) for form in forms)
