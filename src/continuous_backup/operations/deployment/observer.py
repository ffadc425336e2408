"""Looks at what is deployed, and at what surrounds it; changes nothing."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import DENIED, Aws, BotoCoreError, ClientError, error_code, explain
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.deployment import bucket_lifecycle, bucket_policy, drift, named_roles, wiring
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Function,
    ImagesBucket,
    Lifecycle,
    LogGroup,
    NamedRole,
    Rule,
    Stack,
    Surroundings,
    Versioning,
)
from continuous_backup.operations.deployment.wanted import statement_id
from continuous_backup.operations.tables import named_delivery_streams

_RULES = (naming.API_EVENTS_RULE, naming.SWEEP_RULE)
_LOG_GROUPS = (naming.DELIVERY_LOG_GROUP, *(naming.log_group(function) for function in naming.FUNCTIONS))
_GONE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}


def observe(
    aws: Aws, config: Config, account: Account, tell: Callable[[str], None] = lambda _: None
) -> Deployment:
    """What is deployed; `config` is one `in_account`. Raises UsageError for a bucket that cannot be used.

    `tell` is told of what takes its time.
    """
    found = observe_removable(aws, account)
    return replace(
        found,
        bucket=_bucket(aws, config, account),
        roles_stack=_with_drift(aws, found.roles_stack, tell),
        images_stack=_with_drift(aws, found.images_stack, tell),
    )


def _with_drift(aws: Aws, stack: Stack | None, tell: Callable[[str], None]) -> Stack | None:
    """Of the stack of images, the role alone: its bucket's lifecycle, for example, is people's own to change."""
    if stack is None or not stack.ours:
        return stack
    if stack.name == naming.ROLES_STACK:
        return replace(stack, drift=drift.look(aws, stack.name, stack.status, tell))
    if not stack.parameters.get("ReplicaBucketArn"):
        return stack
    return replace(stack, drift=drift.look(aws, stack.name, stack.status, tell, ["ReplicationRole"]))


def observe_removable(aws: Aws, account: Account) -> Deployment:
    """What is deployed and may be taken away again: all but the bucket, which is not even looked at."""
    roles_stack = _stack(aws, naming.ROLES_STACK)
    return Deployment(
        roles_stack=roles_stack,
        attached=_attached(aws, account) if roles_stack else {},
        images_stack=_stack(aws, naming.IMAGES_STACK),
        log_groups={name: found for name in _LOG_GROUPS if (found := _log_group(aws, name))},
        functions={name: function for name in naming.FUNCTIONS if (function := _function(aws, name))},
        rules={name: rule for name in _RULES if (rule := _rule(aws, account, name))},
    )


def surroundings(aws: Aws, config: Config, account: Account, roles: Iterable[NamedRole] = ()) -> Surroundings:
    """What matters of the account: trails, the concurrency left, and what is named of somebody else's.

    `roles` are those that the configuration, as it was written, and the command line name.
    """
    return Surroundings(
        trail_logs_api_calls=_trail_logs_api_calls(aws, account),
        unreserved_concurrency=_unreserved_concurrency(aws),
        delivery_streams=named_delivery_streams.look(aws, config),
        images_bucket=_images_bucket(aws, config, account),
        replica_bucket=_replica_bucket(aws, config),
        roles=named_roles.look(aws, roles),
        wiring=wiring.look(aws, config),
    )


def _unreserved_concurrency(aws: Aws) -> int | None:
    """What the account has left to reserve from; None where that cannot be found out."""
    try:
        limits = aws.client("lambda").get_account_settings()["AccountLimit"]
    except (ClientError, BotoCoreError):
        return None
    return int(limits.get("UnreservedConcurrentExecutions", 0))


def replica(aws: Aws) -> Stack | None:
    """The stack of the replicas' bucket, where the credentials are those of its account."""
    return _stack(aws, naming.REPLICA_STACK)


def _images_bucket(aws: Aws, config: Config, account: Account) -> ImagesBucket | None:
    images = config.item_images
    if images is None:
        return None
    if images.bucket == naming.default_images_bucket(account):
        return _our_images_bucket(aws, images, account)
    s3 = aws.client("s3")
    try:
        found = s3.head_bucket(Bucket=images.bucket, ExpectedBucketOwner=account.id)
        versioning = s3.get_bucket_versioning(Bucket=images.bucket, ExpectedBucketOwner=account.id)
    except ClientError as err:
        if error_code(err) in {"NoSuchBucket", "404"}:
            return ImagesBucket(images.bucket, exists=False)
        raise explain(err, f"bucket {images.bucket}, which itemImages names") from err
    region = found.get("BucketRegion") or _region_told_in(found)
    if region != account.region:
        return ImagesBucket(images.bucket, elsewhere=region)
    return ImagesBucket(
        images.bucket,
        versioned=versioning.get("Status") == "Enabled",
        kms_key=_kms_key(aws, images.bucket),
    )


def _our_images_bucket(aws: Aws, images: ItemImages, account: Account) -> ImagesBucket | None:
    """That of the stack, which made it with versions and, for a replica, a rule; what of that is still on.

    None where it is not there yet, or that cannot be found out: the stack is what makes it, not this.
    """
    s3 = aws.client("s3")
    where = {"Bucket": images.bucket, "ExpectedBucketOwner": account.id}
    try:
        versioning = s3.get_bucket_versioning(**where).get("Status")
        replicates = not images.replica_account_id or _replicates(s3.get_bucket_replication(**where))
    except ClientError as err:
        if error_code(err) != "ReplicationConfigurationNotFoundError":
            return None
        replicates = False
    except BotoCoreError:
        return None
    return ImagesBucket(images.bucket, versioned=versioning == "Enabled", ours=True, replicates=replicates)


def _replicates(answer: dict[str, Any]) -> bool:
    rules = answer.get("ReplicationConfiguration", {}).get("Rules", [])
    return any(rule.get("Status") == "Enabled" for rule in rules)


def _replica_bucket(aws: Aws, config: Config) -> ImagesBucket | None:
    """Only that it is not there can be seen from here: it lets nobody of this account look into it."""
    name = config.item_images.replica_bucket_name if config.item_images else ""
    if not name:
        return None
    try:
        aws.client("s3").head_bucket(Bucket=name)
    except (ClientError, BotoCoreError) as err:
        return ImagesBucket(name, exists=error_code(err) not in {"404", "NoSuchBucket"})
    return ImagesBucket(name)


def _bucket(aws: Aws, config: Config, account: Account) -> Bucket | None:
    s3, name = aws.client("s3"), config.bucket
    try:
        found = s3.head_bucket(Bucket=name, ExpectedBucketOwner=account.id)
    except ClientError as err:
        code = error_code(err)
        if code in {"404", "NoSuchBucket"}:
            return None
        if code in {"301", "400", "PermanentRedirect"}:
            raise _in_another_region(name, account, _region_told(err)) from err
        if code in {"403", "AccessDenied", "Forbidden"}:
            raise UsageError(
                f"bucket {name} belongs to another account, or may not be listed by you",
                "name a bucket of this account in firehoseDeliveryBucket, or leave the key out; "
                "docs/iam.md has the permissions of deploy.py",
            ) from err
        raise
    region = found.get("BucketRegion") or _region_told_in(found)
    if region and region != account.region:
        raise _in_another_region(name, account, region)
    # Nobody else makes a bucket of that name here; it is ours even where we were stopped before its tag.
    ours = name == naming.default_bucket(account) or naming.MANAGED_TAG in _bucket_tags(aws, name)
    return Bucket(
        name,
        ours,
        versioning=_versioning(aws, name),
        lifecycle=_lifecycle(aws, name) if ours else Lifecycle.UNKNOWN,
        secured=_is_secured(aws, name, account),
        kms_key=_kms_key(aws, name),
    )


def _in_another_region(name: str, account: Account, region: str) -> UsageError:
    where = f"in {region}" if region else "in another region"
    return UsageError(
        f"bucket {name} is {where}, not in {account.region}",
        "Firehose writes to buckets of its own region: name one in firehoseDeliveryBucket, or leave the key out",
    )


def _region_told(err: ClientError) -> str:
    return _region_told_in(err.response)


def _region_told_in(response: dict[str, Any]) -> str:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region", ""))


def _bucket_tags(aws: Aws, name: str) -> dict[str, str]:
    try:
        tags = aws.client("s3").get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as err:
        if error_code(err) in {"NoSuchTagSet", *DENIED}:
            return {}
        raise
    return {each["Key"]: each["Value"] for each in tags}


def _is_secured(aws: Aws, name: str, account: Account) -> bool:
    """Whether nothing public can be on it and every request is over TLS; S3 encrypts all new objects."""
    s3 = aws.client("s3")
    try:
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    except ClientError as err:
        if error_code(err) in {"NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy", *DENIED}:
            return False
        raise
    return all(block.values()) and bucket_policy.is_tls_only(policy, account.bucket_arn(name))


def _kms_key(aws: Aws, name: str) -> str:
    """The customer managed key that new objects are encrypted with; empty for S3's own and for aws/s3."""
    try:
        encryption = aws.client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]
    except ClientError as err:
        if error_code(err) in {"ServerSideEncryptionConfigurationNotFoundError", *DENIED}:
            return ""
        raise
    rules = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in encryption.get("Rules", [])]
    key = next((str(each.get("KMSMasterKeyID") or "") for each in rules), "")
    return "" if key.endswith("alias/aws/s3") else key


def _versioning(aws: Aws, name: str) -> Versioning:
    try:
        return Versioning(aws.client("s3").get_bucket_versioning(Bucket=name).get("Status", ""))
    except ClientError as err:
        if error_code(err) in DENIED:
            return Versioning.UNKNOWN
        raise


def _lifecycle(aws: Aws, name: str) -> Lifecycle:
    try:
        rules = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    except ClientError as err:
        if error_code(err) == "NoSuchLifecycleConfiguration":
            return bucket_lifecycle.seen([])
        if error_code(err) in DENIED:
            return Lifecycle.UNKNOWN
        raise
    return bucket_lifecycle.seen(rules)


def _stack(aws: Aws, name: str) -> Stack | None:
    cloudformation = aws.client("cloudformation")
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as err:
        if error_code(err) == "ValidationError":  # CloudFormation's way to say: there is none
            return None
        raise
    if found["StackStatus"] in _GONE:
        return None
    template = cloudformation.get_template(StackName=name)["TemplateBody"]
    return Stack(
        name=name,
        template=template if isinstance(template, str) else json.dumps(template),
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        status=found["StackStatus"],
        ours={"Key": naming.MANAGED_TAG, "Value": naming.MANAGED_TAG_VALUE} in found.get("Tags", []),
    )


def _attached(aws: Aws, account: Account) -> dict[str, tuple[str, ...]]:
    """Managed policies on the roles of the stack; those that are not there, or refuse to tell, are left out."""
    iam, found = aws.client("iam"), {}
    for role in naming.roles(account.region):
        try:
            policies = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        except (ClientError, BotoCoreError):
            continue
        if policies:
            found[role] = tuple(each["PolicyArn"] for each in policies)
    return found


def _log_group(aws: Aws, name: str) -> LogGroup | None:
    found = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    exact = next((each for each in found if each["logGroupName"] == name), None)
    if exact is None:
        return None
    tags = aws.client("logs").list_tags_for_resource(resourceArn=exact["arn"].removesuffix(":*"))["tags"]
    return LogGroup(
        name, exact.get("retentionInDays", 0), tags.get(naming.MANAGED_TAG) == naming.MANAGED_TAG_VALUE
    )


def _function(aws: Aws, name: str) -> Function | None:
    functions = aws.client("lambda")
    try:
        found = functions.get_function(FunctionName=name)
        reserved = functions.get_function_concurrency(FunctionName=name)
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return None
        raise
    its = found["Configuration"]
    return Function(
        name=name,
        role_arn=its["Role"],
        handler=its["Handler"],
        runtime=its["Runtime"],
        architecture=its.get("Architectures", ["x86_64"])[0],
        memory_mb=its["MemorySize"],
        timeout_seconds=its["Timeout"],
        log_format=its.get("LoggingConfig", {}).get("LogFormat", "Text"),
        code_sha256=its["CodeSha256"],
        description=its.get("Description", ""),
        environment=its.get("Environment", {}).get("Variables", {}),
        reserved_concurrency=reserved.get("ReservedConcurrentExecutions", 0),
        ours=found.get("Tags", {}).get(naming.MANAGED_TAG) == naming.MANAGED_TAG_VALUE,
    )


def _rule(aws: Aws, account: Account, name: str) -> Rule | None:
    events = aws.client("events")
    try:
        found = events.describe_rule(Name=name)
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return None
        raise
    targets = events.list_targets_by_rule(Rule=name).get("Targets", [])
    tags = events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]
    return Rule(
        name=name,
        role_arn=found.get("RoleArn", ""),
        pattern=found.get("EventPattern", ""),
        schedule=found.get("ScheduleExpression", ""),
        enabled=found.get("State") == "ENABLED",
        target_arn=targets[0]["Arn"] if targets else "",
        may_invoke=_may_invoke(aws, account, name),
        ours={"Key": naming.MANAGED_TAG, "Value": naming.MANAGED_TAG_VALUE} in tags,
    )


def _may_invoke(aws: Aws, account: Account, rule: str) -> bool:
    try:
        policy = json.loads(aws.client("lambda").get_policy(FunctionName=naming.ENSURE_FUNCTION)["Policy"])
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return False
        raise
    return any(
        statement.get("Sid") == statement_id(rule) and account.rule_arn(rule) in json.dumps(statement)
        for statement in policy.get("Statement", [])
    )


def _trail_logs_api_calls(aws: Aws, account: Account) -> bool | None:
    """Whether any trail that covers this region is on and logs writing management events.

    None where that cannot be found out, for example of a trail of the organization.
    """
    trails = aws.client("cloudtrail")
    try:
        found = trails.describe_trails(includeShadowTrails=True)["trailList"]
    except (ClientError, BotoCoreError):
        return None
    answers = [_logs_api_calls(trails, trail) for trail in found if _covers(trail, account)]
    return True if True in answers else None if None in answers else False


def _covers(trail: dict[str, Any], account: Account) -> bool:
    return bool(trail.get("IsMultiRegionTrail")) or trail.get("HomeRegion") == account.region


def _logs_api_calls(trails: Any, trail: dict[str, Any]) -> bool | None:
    try:
        if not trails.get_trail_status(Name=trail["TrailARN"]).get("IsLogging"):
            return False
        selectors = trails.get_event_selectors(TrailName=trail["TrailARN"])
    except (ClientError, BotoCoreError):
        return None
    classic = any(
        each.get("IncludeManagementEvents") and each.get("ReadWriteType", "All") in {"All", "WriteOnly"}
        for each in selectors.get("EventSelectors") or []
    )
    return classic or any(_selects_api_calls(each) for each in selectors.get("AdvancedEventSelectors") or [])


def _selects_api_calls(selector: dict[str, Any]) -> bool:
    """Whether an advanced event selector takes in management events that write, DynamoDB's too."""
    fields = {each["Field"]: each for each in selector.get("FieldSelectors", [])}
    management = "Management" in fields.get("eventCategory", {}).get("Equals", [])
    read_only = "true" in fields.get("readOnly", {}).get("Equals", [])
    source = fields.get("eventSource", {})
    excluded = "dynamodb.amazonaws.com" in source.get("NotEquals", [])
    elsewhere = bool(source.get("Equals")) and "dynamodb.amazonaws.com" not in source["Equals"]
    return management and not read_only and not excluded and not elsewhere
