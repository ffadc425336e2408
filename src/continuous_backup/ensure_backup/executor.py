"""Makes what a plan says come true: the only code of the wiring that changes anything."""

import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from continuous_backup import naming
from continuous_backup.aws import UNREACHABLE, Aws, ClientError, Pace, error_code, unless_refused
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    Action,
    CreateDeliveryStream,
    CreateMapping,
    DeleteDeliveryStream,
    DeleteMapping,
    DisableStream,
    EnableStream,
    EncryptDeliveryStream,
    MarkInUse,
    MarkReleased,
    MarkRestorability,
    OptIn,
    OptOut,
    UpdateDeliveryStream,
    UpdateMapping,
)
from continuous_backup.ensure_backup.observer import DELIVERY_STREAM_CALLS_PER_SECOND
from continuous_backup.ensure_backup.role_refusals import not_yet
from continuous_backup.ensure_backup.state import NEW_AND_OLD_IMAGES, Destination
from continuous_backup.errors import AwsError
from continuous_backup.naming import Account

#: Answers that mean: somebody was quicker, or AWS is at it. The next observation shows what is so.
_OVERTAKEN = {
    "ResourceInUseException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ConcurrentModificationException",
}


#: DynamoDB's words where the stream is on, or off, already; its code is that of every wrong request.
#: Seen on AWS by others: hashicorp/terraform-provider-aws 18402, aws-controllers-k8s/community 2782.
_STREAM_IS_SO = ("already has an enabled stream", "has no stream to disable")


class Applies(Protocol):
    """What a plan's actions are handed to: an executor, or something that only tells.

    It never waits for a role that is too new: it raises NotYet, and whoever applies has other tables to see to.
    """

    def apply(self, action: Action) -> None: ...


class Executor:
    """Applies actions in one account; `config` is one `in_account`. Raises what AWS raises, and NotYet."""

    def __init__(
        self,
        aws: Aws,
        config: Config,
        account: Account,
        log: logging.Logger,
        calls_per_second: float = DELIVERY_STREAM_CALLS_PER_SECOND,
    ) -> None:
        self._aws = aws
        self._config = config
        self._account = account
        self._log = log
        self._pace = Pace(aws, calls_per_second)
        self._reaches_logs = True

    def apply(self, action: Action) -> None:
        """Makes the change, or finds that it is overtaken by events, which is said and is no error."""
        try:
            self._change(action)
        except ClientError as err:
            if too_early := not_yet(action, err, self._config, self._account):
                raise too_early from err
            if not _is_overtaken(err):
                raise
            self._log.info("Overtaken: %s: %s", action, err, extra={"table": action.table})

    def _change(self, action: Action) -> None:
        match action:
            case OptOut():
                self._aws.client("dynamodb").tag_resource(
                    ResourceArn=self._account.table_arn(action.table),
                    Tags=[{"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}],
                )
                self._say("Opted %s out", action.table, action)
            case OptIn():
                self._aws.client("dynamodb").untag_resource(
                    ResourceArn=self._account.table_arn(action.table), TagKeys=[naming.MANAGED_TAG]
                )
                self._say("Opted %s in", action.table, action)
            case EnableStream():
                self._enable_stream(action)
            case DisableStream():
                self._update_table(action.table, {"StreamEnabled": False})
                self._say("Disabled Update Stream for %s", action.table, action)
            case CreateDeliveryStream():
                self._create_delivery_stream(action)
            case UpdateDeliveryStream():
                self._update_delivery_stream(action)
            case EncryptDeliveryStream():
                self._firehose("start_delivery_stream_encryption")(
                    DeliveryStreamName=action.name, DeliveryStreamEncryptionConfigurationInput=self._key()
                )
                self._say("Encrypting Firehose Delivery Stream %s", action.name, action)
            case MarkReleased():
                self._tag(action.name, {naming.RELEASED_AT_TAG: f"{self._aws.clock():.0f}"})
                self._say("Released Firehose Delivery Stream %s", action.name, action)
            case MarkInUse():
                self._firehose("untag_delivery_stream")(
                    DeliveryStreamName=action.name, TagKeys=[naming.RELEASED_AT_TAG]
                )
                self._say("Keeping Firehose Delivery Stream %s", action.name, action)
            case DeleteDeliveryStream():
                self._firehose("delete_delivery_stream")(DeliveryStreamName=action.name)
                self._say("Deleted Firehose Delivery Stream %s; its data on S3 stays", action.name, action)
            case CreateMapping():
                self._create_mapping(action)
            case UpdateMapping():
                self._update_mapping(action)
            case DeleteMapping():
                self._aws.client("lambda").delete_event_source_mapping(UUID=action.uuid)
                self._say("Deleted Event Source Mapping %s", action.uuid, action)
            case MarkRestorability():
                self._mark_restorability(action)
            case _:
                raise AssertionError(f"no way is known to apply {action!r}")

    def _say(self, sentence: str, name: str, action: Action) -> None:
        self._log.info(sentence, name, extra={"table": action.table, "action": type(action).__name__})

    def _update_table(self, table: str, specification: dict[str, Any]) -> Any:
        return self._aws.client("dynamodb").update_table(TableName=table, StreamSpecification=specification)

    def _enable_stream(self, action: EnableStream) -> None:
        answer = self._update_table(action.table, {"StreamEnabled": True, "StreamViewType": NEW_AND_OLD_IMAGES})
        self._say("Enabled Update Stream for %s", action.table, action)
        arn = answer["TableDescription"].get("LatestStreamArn", "")
        self._say("Resolved DynamoDB Stream ARN: %s", arn, action)

    def _create_delivery_stream(self, action: CreateDeliveryStream) -> None:
        aim = want.destination(action.table, self._config, self._account)
        self._make_log_stream(aim.log_stream)
        tags = want.delivery_stream_tags(action.table, self._config, self._account)
        if action.replaces:
            tags[naming.REPLACES_TAG] = action.replaces
        answer = self._firehose("create_delivery_stream")(
            DeliveryStreamName=action.name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration=_request(aim),
            DeliveryStreamEncryptionConfigurationInput=self._key(),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        self._say("Created new Firehose Delivery Stream %s", answer["DeliveryStreamARN"], action)
        if action.buffer_may_be_lost:
            self._log.error(
                "What the former delivery stream of %s still held may be missing: other readers have taken all "
                "places at the stream, so it was not read again from its beginning",
                action.table,
                extra={"table": action.table},
            )

    def _make_log_stream(self, name: str) -> None:
        """The log stream that Firehose's errors go to has to be there, or they are lost in silence.

        Where it cannot be made, the table is wired all the same, and the log says so. Once CloudWatch Logs was
        out of reach it is not asked again: each table would wait for it.
        """
        unknown = (
            f"log stream {name} of {naming.DELIVERY_LOG_GROUP}, for what Firehose cannot deliver, is not made"
        )
        if self._reaches_logs:
            unless_refused(partial(self._require_log_stream, name), None, unknown, self._log)
        else:
            self._log.warning("%s: CloudWatch Logs was out of reach before", unknown)

    def _require_log_stream(self, name: str) -> None:
        try:
            self._create_log_stream(name)
        except UNREACHABLE:
            self._reaches_logs = False
            raise

    def _create_log_stream(self, name: str) -> None:
        logs = self._aws.client("logs", informs=True)
        where = {"logGroupName": naming.DELIVERY_LOG_GROUP, "logStreamName": name}
        try:
            logs.create_log_stream(**where)
        except logs.exceptions.ResourceAlreadyExistsException:
            return
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(
                logGroupName=naming.DELIVERY_LOG_GROUP, tags={naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}
            )
            logs.put_retention_policy(
                logGroupName=naming.DELIVERY_LOG_GROUP, retentionInDays=self._config.log_retention_days
            )
            logs.create_log_stream(**where)

    def _update_delivery_stream(self, action: UpdateDeliveryStream) -> None:
        self._make_log_stream(action.destination.log_stream)
        self._firehose("update_destination")(
            DeliveryStreamName=action.name,
            CurrentDeliveryStreamVersionId=action.version,
            DestinationId=action.destination_id,
            ExtendedS3DestinationUpdate=_request(action.destination),
        )
        self._tag(action.name, want.delivery_stream_tags(action.table, self._config, self._account))
        self._say("Updated Firehose Delivery Stream %s", action.name, action)

    def _create_mapping(self, action: CreateMapping) -> None:
        functions = self._aws.client("lambda")
        try:
            functions.create_event_source_mapping(
                EventSourceArn=action.stream_arn,
                FunctionName=action.function,
                StartingPosition="TRIM_HORIZON",
                Enabled=True,
                Tags=self._mapping_tags(action),
                **self._mapping_settings(action.function),
            )
        except functions.exceptions.ResourceNotFoundException as err:
            raise AwsError(
                f"{action.table} cannot be mapped: there is no function {action.function}",
                "run ./build.sh and ./deploy.py first",
                error_code(err),
            ) from err
        if action.function == naming.ITEM_IMAGES_FUNCTION:
            self._say("Mapped DynamoDB Stream %s to the images of items", action.stream_arn, action)
            return
        target = self._account.delivery_stream_arn(self._config.delivery_stream_name(action.table))
        self._say("Resolved Firehose Delivery Stream ARN: %s", target, action)
        self._say("Mapped DynamoDB Stream %s to the forwarder", action.stream_arn, action)

    def _update_mapping(self, action: UpdateMapping) -> None:
        functions = self._aws.client("lambda")
        functions.update_event_source_mapping(
            UUID=action.uuid, Enabled=True, FilterCriteria={}, **self._mapping_settings(action.function)
        )
        functions.tag_resource(
            Resource=self._account.mapping_arn(action.uuid),
            Tags=self._mapping_tags(action),
        )
        self._say("Updated Event Source Mapping %s", action.uuid, action)

    def _mark_restorability(self, action: MarkRestorability) -> None:
        functions = self._aws.client("lambda")
        mapping = self._account.mapping_arn(action.uuid)
        if action.keys:
            functions.tag_resource(Resource=mapping, Tags={naming.NOT_RESTORABLE_TAG: " ".join(action.keys)})
            self._say("Marked the log of %s as not restorable", action.table, action)
        else:
            # First: where we are stopped in between, the mark stays, and this comes again.
            now = datetime.fromtimestamp(self._aws.clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            functions.tag_resource(Resource=mapping, Tags={naming.RESTORABLE_SINCE_TAG: now})
            functions.untag_resource(Resource=mapping, TagKeys=[naming.NOT_RESTORABLE_TAG])
            self._say("Marked the log of %s as restorable again, from now on", action.table, action)

    def _mapping_tags(self, action: CreateMapping | UpdateMapping) -> dict[str, str]:
        images = self._config.item_images
        if action.function == naming.ITEM_IMAGES_FUNCTION and images:
            return want.image_mapping_tags(action.table, images, self._config, self._account)
        return want.mapping_tags(action.table, self._config, self._account)

    def _mapping_settings(self, function: str) -> dict[str, Any]:
        settings = want.mapping_settings(self._config, self._account)
        images = self._config.item_images
        if function == naming.ITEM_IMAGES_FUNCTION and images:
            settings = want.image_mapping_settings(images, self._config, self._account)
        return {
            "BatchSize": settings.batch_size,
            "MaximumBatchingWindowInSeconds": settings.batching_window_seconds,
            "ParallelizationFactor": settings.parallelization_factor,
            "MaximumRetryAttempts": settings.retry_attempts,
            "MaximumRecordAgeInSeconds": settings.record_age_seconds,
            "BisectBatchOnFunctionError": settings.bisects,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "DestinationConfig": {"OnFailure": {"Destination": settings.on_failure}},
        }

    def _key(self) -> dict[str, str]:
        key = want.encryption(self._config)
        return {"KeyType": key.key_type} | ({"KeyARN": key.key_arn} if key.key_arn else {})

    def _tag(self, name: str, tags: dict[str, str]) -> None:
        self._firehose("tag_delivery_stream")(
            DeliveryStreamName=name, Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )

    def _firehose(self, operation: str) -> Any:
        """The client's method for one of Firehose's control operations, when its pace allows."""
        self._pace.wait_for(operation)
        return getattr(self._aws.client("firehose"), operation)


def _request(aim: Destination) -> dict[str, Any]:
    """The S3 part of CreateDeliveryStream and UpdateDestination, which have the same shape."""
    encryption = (
        {"KMSEncryptionConfig": {"AWSKMSKeyARN": aim.kms_key_arn}}
        if aim.kms_key_arn
        else {"NoEncryptionConfig": "NoEncryption"}
    )
    return {
        "BucketARN": aim.bucket_arn,
        "RoleARN": aim.role_arn,
        "Prefix": aim.prefix,
        "ErrorOutputPrefix": aim.error_prefix,
        "BufferingHints": {"SizeInMBs": aim.buffer_mb, "IntervalInSeconds": aim.buffer_seconds},
        "CompressionFormat": aim.compression,
        "EncryptionConfiguration": encryption,
        "CloudWatchLoggingOptions": {
            "Enabled": True,
            "LogGroupName": aim.log_group,
            "LogStreamName": aim.log_stream,
        },
    } | ({"FileExtension": aim.file_extension} if aim.file_extension else {})


def _is_overtaken(err: ClientError) -> bool:
    message = str(err.response.get("Error", {}).get("Message", "")).lower()
    return error_code(err) in _OVERTAKEN or any(each in message for each in _STREAM_IS_SO)
