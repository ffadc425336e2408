"""What CloudFormation makes of our templates in an account; MiniStack makes less of them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from continuous_backup.naming import Account

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

_ABSENT = object()


class Refused(Exception):
    """An assertion of the template's rules does not hold; the text is what CloudFormation says."""


@dataclass(frozen=True)
class RenderedStack:
    """The resources that the parameters ask for, their properties without intrinsic functions."""

    resources: dict[str, dict[str, Any]]
    outputs: dict[str, str]

    def properties(self, resource: str) -> dict[str, Any]:
        found: dict[str, Any] = self.resources[resource]["Properties"]
        return found


@functools.cache
def read(name: str) -> dict[str, Any]:
    """The template of a file name in templates/, with the long forms of its intrinsic functions."""
    found: dict[str, Any] = yaml.load((TEMPLATES / name).read_text(encoding="utf-8"), Loader=_Loader)
    return found


def rendered(name: str, account: Account, parameters: Mapping[str, str]) -> RenderedStack:
    """Raises Refused for parameters that do not go together, KeyError for one that is missing, ValueError for
    one that there is not, NotImplementedError for an intrinsic function that our templates do not use.
    """
    template = read(name)
    rendering = _Rendering(template, account, parameters)
    for rule in template.get("Rules", {}).values():
        if rendering.of(rule["RuleCondition"]):
            for assertion in rule["Assertions"]:
                if not rendering.of(assertion["Assert"]):
                    raise Refused(assertion["AssertDescription"])

    def there(declared: Mapping[str, Any]) -> bool:
        return "Condition" not in declared or rendering.condition(declared["Condition"])

    return RenderedStack(
        {
            resource: {**its, "Properties": rendering.of(its["Properties"])}
            for resource, its in template["Resources"].items()
            if there(its)
        },
        {output: rendering.of(its["Value"]) for output, its in template["Outputs"].items() if there(its)},
    )


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
    """The intrinsic functions that our templates use."""

    def __init__(self, template: Mapping[str, Any], account: Account, parameters: Mapping[str, str]) -> None:
        declared = template["Parameters"]
        if unknown := set(parameters) - set(declared):
            raise ValueError(f"no parameters {unknown}")
        self._resources = template["Resources"]
        self._conditions = template.get("Conditions", {})
        self._account = account
        self._values = {
            "AWS::AccountId": account.id,
            "AWS::Partition": account.partition,
            "AWS::Region": account.region,
            # To CloudFormation, numbers are texts too.
            **{name: str(its["Default"]) for name, its in declared.items() if "Default" in its},
            **parameters,
        }

    def condition(self, name: str) -> bool:
        return bool(self.of(self._conditions[name]))

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [each for each in map(self.of, value) if each is not _ABSENT]
        if not isinstance(value, dict):
            return value
        match list(value.items()):
            case [("Ref", "AWS::NoValue")]:
                return _ABSENT
            case [("Ref", name)]:
                return self._name(name) if name in self._resources else self._values[name]
            case [("Fn::Sub", [text, variables])]:
                return self._substituted(text, {name: str(self.of(each)) for name, each in variables.items()})
            case [("Fn::Sub", text)]:
                return self._substituted(text, {})
            case [("Fn::If", [name, then, otherwise])]:
                return self.of(then if self.condition(name) else otherwise)
            case [("Fn::Equals", [one, other])]:
                return str(self.of(one)) == str(self.of(other))
            case [("Fn::Not", [condition])]:
                return not self.of(condition)
            case [("Fn::And", conditions)]:
                return all(map(self.of, conditions))
            case [("Fn::GetAtt", [resource, "Arn"])]:
                return self._arn(resource)
        if any(name.startswith("Fn::") or name == "Ref" for name in value):
            raise NotImplementedError(value)
        return {name: its for name, each in value.items() if (its := self.of(each)) is not _ABSENT}

    def _substituted(self, text: str, variables: Mapping[str, str]) -> str:
        arns = {f"{name}.Arn": self._arn(name) for name in self._resources if f"${{{name}.Arn}}" in text}
        for name, replacement in {**self._values, **arns, **variables}.items():
            text = text.replace(f"${{{name}}}", replacement)
        if "${" in text:
            raise KeyError(text)
        return text

    def _name(self, resource: str) -> str:
        properties = self._resources[resource]["Properties"]
        return str(self.of(properties["BucketName" if "BucketName" in properties else "RoleName"]))

    def _arn(self, resource: str) -> str:
        its_name = self._name(resource)
        is_bucket = self._resources[resource]["Type"] == "AWS::S3::Bucket"
        return self._account.bucket_arn(its_name) if is_bucket else self._account.role_arn(its_name)
