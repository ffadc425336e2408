"""What differs from its template in a stack, as CloudFormation finds it; nothing is changed.

A template that is as it was says nothing of a policy that somebody took off a role by hand.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from continuous_backup.aws import Aws, BotoCoreError, ClientError

#: In others CloudFormation does not look:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
CAN_BE_LOOKED_AT = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
#: AWS gives no number; five roles are read in a few seconds.
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Drift:
    """A role that is not as its template has it.

    `lost` is what it should have and has not, or has otherwise; `added` what it has beside, which may be
    somebody's on purpose, a policy or statements in ours; `denies` is whether that takes something away.
    `gone`: there is no such role.
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
    if status not in CAN_BE_LOOKED_AT:
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
    expected = _json(its.get("ExpectedProperties", ""))
    added = [each for each in its.get("PropertyDifferences", []) if _is_added(each)]
    lost = [each for each in its.get("PropertyDifferences", []) if not _is_added(each)]
    return Drift(
        role,
        tuple(dict.fromkeys(_words(each, expected) for each in lost)),
        tuple(dict.fromkeys(_addition(each, expected) for each in added)),
        denies=any('"Deny"' in each.get("ActualValue", "") for each in added),
    )


def _is_added(difference: Mapping[str, Any]) -> bool:
    """A policy, or a statement in one of ours, or a part of one, that somebody put there."""
    path: str = difference["PropertyPath"]
    return difference["DifferenceType"] == "ADD" and path.startswith("/Policies/")


def _addition(difference: Mapping[str, Any], expected: Any) -> str:
    if difference["PropertyPath"].count("/") == 2:
        return f"policy {_name(_json(difference.get('ActualValue', '')))}"
    return f"more in policy {_policy_at(difference, expected)}"


def _words(difference: Mapping[str, Any], expected: Any) -> str:
    path = difference["PropertyPath"]
    if path.startswith("/AssumeRolePolicyDocument"):
        return "its trust policy is another"
    if not path.startswith("/Policies/"):
        return f"its {path.strip('/')} is another"
    if path.count("/") == 2 and difference["DifferenceType"] == "REMOVE":
        return f"policy {_name(_json(difference.get('ExpectedValue', '')))} is gone"
    return f"policy {_policy_at(difference, expected)} is another"


def _policy_at(difference: Mapping[str, Any], expected: Any) -> str:
    """The name of the policy that the template has at that place; its number, where it has none there."""
    number = difference["PropertyPath"].split("/")[2]
    policies = expected.get("Policies") if isinstance(expected, dict) else None
    at = int(number) if number.isdigit() else -1
    return _name(policies[at]) if isinstance(policies, list) and 0 <= at < len(policies) else number


def _name(policy: Any) -> str:
    return str(policy.get("PolicyName", "of no name")) if isinstance(policy, dict) else "of no name"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
