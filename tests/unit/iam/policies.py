"""Our policies as AWS sees them: the template of the roles and docs/policies, rendered for an account."""

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from continuous_backup.naming import Account
from tests.unit.iam.evaluator import Statement, listed

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "templates" / "iam-roles.yaml"
OPERATOR_POLICIES = ROOT / "docs" / "policies"
SCRIPTS = ("deploy", "undeploy", "provision", "deprovision")

#: What the placeholder of the bucket of items' images is filled in with.
IMAGES_BUCKET = "images-of-ours"

_ABSENT = object()


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
    template = yaml.load(TEMPLATE.read_text(), Loader=_Loader)
    rendering = _Rendering(template, account, parameters)
    resources = {
        name: rendering.of(resource["Properties"])
        for name, resource in template["Resources"].items()
        if rendering.condition(resource["Condition"])
    }
    return RolesStack(
        {
            name: Role(
                its["RoleName"],
                its["AssumeRolePolicyDocument"]["Statement"],
                {each["PolicyName"]: each["PolicyDocument"]["Statement"] for each in its["Policies"]},
            )
            for name, its in resources.items()
        },
        {name: rendering.of(each["Value"]) for name, each in template["Outputs"].items()},
    )


def operator_policy_text(script: str) -> str:
    return (OPERATOR_POLICIES / f"{script}.json").read_text()


def operator_policy(
    script: str, account: Account, bucket: str, prefix: str, images_bucket: str = IMAGES_BUCKET
) -> dict[str, Any]:
    """The policy of a script with its placeholders filled in. Raises KeyError for an unknown placeholder."""
    filled_in = string.Template(operator_policy_text(script)).substitute(
        Partition=account.partition,
        Region=account.region,
        Account=account.id,
        Bucket=bucket,
        Prefix=prefix,
        ImagesBucket=images_bucket,
    )
    policy: dict[str, Any] = json.loads(filled_in)
    return policy


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, as their long forms."""


def _long_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if tag == "GetAtt" else value}
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


class _Rendering:
    """The intrinsic functions that the template uses; any other is an error."""

    def __init__(self, template: Mapping[str, Any], account: Account, parameters: Mapping[str, str]) -> None:
        declared = template["Parameters"]
        if unknown := set(parameters) - set(declared):
            raise ValueError(f"no parameters {unknown}")
        self._template = template
        self._account = account
        self._values = {
            "AWS::AccountId": account.id,
            "AWS::Partition": account.partition,
            "AWS::Region": account.region,
            **{name: its["Default"] for name, its in declared.items() if "Default" in its},
            **parameters,
        }

    def condition(self, name: str) -> bool:
        return bool(self.of(self._template["Conditions"][name]))

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self.of, value) if each is not _ABSENT]
        if not isinstance(value, dict):
            return value
        match list(value.items()):
            case [("Ref", "AWS::NoValue")]:
                return _ABSENT
            case [("Ref", name)]:
                return self._values[name]
            case [("Fn::Sub", text)]:
                for name, replacement in self._values.items():
                    text = text.replace(f"${{{name}}}", replacement)
                if "${" in text:
                    raise KeyError(text)
                return text
            case [("Fn::If", [name, then, otherwise])]:
                return self.of(then if self.condition(name) else otherwise)
            case [("Fn::Equals", [one, other])]:
                return self.of(one) == self.of(other)
            case [("Fn::Not", [condition])]:
                return not self.of(condition)
            case [("Fn::GetAtt", [resource, "Arn"])]:
                name = self.of(self._template["Resources"][resource]["Properties"]["RoleName"])
                return self._account.role_arn(name)
        if any(name.startswith("Fn::") or name == "Ref" for name in value):
            raise NotImplementedError(value)
        return {name: its for name, each in value.items() if (its := self.of(each)) is not _ABSENT}


def actions_of(statements: list[Statement]) -> set[str]:
    return {action for statement in statements for action in listed(statement["Action"])}
