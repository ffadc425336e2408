"""What differs from its template in a stack, as CloudFormation finds it; nothing is changed.

A template that is as it was says nothing of a policy that somebody took off a role by hand.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from continuous_backup.aws import Aws, BotoCoreError, ClientError

#: In others CloudFormation does not look:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
_CAN_BE_LOOKED_AT = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
#: AWS gives no number; five roles are read in a few seconds.
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Drift:
    """A role that is not as its template has it.

    `lost` is what it should have and has not, or has otherwise; `added` what it has beside, which may be
    somebody's on purpose; `denies` is whether that takes something away. `gone`: there is no such role.
    """

    role: str
    lost: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    denies: bool = False
    gone: bool = False

    def __str__(self) -> str:
        return f"role {self.role}: {'it is gone' if self.gone else ', '.join(self.lost)}"


def look(
    aws: Aws, stack: str, status: str, tell: Callable[[str], None], resources: Sequence[str] = ()
) -> tuple[Drift, ...] | None:
    """What differs among a stack's `resources`, by their names in the template, or all; it takes some seconds.

    None where that cannot be found out: it only informs.
    """
    if status not in _CAN_BE_LOOKED_AT:
        return None
    cloudformation = aws.client("cloudformation")
    only = {"LogicalResourceIds": list(resources)} if resources else {}
    try:
        looking = cloudformation.detect_stack_drift(StackName=stack, **only)["StackDriftDetectionId"]
        tell(f"CloudFormation compares stack {stack} with what is there, which takes some seconds")
        give_up = aws.clock() + _PATIENCE_SECONDS
        while _is_looking(cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=looking)):
            if aws.clock() >= give_up:
                return None
            aws.sleep(_PAUSE_SECONDS)
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = cloudformation.describe_stack_resource_drifts(
                StackName=stack, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **more
            )
            found += page["StackResourceDrifts"]
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
    except (ClientError, BotoCoreError, _NotFoundOut):
        return None
    return tuple(_drift(each) for each in found if not resources or each["LogicalResourceId"] in resources)


class _NotFoundOut(Exception):
    """CloudFormation could not look."""


def _is_looking(answer: Mapping[str, Any]) -> bool:
    if answer["DetectionStatus"] == "DETECTION_FAILED":
        raise _NotFoundOut
    return bool(answer["DetectionStatus"] == "DETECTION_IN_PROGRESS")


def _drift(its: Mapping[str, Any]) -> Drift:
    role = its.get("PhysicalResourceId") or its["LogicalResourceId"]
    if its["StackResourceDriftStatus"] == "DELETED":
        return Drift(role, gone=True)
    differences = its.get("PropertyDifferences", [])
    expected = _json(its.get("ExpectedProperties", ""))
    added = [each for each in differences if each["DifferenceType"] == "ADD" and _is_a_policy(each)]
    return Drift(
        role,
        tuple(dict.fromkeys(_words(each, expected) for each in differences if each not in added)),
        tuple(_name(_json(each.get("ActualValue", ""))) for each in added),
        denies=any("Deny" in _effects(_json(each.get("ActualValue", ""))) for each in added),
    )


def _is_a_policy(difference: Mapping[str, Any]) -> bool:
    """A whole inline policy: deeper down it is a change of one."""
    path: str = difference["PropertyPath"]
    return path.count("/") == 2 and path.startswith("/Policies/")


def _words(difference: Mapping[str, Any], expected: Any) -> str:
    _, kind, *within = difference["PropertyPath"].split("/")
    if kind == "AssumeRolePolicyDocument":
        return "its trust policy is another"
    if kind != "Policies" or not within:
        return f"its {difference['PropertyPath'].strip('/')} is another"
    if len(within) == 1 and difference["DifferenceType"] == "REMOVE":
        return f"policy {_name(_json(difference.get('ExpectedValue', '')))} is gone"
    policies = expected.get("Policies", []) if isinstance(expected, dict) else []
    at = int(within[0]) if within[0].isdigit() else len(policies)
    return f"policy {_name(policies[at]) if at < len(policies) else within[0]} is another"


def _name(policy: Any) -> str:
    return str(policy.get("PolicyName", "of no name")) if isinstance(policy, dict) else "of no name"


def _effects(policy: Any) -> Iterator[str]:
    document = policy.get("PolicyDocument", {}) if isinstance(policy, dict) else {}
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    for each in statements if isinstance(statements, list) else [statements]:
        if isinstance(each, dict):
            yield str(each.get("Effect", ""))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
