"""Makes a deployment's plan come true: the only code of the deployment that changes anything."""

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError, error_code
from continuous_backup.errors import AwsError
from continuous_backup.naming import Account
from continuous_backup.operations.deployment import actions, bucket_lifecycle, bucket_policy
from continuous_backup.operations.deployment.package import Package
from continuous_backup.operations.deployment.state import (
    Bucket,
    Function,
    LogGroup,
    Rule,
    Stack,
    Versioning,
)
from continuous_backup.operations.deployment.wanted import statement_id

#: IAM is eventually consistent: a role that was just made may not be assumable for some seconds.
_ROLE_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0
_ROLE_REFUSALS = {"InvalidParameterValueException", "ValidationException"}
_LAMBDA, _EVENTS = "lambda.amazonaws.com", "events.amazonaws.com"
_STACK_PATIENCE_SECONDS = 600.0
_ONLY_TARGET = "EnsureDynamoBackup"
_TAGS = {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}
_TAG_LIST = [{"Key": key, "Value": value} for key, value in _TAGS.items()]


class Executor:
    """Applies a deployment's actions in one account. Raises what AWS raises, or an AwsError that says more."""

    def __init__(self, aws: Aws, account: Account, packages: dict[str, Package] | None = None) -> None:
        self._aws = aws
        self._account = account
        self._packages = packages or {}

    def apply(self, action: actions.Action) -> None:
        """Makes one change, and returns when AWS has made it."""
        match action:
            case actions.CreateBucket():
                self._create_bucket(action.bucket)
            case actions.SecureBucket():
                self._secure_bucket(action.bucket)
            case actions.KeepOlderVersions():
                self._keep_older_versions(action.bucket)
            case actions.CreateRolesStack() | actions.UpdateRolesStack():
                self._put_stack(action.stack, is_new=isinstance(action, actions.CreateRolesStack))
            case actions.RevertRolesStack():
                self._revert_stack(action.stack)
            case actions.CreateImagesStack() | actions.UpdateImagesStack():
                self._put_stack(action.stack, is_new=isinstance(action, actions.CreateImagesStack))
            case actions.DeleteRolesStack() | actions.DeleteImagesStack():
                self._aws.client("cloudformation").delete_stack(StackName=action.name)
                self._wait_for_stack(action.name, {"DELETE_COMPLETE"})
            case actions.CreateLogGroup():
                self._aws.client("logs").create_log_group(logGroupName=action.log_group.name, tags=_TAGS)
                self._set_retention(action.log_group)
            case actions.SetRetention():
                self._set_retention(action.log_group)
            case actions.DeleteLogGroup():
                self._aws.client("logs").delete_log_group(logGroupName=action.name)
            case actions.CreateFunction():
                self._create_function(action.function)
            case actions.UpdateCode():
                self._update_code(action.function)
            case actions.UpdateSettings():
                self._update_settings(action.function)
            case actions.GiveRole():
                self._give_role(action)
            case actions.ReserveConcurrency():
                self._reserve(action.function, action.executions)
            case actions.DeleteFunction():
                self._aws.client("lambda").delete_function(FunctionName=action.name)
            case actions.PutRule():
                self._put_rule(action.rule)
            case actions.PutTarget():
                self._aws.client("events").put_targets(
                    Rule=action.rule.name, Targets=[{"Id": _ONLY_TARGET, "Arn": action.rule.target_arn}]
                )
            case actions.AllowInvocation():
                self._allow_invocation(action.rule)
            case actions.DeleteRule():
                events = self._aws.client("events")
                targets = events.list_targets_by_rule(Rule=action.name).get("Targets", [])
                if targets:
                    events.remove_targets(Rule=action.name, Ids=[each["Id"] for each in targets])
                events.delete_rule(Name=action.name)
            case _:
                raise AssertionError(f"no way is known to apply {action!r}")

    def _create_bucket(self, bucket: Bucket) -> None:
        arguments: dict[str, Any] = {"Bucket": bucket.name}
        if self._account.region != "us-east-1":
            arguments["CreateBucketConfiguration"] = {"LocationConstraint": self._account.region}
        s3 = self._aws.client("s3")
        try:
            s3.create_bucket(**arguments)
        except s3.exceptions.BucketAlreadyExists as err:
            raise AwsError(
                f"bucket {bucket.name} belongs to somebody else: names are unique over all accounts",
                "choose another firehoseDeliveryBucket",
                error_code(err),
            ) from err
        # Only now: whoever chooses another encryption later keeps it.
        s3.put_bucket_encryption(
            Bucket=bucket.name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
        )
        s3.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": _TAG_LIST})

    def _secure_bucket(self, bucket: Bucket) -> None:
        s3 = self._aws.client("s3")
        s3.put_public_access_block(
            Bucket=bucket.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        policy = bucket_policy.tls_only(self._account.bucket_arn(bucket.name), self._bucket_policy(bucket.name))
        s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))

    def _bucket_policy(self, bucket: str) -> dict[str, Any] | None:
        try:
            policy = self._aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError as err:
            if error_code(err) == "NoSuchBucketPolicy":
                return None
            raise
        found: dict[str, Any] = json.loads(policy)
        return found

    def _keep_older_versions(self, bucket: Bucket) -> None:
        """The rule comes first: whoever stops us in between has a bucket without versioning, as before.

        So versioning without a rule is never our doing, and what somebody keeps without end is never cut short.
        """
        s3 = self._aws.client("s3")
        try:
            found = s3.get_bucket_lifecycle_configuration(Bucket=bucket.name)
        except ClientError as err:
            if error_code(err) != "NoSuchLifecycleConfiguration":
                raise
            found = {"Rules": []}
        rules = bucket_lifecycle.joined(found["Rules"])
        if rules != found["Rules"]:
            # What is left out is set to its default, and people's small objects would move, or stay, as before.
            size = "TransitionDefaultMinimumObjectSize"
            kept = {size: found[size]} if size in found else {}
            s3.put_bucket_lifecycle_configuration(
                Bucket=bucket.name, LifecycleConfiguration={"Rules": rules}, **kept
            )
        s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": Versioning.ENABLED.value})

    def _put_stack(self, stack: Stack, *, is_new: bool) -> None:
        cloudformation = self._aws.client("cloudformation")
        arguments = _of_stack(stack)
        try:
            if is_new:
                cloudformation.create_stack(**arguments)
            else:
                cloudformation.update_stack(**arguments)
        except ClientError as err:
            if "No updates are to be performed" not in str(err):
                raise
            return
        self._wait_for_stack(stack.name, {"CREATE_COMPLETE", "UPDATE_COMPLETE"})

    def _revert_stack(self, stack: Stack) -> None:
        """The stack as its template has it, what was changed by hand too.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
        """
        cloudformation = self._aws.client("cloudformation")
        change_set = {"StackName": stack.name, "ChangeSetName": f"{naming.MANAGED_TAG}-{self._aws.clock():.0f}"}
        cloudformation.create_change_set(
            **(_of_stack(stack) | change_set), ChangeSetType="UPDATE", DeploymentMode="REVERT_DRIFT"
        )
        give_up = self._aws.clock() + _STACK_PATIENCE_SECONDS
        while (found := cloudformation.describe_change_set(**change_set))["Status"] != "CREATE_COMPLETE":
            failed = found["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}
            if failed or self._aws.clock() >= give_up:
                cloudformation.delete_change_set(**change_set)
                raise AwsError(
                    f"CloudFormation makes no change set that reverts what differs in stack {stack.name}: "
                    f"{found.get('StatusReason') or found['Status']}",
                    "mend the roles by hand, as the template has them, and run it again; see docs/iam.md",
                )
            self._aws.sleep(_PAUSE_SECONDS)
        cloudformation.execute_change_set(**change_set)
        # Until it is begun, the stack says that it is as complete as it was.
        while self._is_awaited(change_set) and self._aws.clock() < give_up:
            self._aws.sleep(_PAUSE_SECONDS)
        self._wait_for_stack(stack.name, {"UPDATE_COMPLETE"})

    def _is_awaited(self, change_set: dict[str, str]) -> bool:
        """Whether a change set that is executed has still to begin; CloudFormation deletes it when it is done."""
        try:
            found = self._aws.client("cloudformation").describe_change_set(**change_set)
        except ClientError as err:
            if error_code(err) != "ChangeSetNotFound":
                raise
            return False
        return found.get("ExecutionStatus") in {"AVAILABLE", "EXECUTE_IN_PROGRESS"}

    def _wait_for_stack(self, name: str, good: set[str]) -> None:
        cloudformation = self._aws.client("cloudformation")
        give_up = self._aws.clock() + _STACK_PATIENCE_SECONDS
        while True:
            try:
                status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            except ClientError as err:
                if error_code(err) != "ValidationError" or "DELETE_COMPLETE" not in good:
                    raise
                return
            if status in good:
                return
            in_progress = status.endswith("_IN_PROGRESS") and "ROLLBACK" not in status
            if not in_progress and not (status.endswith("_CLEANUP_IN_PROGRESS")):
                raise AwsError(
                    f"CloudFormation stack {name} is {status}: {self._stack_failure(name)}",
                    "deploy.py needs the permissions in docs/iam.md; run it again when that is mended",
                )
            if self._aws.clock() >= give_up:
                raise AwsError(f"CloudFormation stack {name} is still {status}", "run it again in a few minutes")
            self._aws.sleep(_PAUSE_SECONDS)

    def _stack_failure(self, name: str) -> str:
        """Why the operation that was just made failed: the first resource that did, the others follow from it."""
        newest_first = self._aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        of_this_operation = itertools.takewhile(lambda each: not _begins_operation(each), newest_first)
        failed = [each for each in of_this_operation if each.get("ResourceStatus", "").endswith("_FAILED")]
        return failed[-1].get("ResourceStatusReason", "no reason is given") if failed else "no reason is given"

    def _set_retention(self, log_group: LogGroup) -> None:
        self._aws.client("logs").put_retention_policy(
            logGroupName=log_group.name, retentionInDays=log_group.retention_days
        )

    def _create_function(self, its: Function) -> None:
        code = self._packages[its.name].code()
        self._patiently(
            its.role_arn,
            _LAMBDA,
            lambda: self._aws.client("lambda").create_function(
                FunctionName=its.name,
                Code={"ZipFile": code},
                Architectures=[its.architecture],
                Tags=_TAGS,
                **_settings(its),
            ),
        )
        self._aws.client("lambda").get_waiter("function_active_v2").wait(FunctionName=its.name)

    def _update_code(self, its: Function) -> None:
        self._aws.client("lambda").update_function_code(
            FunctionName=its.name,
            ZipFile=self._packages[its.name].code(),
            Architectures=[its.architecture],
        )
        self._wait_for_update(its)

    def _update_settings(self, its: Function) -> None:
        self._patiently(
            its.role_arn,
            _LAMBDA,
            lambda: self._aws.client("lambda").update_function_configuration(**_settings(its, True)),
        )
        self._wait_for_update(its)

    def _give_role(self, action: actions.GiveRole) -> None:
        functions = self._aws.client("lambda")
        self._patiently(
            action.role_arn,
            _LAMBDA,
            lambda: functions.update_function_configuration(FunctionName=action.function, Role=action.role_arn),
        )
        functions.get_waiter("function_updated_v2").wait(FunctionName=action.function)

    def _wait_for_update(self, its: Function) -> None:
        self._aws.client("lambda").get_waiter("function_updated_v2").wait(FunctionName=its.name)

    def _patiently(self, role_arn: str, service: str, call: Callable[[], Any]) -> None:
        """Makes a call that gives a service a role, again and again while the role may be too new."""
        give_up = self._aws.clock() + _ROLE_PATIENCE_SECONDS
        while True:
            try:
                call()
            except ClientError as err:
                if error_code(err) not in _ROLE_REFUSALS or "assume" not in str(err):
                    raise
                if self._aws.clock() >= give_up:
                    raise AwsError(
                        f"{service} cannot assume the role {role_arn}",
                        f"the role has to exist and to trust {service}; see docs/iam.md",
                        error_code(err),
                    ) from err
                self._aws.sleep(_PAUSE_SECONDS)
            else:
                return

    def _reserve(self, function: str, executions: int) -> None:
        functions = self._aws.client("lambda")
        if executions:
            functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=executions)
        else:
            functions.delete_function_concurrency(FunctionName=function)

    def _put_rule(self, rule: Rule) -> None:
        trigger = {"ScheduleExpression": rule.schedule} if rule.schedule else {"EventPattern": rule.pattern}
        self._patiently(
            rule.role_arn,
            _EVENTS,
            lambda: self._aws.client("events").put_rule(
                Name=rule.name,
                State="ENABLED",
                RoleArn=rule.role_arn,
                Description="DynamoDB Continuous Backup",
                Tags=_TAG_LIST,  # in the same call, or a rule that was made and not tagged would not be ours
                **trigger,
            ),
        )

    def _allow_invocation(self, rule: Rule) -> None:
        functions = self._aws.client("lambda")
        where = {"FunctionName": naming.ENSURE_FUNCTION, "StatementId": statement_id(rule.name)}
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):  # none to replace
            functions.remove_permission(**where)
        functions.add_permission(
            **where,
            Action="lambda:InvokeFunction",
            Principal=_EVENTS,
            SourceArn=self._account.rule_arn(rule.name),
        )


def _of_stack(stack: Stack) -> dict[str, Any]:
    return {
        "StackName": stack.name,
        "TemplateBody": stack.template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": _TAG_LIST,
    }


def _begins_operation(stack_event: dict[str, Any]) -> bool:
    """Whether the event says that creating, updating or deleting the stack itself began."""
    of_the_stack = stack_event.get("PhysicalResourceId") == stack_event.get("StackId")
    return of_the_stack and stack_event.get("ResourceStatus") in {
        "CREATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
    }


def _settings(its: Function, is_update: bool = False) -> dict[str, Any]:
    """The part of CreateFunction and UpdateFunctionConfiguration that is the same."""
    settings = {
        "Description": its.description,
        "Role": its.role_arn,
        "Handler": its.handler,
        "Runtime": its.runtime,
        "MemorySize": its.memory_mb,
        "Timeout": its.timeout_seconds,
        "LoggingConfig": {"LogFormat": its.log_format},
        "Environment": {"Variables": dict(its.environment)},
    }
    return settings | ({"FunctionName": its.name} if is_update else {})
