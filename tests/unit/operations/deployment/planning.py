"""What plans of deployments are tested with."""

from dataclasses import replace

from deployments import ENSURE, FORWARDER, WANTED, with_function, with_rule

from continuous_backup import naming
from continuous_backup.operations.deployment.planner import plan
from continuous_backup.operations.deployment.state import (
    Deployment,
    LogGroup,
    Surroundings,
)

AROUND = Surroundings()
NOTHING = Deployment()
EVENTS, SWEEP = naming.API_EVENTS_RULE, naming.SWEEP_RULE
FUNCTION_LOGS = naming.log_group(ENSURE)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"


def planned(there: Deployment, wanted: Deployment = WANTED, around: Surroundings = AROUND, redeploy: bool = False):
    return plan(there, wanted, around, redeploy=redeploy)


def with_logs_of_theirs(deployment: Deployment, function: str, days: int = 30) -> Deployment:
    """As it is where the function's log group was there before the deployment."""
    group = LogGroup(naming.log_group(function), days, ours=False)
    return replace(deployment, log_groups={**deployment.log_groups, group.name: group})


def with_stack(**changes: object) -> Deployment:
    return replace(WANTED, roles_stack=replace(WANTED.roles_stack, **changes))


THEIRS = {
    "function EnsureDynamoBackup": with_function(WANTED, ENSURE, ours=False, code_sha256="theirs"),
    "function LambdaStreamToFirehose": with_function(WANTED, FORWARDER, ours=False),
    "EventBridge rule DynamoDBCreateDelete": with_rule(WANTED, EVENTS, ours=False, enabled=False),
    "CloudFormation stack DynamoDBContinuousBackupRoles": with_stack(ours=False, template="x"),
}
