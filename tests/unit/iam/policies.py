"""Our policies as AWS sees them: the template of the roles and docs/policies, rendered for an account."""

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from continuous_backup.naming import Account
from local import templates
from tests.unit.iam.evaluator import Statement, listed

ROOT = Path(__file__).parents[3]
TEMPLATE = "iam-roles.yaml"
OPERATOR_POLICIES = ROOT / "docs" / "policies"
#: The policies of docs/policies that each script needs.
SCRIPTS = {
    "deploy": ("deploy", "deploy-stacks"),
    "undeploy": ("undeploy",),
    "provision": ("provision",),
    "deprovision": ("deprovision",),
}
OF_SCRIPTS = [policy for policies in SCRIPTS.values() for policy in policies]

#: What the placeholder of the bucket of items' images is filled in with.
IMAGES_BUCKET = "images-of-ours"


@dataclass(frozen=True)
class Role:
    name: str
    trust: list[Statement]
    policies: dict[str, list[Statement]]

    @property
    def statements(self) -> list[Statement]:
        return [statement for policy in self.policies.values() for statement in policy]


@dataclass(frozen=True)
class RolesStack:
    """What CloudFormation makes of the template."""

    roles: dict[str, Role]
    outputs: dict[str, str]


def roles_stack(account: Account, **parameters: str) -> RolesStack:
    its = templates.rendered(TEMPLATE, account, parameters)
    return RolesStack(
        {
            name: Role(
                role["RoleName"],
                role["AssumeRolePolicyDocument"]["Statement"],
                {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in role["Policies"]},
            )
            for name, role in ((name, its.properties(name)) for name in its.resources)
        },
        its.outputs,
    )


def operator_policy_text(script: str) -> str:
    return (OPERATOR_POLICIES / f"{script}.json").read_text()


def operator_policy(
    script: str, account: Account, bucket: str, prefix: str, images_bucket: str = IMAGES_BUCKET
) -> dict[str, Any]:
    """One of OF_SCRIPTS with its placeholders filled in. Raises KeyError for an unknown placeholder."""
    return filled_in(script, account, Bucket=bucket, Prefix=prefix, ImagesBucket=images_bucket)


def filled_in(policy: str, account: Account, **placeholders: str) -> dict[str, Any]:
    """A policy of docs/policies in an account. Raises KeyError for a placeholder that is not given."""
    text = string.Template(operator_policy_text(policy)).substitute(
        placeholders, Partition=account.partition, Region=account.region, Account=account.id
    )
    document: dict[str, Any] = json.loads(text)
    return document


def actions_of(statements: list[Statement]) -> set[str]:
    return {action for statement in statements for action in listed(statement["Action"])}
