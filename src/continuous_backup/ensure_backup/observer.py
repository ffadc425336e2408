"""Looks, and changes nothing: describe and list calls, made into plain facts."""

import logging
from dataclasses import dataclass, field, replace
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import DENIED, Aws, ClientError, Pace, error_code, unless_refused
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.state import (
    BackupState,
    DeliveryStream,
    Destination,
    Encryption,
    Mapping,
    MappingSettings,
    Stream,
    Table,
)
from continuous_backup.logs import logger
from continuous_backup.naming import Account

#: Firehose allows 5 calls a second of each control operation, a hard limit; we leave one for others.
DELIVERY_STREAM_CALLS_PER_SECOND = 4.0
_LARGEST_LIST = 10_000
_NOT_FOUND = "ResourceNotFoundException"


@dataclass(frozen=True)
class Listing:
    """What one pass over many tables asks for once: all names, and all mappings to our two readers."""

    mappings: tuple[Mapping, ...]
    delivery_streams: frozenset[str]
    image_mappings: tuple[Mapping, ...] = field(default=(), kw_only=True)
    forwarder: str = field(default="", kw_only=True)
    """What the deployed forwarder says of itself, with the fingerprint of its configuration."""


@dataclass(frozen=True)
class Overview(Listing):
    """What lists alone say about the account: cheap, whatever the number of tables.

    `tags` has, by ARN, the tags of what carries ours, as far as the tagging API tells; `tags_are_told` is False
    where it told nothing, since it refused or was out of reach.
    """

    tables: frozenset[str] = frozenset()
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    tags_are_told: bool = True

    @property
    def told(self) -> frozenset[str]:
        """The delivery streams of ours that the tagging API tells of."""
        return frozenset(arn.rpartition("/")[2] for arn in self.tags if ":deliverystream/" in arn)


class Observer:
    """Observes tables and their backups in one account; `config` is one `in_account`."""

    def __init__(
        self,
        aws: Aws,
        config: Config,
        account: Account,
        calls_per_second: float = DELIVERY_STREAM_CALLS_PER_SECOND,
        log: logging.Logger | None = None,
    ) -> None:
        self._aws = aws
        self._config = config
        self._account = account
        self._pace = Pace(aws, calls_per_second)
        self._log = log or logger()
        self._asks_pipes = True

    def listing(self) -> Listing:
        """All mappings and delivery streams there are, on however many pages."""
        return Listing(
            tuple(self._mappings(naming.FORWARDER_FUNCTION)),
            frozenset(self._delivery_stream_names()),
            image_mappings=tuple(self._mappings(naming.ITEM_IMAGES_FUNCTION)),
            forwarder=unless_refused(
                self._forwarder_description,
                "",
                f"what configuration {naming.FORWARDER_FUNCTION} has is not known, so nothing former is released",
                self._log,
            ),
        )

    def _forwarder_description(self) -> str:
        functions = self._aws.client("lambda", informs=True)
        try:
            found = functions.get_function_configuration(FunctionName=naming.FORWARDER_FUNCTION)
        except ClientError as err:
            if error_code(err) != _NOT_FOUND:
                raise
            return ""
        return str(found.get("Description", ""))

    def _mappings(self, function: str) -> list[Mapping]:
        try:
            found = self._aws.pages(
                "lambda",
                "list_event_source_mappings",
                "EventSourceMappings",
                FunctionName=function,
            )
        except ClientError as err:
            if error_code(err) != _NOT_FOUND:
                raise
            return []  # no such function, so nothing is mapped to it
        return [self._mapping(each) for each in found if ":dynamodb:" in each.get("EventSourceArn", "")]

    def table_names(self) -> list[str]:
        """All tables of the account and region, on however many pages."""
        return [str(name) for name in self._aws.pages("dynamodb", "list_tables", "TableNames")]

    def overview(self) -> Overview:
        """The names of all tables and delivery streams, and the tags of what is ours."""
        listing = self.listing()
        tags = unless_refused(
            self._tags_of_ours,
            None,
            "the tagging API tells no tags, so each table is looked at closely",
            self._log,
        )
        return Overview(
            listing.mappings,
            listing.delivery_streams,
            frozenset(self.table_names()),
            tags or {},
            tags is not None,
            image_mappings=listing.image_mappings,
            forwarder=listing.forwarder,
        )

    def glance(self, table: str, overview: Overview) -> BackupState:
        """A table and its backup as far as the lists tell, with one describe call, of the table.

        Its delivery streams have no destination and are taken to be ACTIVE.
        """
        found = self._described(table) if table in overview.tables else None
        if found and not overview.tags_are_told:
            found = replace(found, opted_out=self._opted_out(table))
        elif found:
            tag = overview.tags.get(self._account.table_arn(table), {}).get(naming.MANAGED_TAG)
            found = replace(found, opted_out=tag == naming.OPTED_OUT_TAG_VALUE)
        return BackupState(
            name=table,
            table=found,
            delivery_stream=self._listed(self._config.delivery_stream_name(table), overview),
            former_delivery_streams=tuple(
                each
                for name in self._config.former_delivery_stream_names(table)
                if (each := self._listed(name, overview))
            ),
            mappings=tuple(
                self._with_tags_told(table, each, overview)
                for each in self._with_streams(table, found, overview.mappings)
            ),
            image_mappings=self._with_streams(table, found, overview.image_mappings),
            forwarder_agrees=self._config.fingerprint in overview.forwarder,
        )

    def observe(self, table: str, listing: Listing | None = None) -> BackupState:
        """A table and its backup, whole. `listing` saves the lists where many tables are observed."""
        listing = listing or self.listing()
        found = self.table(table)
        own = tuple(self._with_tags(each) for each in self._with_streams(table, found, listing.mappings))
        images = tuple(self._with_tags(each) for each in self._with_streams(table, found, listing.image_mappings))
        stream_arn = found.stream.arn if found and found.stream and found.stream.enabled else ""
        mapped = any(each.stream_arn == stream_arn for each in own)
        imaged = any(each.stream_arn == stream_arn for each in images) or not self._wants_images(table)
        delivery_stream = self.delivery_stream(self._config.delivery_stream_name(table))
        settled = mapped and delivery_stream is not None and delivery_stream.status == "ACTIVE"
        return BackupState(
            name=table,
            table=found,
            delivery_stream=delivery_stream,
            former_delivery_streams=tuple(
                each
                for name in self._config.former_delivery_stream_names(table)
                if name in listing.delivery_streams and (each := self.delivery_stream(name))
            ),
            mappings=own,
            image_mappings=images,
            forwarder_agrees=self._config.fingerprint in listing.forwarder,
            other_readers=self._other_readers(stream_arn) if stream_arn and not (settled and imaged) else 0,
        )

    def _wants_images(self, table: str) -> bool:
        images = self._config.item_images
        return images is not None and images.are_kept_of(table)

    def table(self, name: str) -> Table | None:
        """The table with what its tags say, or None where there is none of that name."""
        found = self._described(name)
        return replace(found, opted_out=self._opted_out(name)) if found else None

    def _opted_out(self, name: str) -> bool:
        """What its tags say. Where they may not be read, the table is backed up.

        Whatever else goes wrong is that table's error, and soon tried again: nothing is wired by a throttled call.
        """
        try:
            tags = self._tags_of_table(name)
        except ClientError as err:
            if error_code(err) not in DENIED:
                raise
            self._log.warning("The tags of table %s may not be read, so it is backed up: %s", name, err)
            return False
        return {"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE} in tags

    def _tags_of_table(self, name: str) -> list[dict[str, str]]:
        try:
            return self._aws.pages(
                "dynamodb", "list_tags_of_resource", "Tags", ResourceArn=self._account.table_arn(name)
            )
        except ClientError as err:
            if error_code(err) == _NOT_FOUND:  # deleted meanwhile, or so new that it has no tags yet
                return []
            raise

    def _described(self, name: str) -> Table | None:
        try:
            described = self._aws.client("dynamodb").describe_table(TableName=name)["Table"]
        except ClientError as err:
            if error_code(err) == _NOT_FOUND:
                return None
            raise
        specification = described.get("StreamSpecification") or {}
        arn = described.get("LatestStreamArn", "")
        stream = (
            Stream(arn, specification.get("StreamViewType", ""), bool(specification.get("StreamEnabled")))
            if arn
            else None
        )
        return Table(name, described["TableStatus"], stream, len(described.get("Replicas") or []))

    def delivery_stream(self, name: str) -> DeliveryStream | None:
        """The delivery stream with its tags, or None where there is none of that name."""
        firehose = self._aws.client("firehose")
        try:
            self._pace.wait_for("DescribeDeliveryStream")
            described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
            self._pace.wait_for("ListTagsForDeliveryStream")
            tags = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
        except ClientError as err:
            if error_code(err) == _NOT_FOUND:
                return None
            raise
        destinations = described.get("Destinations") or [{}]
        destination = _destination(destinations[0].get("ExtendedS3DestinationDescription") or {})
        its_tags = {each["Key"]: each.get("Value", "") for each in tags}
        return DeliveryStream(
            name=name,
            status=described["DeliveryStreamStatus"],
            tags=its_tags,
            arn=described["DeliveryStreamARN"],
            version=described["VersionId"],
            destination_id=destinations[0].get("DestinationId", ""),
            destination=destination,
            proved=self._writes_as_ours_do(destination, its_tags.get(naming.TABLE_TAG, "")),
            encryption=_encryption(described.get("DeliveryStreamEncryptionConfiguration") or {}),
        )

    def _writes_as_ours_do(self, found: Destination, table: str) -> bool:
        """With our role, or to the place of the table that its tag names: one of them may have been changed."""
        place = (self._account.bucket_arn(self._config.bucket), naming.table_prefix(self._config.prefix, table))
        return found.role_arn == self._config.delivery_role_arn or (found.bucket_arn, found.prefix) == place

    def _delivery_stream_names(self) -> list[str]:
        names: list[str] = []
        arguments: dict[str, Any] = {"Limit": _LARGEST_LIST}
        while True:
            self._pace.wait_for("ListDeliveryStreams")
            page = self._aws.client("firehose").list_delivery_streams(**arguments)
            names += page["DeliveryStreamNames"]
            if not page["HasMoreDeliveryStreams"] or not page["DeliveryStreamNames"]:
                return names
            arguments["ExclusiveStartDeliveryStreamName"] = names[-1]

    def _tags_of_ours(self) -> dict[str, dict[str, str]]:
        found = self._aws.pages(
            "resourcegroupstaggingapi",
            "get_resources",
            "ResourceTagMappingList",
            ResourceTypeFilters=["firehose", "lambda", "dynamodb"],
            TagFilters=[{"Key": naming.MANAGED_TAG}],
        )
        return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in found}

    def _listed(self, name: str, overview: Overview) -> DeliveryStream | None:
        if name not in overview.delivery_streams:
            return None
        arn = self._account.delivery_stream_arn(name)
        return DeliveryStream(name, tags=overview.tags.get(arn, {}), arn=arn)

    def _mapping(self, described: dict[str, Any]) -> Mapping:
        on_failure = (described.get("DestinationConfig") or {}).get("OnFailure") or {}
        return Mapping(
            uuid=described["UUID"],
            stream_arn=described["EventSourceArn"],
            state=described.get("State", ""),
            last_result=described.get("LastProcessingResult", ""),
            settings=MappingSettings(
                batch_size=described.get("BatchSize", 0),
                batching_window_seconds=described.get("MaximumBatchingWindowInSeconds", 0),
                parallelization_factor=described.get("ParallelizationFactor", 1),
                retry_attempts=described.get("MaximumRetryAttempts", -1),
                record_age_seconds=described.get("MaximumRecordAgeInSeconds", -1),
                bisects=bool(described.get("BisectBatchOnFunctionError")),
                reports_batch_item_failures="ReportBatchItemFailures"
                in (described.get("FunctionResponseTypes") or []),
                on_failure=on_failure.get("Destination", ""),
                filters=bool((described.get("FilterCriteria") or {}).get("Filters")),
            ),
        )

    def _with_streams(self, table: str, found: Table | None, mappings: tuple[Mapping, ...]) -> tuple[Mapping, ...]:
        """The table's mappings; those of former streams with whether their stream can still be read."""
        current = found.stream.arn if found and found.stream else ""
        return tuple(
            each if each.stream_arn == current else replace(each, stream_is_gone=self._is_gone(each.stream_arn))
            for each in mappings
            if naming.table_of_arn(each.stream_arn) == table
        )

    def _is_gone(self, stream_arn: str) -> bool:
        """A stream goes 24 hours after it was switched off, or its table was deleted."""
        try:
            self._aws.client("dynamodbstreams").describe_stream(StreamArn=stream_arn, Limit=1)
        except ClientError as err:
            if error_code(err) == _NOT_FOUND:
                return True
            raise
        return False

    def _with_tags(self, mapping: Mapping) -> Mapping:
        """The mapping with whose it is, and with what its log lacks."""
        try:
            tags = self._aws.client("lambda").list_tags(Resource=self._account.mapping_arn(mapping.uuid))["Tags"]
        except ClientError as err:
            if error_code(err) != _NOT_FOUND:
                raise
            return mapping  # it was deleted meanwhile; the next observation does not see it
        ours = tags.get(naming.MANAGED_TAG) == naming.MANAGED_TAG_VALUE
        return replace(mapping, ours=ours, not_restorable=_not_restorable(tags))

    def _with_tags_told(self, table: str, mapping: Mapping, overview: Overview) -> Mapping:
        """The same as far as the tagging API tells; some emulators tell nothing of mappings.

        Lambda itself is asked where the tag is due: that a log is called restorable is not left to chance.
        """
        tags = overview.tags.get(self._account.mapping_arn(mapping.uuid))
        if tags is not None:
            return replace(mapping, not_restorable=_not_restorable(tags))
        if self._config.why_not_restorable(table):
            return self._with_tags(mapping)
        return replace(mapping, not_restorable=None)

    def _other_readers(self, stream_arn: str) -> int:
        """How many mappings and EventBridge Pipes read the stream; readers through KCL cannot be seen."""
        mappings = self._aws.pages(
            "lambda", "list_event_source_mappings", "EventSourceMappings", EventSourceArn=stream_arn
        )
        others = [each for each in mappings if not _is_to_ours(each.get("FunctionArn", ""))]
        return len(others) + self._pipes(stream_arn)

    def _pipes(self, stream_arn: str) -> int:
        """Unknown ones count as none, or no table would be mapped where there is no EventBridge Pipes.

        After one refusal nobody is asked again: each would take a while.
        """
        if not self._asks_pipes:
            return 0
        unknown = "readers of streams in EventBridge Pipes are not known, and taken for none"
        pipes = unless_refused(
            lambda: self._aws.pages("pipes", "list_pipes", "Pipes", SourcePrefix=stream_arn),
            None,
            unknown,
            self._log,
        )
        self._asks_pipes = pipes is not None
        return len(pipes or [])


def _is_to_ours(function_arn: str) -> bool:
    return any(name in function_arn for name in (naming.FORWARDER_FUNCTION, naming.ITEM_IMAGES_FUNCTION))


def _not_restorable(tags: dict[str, str]) -> tuple[str, ...]:
    return tuple(tags.get(naming.NOT_RESTORABLE_TAG, "").split())


def _destination(described: dict[str, Any]) -> Destination:
    hints = described.get("BufferingHints") or {}
    logging = described.get("CloudWatchLoggingOptions") or {}
    key = (described.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
    enabled = bool(logging.get("Enabled"))
    return Destination(
        bucket_arn=described.get("BucketARN", ""),
        role_arn=described.get("RoleARN", ""),
        prefix=described.get("Prefix", ""),
        error_prefix=described.get("ErrorOutputPrefix", ""),
        buffer_mb=hints.get("SizeInMBs", 0),
        buffer_seconds=hints.get("IntervalInSeconds", 0),
        compression=described.get("CompressionFormat", "UNCOMPRESSED"),
        # MiniStack leaves the extension out of its answer, so what is not told is not compared; the
        # hash in the tag shows a change of ours, and whoever else removes it has changed nothing else.
        file_extension=described.get("FileExtension"),
        log_group=logging.get("LogGroupName", "") if enabled else "",
        log_stream=logging.get("LogStreamName", "") if enabled else "",
        kms_key_arn=key.get("AWSKMSKeyARN", ""),
    )


def _encryption(described: dict[str, Any]) -> Encryption:
    return Encryption(
        key_type=described.get("KeyType", ""),
        key_arn=described.get("KeyARN", "") if described.get("KeyType") == "CUSTOMER_MANAGED_CMK" else "",
        status=described.get("Status", "DISABLED"),
    )
