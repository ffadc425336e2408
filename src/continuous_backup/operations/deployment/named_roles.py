"""Roles of people's own that the configuration or the command line names: as they are, and what to know."""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, error_code
from continuous_backup.configuration.config import Config
from continuous_backup.naming import Account
from continuous_backup.operations.deployment.actions import Conflict
from continuous_backup.operations.deployment.state import NamedRole, Stack
from continuous_backup.operations.notes import Note

_EVENTS, _FIREHOSE, _LAMBDA = "events.amazonaws.com", "firehose.amazonaws.com", "lambda.amazonaws.com"


def named_in(config: Config, account: Account, options: argparse.Namespace) -> tuple[NamedRole, ...]:
    """Those that `config`, as it was written, names; the options say which of them the command line did."""
    region = account.region
    events = "--cw_role_arn" if options.cw_role_arn else "cloudWatchRoleArn"
    functions = "--lambda_role_arn" if options.lambda_role_arn else "lambdaExecRoleArn"
    of_functions = {naming.function_role(each, region) for each in naming.FUNCTIONS}
    roles = (
        (NamedRole(events, config.events_role_arn, _EVENTS), {naming.events_role(region)}, "EventsRoleArn"),
        (
            NamedRole("firehoseDeliveryRoleArn", config.delivery_role_arn, _FIREHOSE),
            {naming.delivery_role(region)},
            "DeliveryRoleArn",
        ),
        (NamedRole(functions, config.lambda_role_arn, _LAMBDA), of_functions, "LambdaRoleArn"),
    )
    return tuple(
        replace(role, made_without=parameter) if role.arn in map(account.role_arn, ours) else role
        for role, ours, parameter in roles
        if role.arn
    )


def look(aws: Aws, roles: Iterable[NamedRole]) -> tuple[NamedRole, ...]:
    """The same, as they are. What cannot be found out stays None: these calls only inform."""
    return tuple(_look(aws, each) for each in roles)


def _look(aws: Aws, role: NamedRole) -> NamedRole:
    try:
        found = aws.client("iam").get_role(RoleName=role.arn.rpartition("/")[2])["Role"]
    except (ClientError, BotoCoreError) as err:
        exists = False if error_code(err).startswith("NoSuchEntity") else None
        return replace(role, exists=exists)
    return replace(
        role,
        exists=found["Arn"] == role.arn,
        trusts=may_trust(found.get("AssumeRolePolicyDocument"), role.service),
        namesake=found["Arn"],
    )


def may_trust(policy: Any, service: str) -> bool:
    """Whether a trust policy lets the service assume the role, or says so little that it cannot be told.

    A service has other names in some regions and partitions (lambda.amazonaws.com.cn), all with one beginning.
    """
    statements = policy.get("Statement", []) if isinstance(policy, Mapping) else None
    if statements is None:
        return True
    return any(
        each.get("Effect") == "Allow" and _includes(each.get("Principal"), service.partition(".")[0])
        for each in (statements if isinstance(statements, list) else [statements])
    )


def _includes(principal: Any, service: str) -> bool:
    if not isinstance(principal, Mapping):
        return True  # "*", or a NotPrincipal in its place
    named = principal.get("Service", [])
    names = named if isinstance(named, list) else [named]
    return principal.get("AWS") == "*" or any(each.partition(".")[0] in {service, "*"} for each in names)


def conflicts_on(roles: Iterable[NamedRole], stack: Stack | None) -> list[Conflict]:
    """Those that cannot be used. Found out after the first changes, they would leave half a deployment."""
    made = stack.parameters if stack else {}
    taken_away = [each for each in roles if each.made_without in made and not made[each.made_without]]
    return [
        *(_conflict(each) for each in roles if each.exists is False),
        *(
            Conflict(
                f"role {each.arn}, which {each.named_by} names, does not trust {each.service}",
                "let it, in its trust policy: docs/iam.md has what it needs. Nothing could run or write with it, "
                "and a role of the stack whose place it takes would be gone",
            )
            for each in roles
            if each.exists and not each.trusts
        ),
        *(
            Conflict(
                f"{each.named_by} names {each.arn}, which is the role of the stack {naming.ROLES_STACK}: for "
                "somebody who names a role of their own the stack takes it away",
                "leave it out: it is the default",
            )
            for each in taken_away
        ),
    ]


def _conflict(role: NamedRole) -> Conflict:
    if role.namesake:
        return Conflict(
            f"{role.named_by} names {role.arn}, and the role of that name is {role.namesake}", "name it"
        )
    return Conflict(
        f"there is no role {role.arn}, which {role.named_by} names",
        "create it, name one that is there, or leave it out: deploy.py makes one then. docs/iam.md says what each "
        "role has to be allowed, and whom to trust",
    )


def notes_on(roles: Iterable[NamedRole]) -> list[Note]:
    """What a person should know of those that may do."""
    roles = tuple(roles)
    unknown = [f"{each.arn} ({each.named_by})" for each in roles if each.exists is None]
    return [
        *(
            [Note(f"whether these roles are there could not be found out (iam:GetRole): {', '.join(unknown)}")]
            if unknown
            else []
        ),
    ]
