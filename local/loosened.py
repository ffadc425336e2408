"""Our templates and policies as the emulator can enforce them: the one place where they are looser than on AWS.

MiniStack 1.5.33 knows no resource for four actions of DynamoDB, and sends neither the function that a mapping is
for nor the tags of a delivery stream. On AWS all of this counts, as the Service Authorization Reference has it:
the tests in tests/unit/iam judge the templates and policies as they are, without this.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from local import templates

#: Compared with "*" alone.
_WITHOUT_RESOURCE = {
    "dynamodb:DescribeStream",
    "dynamodb:ListTagsOfResource",
    "dynamodb:TagResource",
    "dynamodb:UntagResource",
}
#: Never sent, whatever is called.
_NEVER_SENT = ("lambda:FunctionArn", "aws:ResourceTag/dynamodb-continuous-backup")


def policy(document: str) -> str:
    """A policy of docs/policies, its placeholders filled in or not."""
    loose = json.loads(document)
    loose["Statement"] = [each for statement in loose["Statement"] for each in _statements(statement)]
    return json.dumps(loose)


def write_templates(folder: Path) -> None:
    """All of templates/, for `deploy.py --templates`."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in templates.TEMPLATES.glob("*.yaml"):
        text = source.read_text(encoding="utf-8")
        loose = _loosened(templates.read(source.name))
        (folder / source.name).write_text(
            text if loose == templates.read(source.name) else yaml.safe_dump(loose, sort_keys=False, width=200),
            encoding="utf-8",
        )


def _loosened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _all_of(its) if key == "Statement" else _loosened(its) for key, its in value.items()}
    return [_loosened(each) for each in value] if isinstance(value, list) else value


def _all_of(statements: list[Any]) -> list[Any]:
    return [
        each
        for statement in statements
        for each in (_statements(statement) if "Action" in statement else [statement])
    ]


def _statements(statement: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """The statement, its conditions loosened; what has no resource for the emulator in one of its own."""
    statement = (
        {**statement, "Condition": _conditions(statement["Condition"])} if "Condition" in statement else statement
    )
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    apart = [each for each in actions if each in _WITHOUT_RESOURCE]
    kept = [each for each in actions if each not in _WITHOUT_RESOURCE]
    if kept:
        yield {**statement, "Action": kept}
    if apart:
        yield {**statement, "Sid": f"{statement['Sid']}OnEmulator", "Action": apart, "Resource": "*"}


def _conditions(conditions: dict[str, Any]) -> dict[str, Any]:
    loose: dict[str, Any] = {}
    for operator, keys in conditions.items():
        for key, expected in keys.items():
            name = f"{operator}IfExists" if key in _NEVER_SENT else operator
            loose.setdefault(name, {})[key] = expected
    return loose
