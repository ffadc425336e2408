"""Asks IAM itself what the roles may do: iam:SimulatePrincipalPolicy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from continuous_backup import naming
from continuous_backup.aws import ClientError, error_code
from local.change_log_check import Wrong
from tests.smoke.report import Report, Skipped
from tests.smoke.subject import Subject

#: Whoever runs this may not ask, or nobody answers such questions here.
_CANNOT_ASK = {"AccessDenied", "AccessDeniedException", "InvalidAction", "NotImplemented", "UnknownOperation"}
_ACCOUNT_OF_BUCKET = "s3:ResourceAccount"
_PASSED_TO = "iam:PassedToService"
_FUNCTION = "lambda:FunctionArn"
_OUR_TAG = f"aws:ResourceTag/{naming.MANAGED_TAG}"


@dataclass(frozen=True)
class Question:
    """Whether a role may do something. `context` has the condition keys that AWS would send."""

    claim: str
    role_arn: str
    action: str
    resource: str
    allowed: bool
    context: Mapping[str, str] = field(default_factory=dict)


def check(subject: Subject, report: Report) -> None:
    """A line for each thing that a role has to be allowed, or must not be."""
    for question in [*_of_delivery_role(subject), *_of_function_roles(subject)]:
        report.check(question.claim, lambda question=question: _ask(subject, question))  # type: ignore[misc]


def _ask(subject: Subject, question: Question) -> str:
    try:
        answer = subject.client("iam").simulate_principal_policy(
            PolicySourceArn=question.role_arn,
            ActionNames=[question.action],
            ResourceArns=[question.resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in question.context.items()
            ],
        )
    except ClientError as err:
        if error_code(err) in _CANNOT_ASK:
            raise Skipped(f"SimulatePrincipalPolicy: {error_code(err)}") from err
        raise
    decision = answer["EvaluationResults"][0]["EvalDecision"]
    if (decision == "allowed") != question.allowed:
        raise Wrong(f"IAM says {decision} to {question.action} on {question.resource}")
    return str(decision)


def _of_delivery_role(subject: Subject) -> list[Question]:
    config, account = subject.config, subject.account
    bucket, ours = account.bucket_arn(config.bucket), {_ACCOUNT_OF_BUCKET: account.id}

    def may_put(claim: str, resource: str, allowed: bool, context: Mapping[str, str] = ours) -> Question:
        return Question(claim, config.delivery_role_arn, "s3:PutObject", resource, allowed, context)

    asked = [
        may_put("the delivery role may put under the prefix", f"{bucket}/{subject.prefix}object", True),
        may_put("the delivery role may not put into another bucket", f"{bucket}-other/{subject.prefix}o", False),
        may_put(
            "the delivery role may not put into a bucket of another account",
            f"{bucket}/{subject.prefix}object",
            False,
            {_ACCOUNT_OF_BUCKET: "0" * 12},
        ),
    ]
    if config.prefix:
        outside = f"{bucket}/not-{config.prefix}/object"
        asked.append(may_put("the delivery role may not put outside of the prefix", outside, False))
    return asked


def _of_function_roles(subject: Subject) -> list[Question]:
    config, account = subject.config, subject.account
    ensure_role = config.function_role_arn(naming.ENSURE_FUNCTION, account)
    forwarder_role = config.function_role_arn(naming.FORWARDER_FUNCTION, account)

    def may(claim: str, action: str, resource: str, allowed: bool, **context: str) -> Question:
        keys = {_PASSED_TO: context.get("to"), _FUNCTION: context.get("function"), _OUR_TAG: context.get("tag")}
        sent = {key: value for key, value in keys.items() if value}
        return Question(f"the ensuring role {claim}", ensure_role, action, resource, allowed, sent)

    def may_pass(claim: str, role_arn: str, to: str, allowed: bool) -> Question:
        return may(claim, "iam:PassRole", role_arn, allowed, to=to)

    def may_map(claim: str, function: str, allowed: bool) -> Question:
        arn = account.function_arn(function)
        return may(claim, "lambda:CreateEventSourceMapping", "*", allowed, function=arn)

    def may_delete(claim: str, allowed: bool, **context: str) -> Question:
        arn = account.delivery_stream_arn(subject.table)
        return may(claim, "firehose:DeleteDeliveryStream", arn, allowed, **context)

    def may_not(action: str, claim: str, resource: str) -> list[Question]:
        roles = {"ensuring": ensure_role, "forwarder's": forwarder_role}
        return [Question(f"the {name} role {claim}", arn, action, resource, False) for name, arn in roles.items()]

    firehose, table = "firehose.amazonaws.com", account.table_arn(subject.table)
    data = f"{account.bucket_arn(config.bucket)}/{subject.prefix}object"
    return [
        may_pass("may pass the delivery role to Firehose", config.delivery_role_arn, firehose, True),
        may_pass(
            "may not pass the delivery role to another service",
            config.delivery_role_arn,
            "ec2.amazonaws.com",
            False,
        ),
        may_pass("may not pass itself", ensure_role, "lambda.amazonaws.com", False),
        may_pass("may not pass another role to Firehose", account.role_arn("Another"), firehose, False),
        may_map("may map streams to the forwarder", naming.FORWARDER_FUNCTION, True),
        may_map("may not map streams to another function", "Another", False),
        may_delete("may delete a delivery stream with our tag", True, tag=naming.MANAGED_TAG_VALUE),
        may_delete("may not delete a delivery stream without it", False),
        *may_not("dynamodb:GetItem", "may not get items", table),
        *may_not("dynamodb:Scan", "may not scan", table),
        *may_not("s3:DeleteObject", "may not delete backup data", data),
    ]
