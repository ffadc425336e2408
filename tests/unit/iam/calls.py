"""The API calls that our code can make, read from its source: what the policies have to allow.

A call is known by how it is written: a method of `….client("<service>")` or of what holds such a client, which is
a variable, an attribute of `self`, or a parameter `<service>: Client`; `….pages("<service>", "<operation>", …)`;
and `self._firehose("<method>")`. A client that is used in any other way is an error and never a guess.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Any

import botocore.session

from tests.unit.iam.policies import ROOT

#: IAM's names of services, where they are not the SDK's.
_SERVICES = {"dynamodbstreams": "dynamodb", "resourcegroupstaggingapi": "tag"}

#: IAM's names of actions, where they are not the API's:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}

#: What a call needs beside its own action, for the roles and tags that it hands over.
_ALSO = {
    "cloudformation:CreateStack": {"cloudformation:TagResource"},
    "cloudformation:UpdateStack": {"cloudformation:TagResource"},
    "events:PutRule": {"events:TagResource", "iam:PassRole"},
    "firehose:CreateDeliveryStream": {"firehose:TagDeliveryStream", "iam:PassRole"},
    "firehose:UpdateDestination": {"iam:PassRole"},
    "lambda:CreateEventSourceMapping": {"lambda:TagResource"},
    "lambda:CreateFunction": {"lambda:TagResource", "iam:PassRole"},
    "lambda:UpdateFunctionConfiguration": {"iam:PassRole"},
    "logs:CreateLogGroup": {"logs:TagResource"},
}

_WAITERS = {"function_active_v2": "get_function", "function_updated_v2": "get_function"}

_NO_CALLS = {"exceptions", "meta"}


class Module:
    """The source of one of our modules, at a path within the repository."""

    def __init__(self, path: str) -> None:
        self._tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), path)

    def actions(self, *starts: str) -> set[str]:
        """The IAM actions of all calls that these functions, or with none named the whole module, can make."""
        return _actions_of(self._reached(starts) if starts else [self._tree], self._clients)

    def actions_for(self, user: "Module", start: str) -> set[str]:
        """The IAM actions of what a function of another module uses of this one."""
        return self.actions(*(user.names(start) & set(self._functions)))

    def names(self, start: str) -> set[str]:
        """All names in a function, and in those of this module that it names, and so on."""
        return {name for part in self._reached([start]) for name in _names(part)}

    def actions_of_cases(self, classes: Iterable[str]) -> set[str]:
        """The IAM actions of what an executor does for actions of these classes: the cases of its `match`."""
        cases = {name: case for case in self._cases for name in _classes(case.pattern)}
        bodies = [statement for name in classes for statement in cases[name].body]
        called = [name for body in bodies for name in _names(body) if name in self._functions]
        return _actions_of([*bodies, *self._reached(called)], self._clients)

    def planned(self, start: str, actions: "Module") -> set[str]:
        """The classes of `actions` that a planner's function can make."""
        made = {
            node.func.id
            for part in self._reached([start])
            for node in ast.walk(part)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        return made & actions.classes

    @cached_property
    def classes(self) -> set[str]:
        """The classes of actions: what is planned and no action (a Note, a Wait) is never applied."""
        found = {node.name for node in ast.walk(self._tree) if isinstance(node, ast.ClassDef)}
        return found - {"Action", "Conflict", "Note", "Problem", "Wait"}

    @cached_property
    def cases(self) -> set[str]:
        """The classes that an executor knows a way to apply."""
        return {name for case in self._cases for name in _classes(case.pattern)}

    @cached_property
    def _functions(self) -> dict[str, ast.AST]:
        """By name, the functions, methods and classes; a class stands for all of its methods."""
        return {
            node.name: node
            for node in ast.walk(self._tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "__init__"
        }

    @cached_property
    def _cases(self) -> list[ast.match_case]:
        return [case for node in ast.walk(self._tree) if isinstance(node, ast.Match) for case in node.cases]

    def _reached(self, starts: Iterable[str]) -> list[ast.AST]:
        """These functions, and those of this module that they name, and so on."""
        waiting, reached = list(starts), dict[str, ast.AST]()
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached[name] = self._functions[name]
                waiting += [each for each in _names(reached[name]) if each in self._functions]
        return list(reached.values())

    @cached_property
    def _clients(self) -> dict[str, str]:
        """What holds a client, and of which service: one name, one service, in a whole module."""
        held: dict[str, str] = {}
        for name, service in self._holders():
            if not name or held.setdefault(name, service) != service:
                raise NotImplementedError(
                    f"{name or 'something'} is a client of {service} and of {held.get(name)}"
                )
        return held

    def _holders(self) -> Iterator[tuple[str, str]]:
        """Each parameter, variable and attribute with the service whose client it is given."""
        nodes = list(ast.walk(self._tree))
        of_parameters = {node.arg: node.arg for node in nodes if isinstance(node, ast.arg) and _is_client(node)}
        yield from of_parameters.items()
        for node in nodes:
            for name, value in _assigned(node):
                if service := _service(value) or of_parameters.get(_holder(value)):
                    yield name, service


def _actions_of(parts: Iterable[ast.AST], clients: dict[str, str]) -> set[str]:
    actions = {_action(service, method) for part in parts for service, method in _calls(part, clients)}
    return actions.union(*(_ALSO.get(action, set()) for action in actions))


def _calls(part: ast.AST, clients: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Service and method of each call. Raises NotImplementedError for a client that is used in another way."""
    parents = {child: parent for parent in ast.walk(part) for child in ast.iter_child_nodes(parent)}
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and _called(node) == "pages":
            yield _text(node.args[0]), _text(node.args[1])
        elif isinstance(node, ast.Call) and _called(node) == "_firehose":
            yield "firehose", _text(node.args[0])
        service = _service(node) or (clients.get(_holder(node)) if _is_read(node) else None)
        if service is None:
            continue
        user = parents.get(node)
        if isinstance(user, ast.Attribute) and user.attr in ("get_waiter", "get_paginator"):
            name = _text(parents[user].args[0])
            yield service, _WAITERS[name] if user.attr == "get_waiter" else name
        elif isinstance(user, ast.Attribute):
            if user.attr not in _NO_CALLS:
                yield service, user.attr
        elif not _is_understood(node, user, parents, clients):
            raise NotImplementedError(f"line {node.lineno}: {ast.unparse(user or node)}")


def _is_understood(
    node: ast.AST, user: ast.AST | None, parents: dict[ast.AST, ast.AST], clients: dict[str, str]
) -> bool:
    """A client put where it is held, or handed from there to a function that calls it the same."""
    if isinstance(user, ast.Tuple):
        user = parents.get(user)
    if isinstance(user, ast.Assign | ast.AnnAssign):
        return True
    if isinstance(user, ast.Call) and _called(user) == "getattr":
        return _enclosing_function(user, parents) == "_firehose"  # each use of it is a call of its own
    return isinstance(user, ast.Call) and _holder(node) in clients


def _enclosing_function(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    while not isinstance(node, ast.FunctionDef):
        node = parents[node]
    return node.name


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What is put where, by the name of the variable or attribute."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return
    target, value = node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from ((_holder(each), its) for each, its in zip(target.elts, value.elts, strict=True))
    else:
        yield _holder(target), value


def _holder(node: ast.AST) -> str:
    """The name of a variable, or of an attribute with its `self.`; empty for anything else."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _is_read(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)


def _is_client(parameter: ast.arg) -> bool:
    annotation = parameter.annotation
    return isinstance(annotation, ast.Name) and annotation.id == "Client"


def _service(node: ast.AST) -> str | None:
    return _text(node.args[0]) if isinstance(node, ast.Call) and _called(node) == "client" else None


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _text(node: ast.AST) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise NotImplementedError(f"line {node.lineno}: {ast.unparse(node)}")
    return node.value


def _names(part: ast.AST) -> list[str]:
    """All that is named in a part of the source, but for its own variables: they may be called like a method."""
    named = [node for node in ast.walk(part) if isinstance(node, ast.Name | ast.Attribute)]
    own = {node.id for node in named if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(part) if isinstance(node, ast.arg)}
    return [
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in named
        if isinstance(node, ast.Attribute) or node.id not in own
    ]


def _classes(pattern: ast.pattern) -> list[str]:
    return [_names(node.cls)[0] for node in ast.walk(pattern) if isinstance(node, ast.MatchClass)]


def _action(service: str, method: str) -> str:
    operation = _operations(service)[method]
    action = f"{_SERVICES.get(service, service)}:{operation}"
    return _ACTIONS.get(action, action)


@cache
def _operations(service: str) -> dict[str, str]:
    """The API's operations by the SDK's names for them."""
    session: Any = botocore.session.get_session()
    nobody = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    operations: dict[str, str] = session.create_client(
        service, region_name="eu-west-1", **nobody
    ).meta.method_to_api_mapping
    return operations
