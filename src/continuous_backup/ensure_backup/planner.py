"""From what is to what should be: a pure function, and the only place that decides."""

from dataclasses import asdict

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import images_planner
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
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
    Problem,
    Step,
    UpdateDeliveryStream,
    UpdateMapping,
    Wait,
)
from continuous_backup.ensure_backup.state import (
    NEW_AND_OLD_IMAGES,
    BackupState,
    DeliveryStream,
    Destination,
    Mapping,
    Table,
)
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.naming import Account

#: The first folder of a fixed path at a bucket's root:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
_OF_LAMBDA = "aws"
_TABLE_CHANGES = {"CREATING", "UPDATING"}
_MAPPING_CHANGES = {"Creating", "Enabling", "Disabling", "Updating", "Deleting"}


def plan(state: BackupState, wanted: Wanted, config: Config, account: Account, now: float) -> list[Step]:
    """What is to be done, in order; empty when everything is as wanted.

    `config` is one `in_account`; `now` is in seconds since 1970. A plan holds what can be done at
    once, and a Wait for what cannot: after it has been applied, observe and plan again.
    """
    table = state.table
    if wanted in {Wanted.RELEASED, Wanted.DEPROVISIONED}:
        opting: list[Step] = []
        if wanted is Wanted.DEPROVISIONED and table and table.status != "DELETING" and not table.opted_out:
            opting = [OptOut(state.name)]
        images = images_planner.release(state, "the table is released", force=True)
        return opting + images + _release(state, config, now, force=True)
    kept = _Keeping(state, config, account, now).steps() + images_planner.stay(state, config, account)
    if table is None:
        drained = images_planner.release(state, "", force=False) + _release(state, config, now, force=False)
        return kept + [step for step in drained if step not in kept]
    if table.status == "DELETING" or wanted is Wanted.KEPT or (table.opted_out and wanted is Wanted.PROTECTED):
        return kept
    opting = [OptIn(state.name)] if table.opted_out else []
    protection = _Protection(state, table, config, account, now)
    return opting + protection.steps() + images_planner.keep(state, table, config, account)


def not_restorable(state: BackupState, config: Config, *, settled: bool = True) -> tuple[str, ...]:
    """The keys that make the table's log, as it is written now, less than a whole record of its changes.

    They are the configuration's. While the deployed forwarder may have another one, or the table is not
    `settled` as configured, those that its mapping is tagged with count too: a log that is called restorable is.
    """
    configured = config.why_not_restorable(state.name)
    if settled and state.forwarder_agrees:
        return configured
    current = _current_mapping(state)
    return tuple(dict.fromkeys([*configured, *((current and current.not_restorable) or ())]))


def _current_mapping(state: BackupState) -> Mapping | None:
    """The mapping of the stream that is on."""
    stream = state.table.stream if state.table else None
    if not stream or not stream.enabled:
        return None
    return next((each for each in state.mappings if each.stream_arn == stream.arn), None)


class _Protection:
    """The plan for a table that exists and is to be protected."""

    def __init__(self, state: BackupState, table: Table, config: Config, account: Account, now: float) -> None:
        self.state = state
        self.table = table
        self.config = config
        self.account = account
        self.now = now
        self.stream_arn = table.stream.arn if table.stream and table.stream.enabled else ""
        self.current = _current_mapping(state)
        self.former = [each for each in state.mappings if each is not self.current]

    def steps(self) -> list[Step]:
        in_the_way = self._in_the_way()
        if in_the_way:
            return [in_the_way, *self._restorability_steps(settled=False)]
        stream = self._stream_steps()
        delivery_stream = self._delivery_stream_steps()
        settled = not stream and self._takes_records()
        mapping = self._mapping_steps() if settled else []
        stays = not any(isinstance(step, DeleteMapping) for step in mapping)
        restorability = self._restorability_steps(settled) if stays else []
        former = self._former_steps(settled and not mapping)
        return [*stream, *delivery_stream, *restorability, *mapping, *former]

    def _in_the_way(self) -> Problem | None:
        table, stream = self.table, self.table.stream
        if table.status not in {"ACTIVE", *_TABLE_CHANGES}:
            return Problem(
                f"table {table.name} is {table.status}", "it can be wired when it is ACTIVE; the sweep looks again"
            )
        wrong_view = stream and stream.enabled and stream.view_type != NEW_AND_OLD_IMAGES
        if stream and wrong_view and self.config.incompatible_stream != "replace":
            return Problem(
                f"the stream of {table.name} has view type {stream.view_type}, not NEW_AND_OLD_IMAGES",
                "others may be reading it: switch it yourself, or set incompatibleStream: replace",
            )
        if self.current and not self.current.ours:
            return Problem(
                f"mapping {self.current.uuid} from {table.name} to {naming.FORWARDER_FUNCTION} is not ours",
                f"delete it, or tag it {naming.MANAGED_TAG}={naming.MANAGED_TAG_VALUE} to hand it over",
            )
        if self.current is None and self._full() and not wrong_view:
            return Problem(
                f"TooManyReaders: the stream of {table.name} has {self.state.other_readers} other readers"
                + (" beside the global table's own" if table.replicas else ""),
                "another could throttle them: remove one, or set joinBusyStreams: true",
            )
        return self._delivery_stream_in_the_way()

    def _delivery_stream_in_the_way(self) -> Problem | None:
        table, delivery_stream = self.table, self.state.delivery_stream
        if self.config.is_taken(table.name):
            return Problem(
                f"delivery stream {self.config.delivery_stream_name(table.name)} of {table.name} is named as "
                "somebody else's in deliveryStreams or routeByAttribute: changes of others would be in its log",
                "name another one there: no two tables share one of ours",
            )
        if not self.config.prefix and table.name == _OF_LAMBDA:
            return Problem(
                f"the log of table {table.name} would lie where Lambda keeps what is not forwarded, aws/lambda/",
                "set firehoseDeliveryPrefix: with an empty one, no table may be called so",
            )
        if not self.config.is_ours(table.name):
            return _shared(delivery_stream, table.name)
        if delivery_stream and delivery_stream.status != "DELETING":
            return _conflict(delivery_stream, table.name)
        return None

    def _full(self) -> bool:
        """Whether the others, our own reader for the images of items included, leave no place at the stream."""
        images = any(each.stream_arn == self.stream_arn for each in self.state.image_mappings)
        taken = self.state.other_readers + images
        return taken >= self.table.most_readers and not self.config.join_busy_streams

    def _stream_steps(self) -> list[Step]:
        stream = self.table.stream
        if stream and stream.enabled and stream.view_type == NEW_AND_OLD_IMAGES:
            return []
        if self.table.status != "ACTIVE":
            return [Wait(f"table {self.table.name}, which is {self.table.status}, to be ACTIVE")]
        if stream and stream.enabled:
            return [DisableStream(self.table.name, stream.view_type)]
        return [EnableStream(self.table.name)]

    def _delivery_stream_steps(self) -> list[Step]:
        table, found = self.table.name, self.state.delivery_stream
        name = self.config.delivery_stream_name(table)
        if not self.config.is_ours(table):
            return _somebody_elses_steps(found, name, table)
        if found is None:
            return [self._create_delivery_stream(name)]
        if found.status == "DELETING":
            return [Wait(f"delivery stream {name} to be deleted, so that it can be made anew")]
        if found.status == "CREATING":
            return [Wait(f"delivery stream {name} to be ACTIVE")]
        if found.status == "CREATING_FAILED":
            return [DeleteDeliveryStream(table, name, "Firehose failed to create it; it is made anew")]
        if found.status != "ACTIVE":
            return [Problem(f"delivery stream {name} is {found.status}", "delete it in the Firehose console")]
        return [*self._in_use_steps(found), *self._configuration_steps(found)]

    def _create_delivery_stream(self, name: str) -> CreateDeliveryStream:
        """The mapping stays until it is there: what cannot be created must not leave the stream unread."""
        if self.current is None or self._is_a_switch():
            return CreateDeliveryStream(self.table.name, name)
        if self._full():
            # Others have taken all places at the stream: a mapping given up could not be had again.
            return CreateDeliveryStream(self.table.name, name, buffer_may_be_lost=True)
        return CreateDeliveryStream(self.table.name, name, replaces=self.current.uuid)

    def _is_a_switch(self) -> bool:
        """Whether only the name is new: the delivery stream that was fed so far is there, with its buffer.

        It is ours under another setting; or it was somebody else's, which what the mapping's tag says tells.
        """
        if self.current and "deliveryStreams" in (self.current.not_restorable or ()):
            return True
        return any(
            each.ours and each.table == self.table.name and each.status == "ACTIVE" and each.released_at is None
            for each in self.state.former_delivery_streams
        )

    def _takes_records(self) -> bool:
        return self.state.delivery_stream is not None and self.state.delivery_stream.status == "ACTIVE"

    def _in_use_steps(self, found: DeliveryStream) -> list[Step]:
        released = naming.RELEASED_AT_TAG in found.tags
        return [MarkInUse(self.table.name, found.name)] if released else []

    def _configuration_steps(self, found: DeliveryStream) -> list[Step]:
        steps: list[Step] = []
        table = self.table.name
        aim = want.destination(table, self.config, self.account)
        stale = found.tags.get(naming.CONFIGURATION_TAG) != want.fingerprint(table, self.config, self.account)
        if stale or (found.destination and _differs(found.destination, aim)):
            steps.append(UpdateDeliveryStream(table, found.name, found.version, found.destination_id, aim))
        if found.encryption:
            key = want.encryption(self.config)
            if found.encryption.status in {"ENABLING", "DISABLING"}:
                steps.append(Wait(f"the encryption of delivery stream {found.name}"))
            elif found.encryption != key:
                steps.append(EncryptDeliveryStream(table, found.name, key.key_arn))
        return steps

    def _mapping_steps(self) -> list[Step]:
        found = self.current
        if found is None:
            return [CreateMapping(self.table.name, self.stream_arn)]
        if found.state in _MAPPING_CHANGES:
            return [Wait(f"mapping {found.uuid} of {self.table.name}, which is {found.state}")]
        delivery_stream = self.state.delivery_stream
        if delivery_stream and delivery_stream.tags.get(naming.REPLACES_TAG) == found.uuid and not self._full():
            # What was put into the delivery stream that is gone may be gone with it. From TRIM_HORIZON, all
            # that the stream still holds comes again.
            return [DeleteMapping(self.table.name, found.uuid, "its delivery stream was made anew, and so is it")]
        as_wanted = found.settings == want.mapping_settings(self.config, self.account)
        if found.state != "Enabled" or not as_wanted:
            return [UpdateMapping(self.table.name, found.uuid)]
        return []

    def _restorability_steps(self, settled: bool) -> list[Step]:
        """The mapping's tag says what its log lacks: at once where it lacks something, late where no more."""
        found = self.current
        if found is None or not found.ours or found.not_restorable is None or found.state == "Deleting":
            return []
        keys = not_restorable(self.state, self.config, settled=settled)
        if set(keys) == set(found.not_restorable):
            return []
        return [MarkRestorability(self.table.name, found.uuid, keys)]

    def _former_steps(self, protected: bool) -> list[Step]:
        """What is left of earlier streams, and of other settings of firehoseCompression and deliveryStreams."""
        steps = _delete_drained(self.table.name, self.former)
        # Not while the deployed forwarder has another configuration: it may write to one of these.
        if protected and self.state.forwarder_agrees:
            for each in self.state.former_delivery_streams:
                if each.ours and each.table == self.table.name:
                    steps += _release_delivery_stream(self.table.name, each, self.config, self.now)
        return steps


class _Keeping(_Protection):
    """The plan for what is wired of a table that is gone, opted out or left out by the filter.

    Until its wiring is taken away, its changes go on being read: so they need the delivery stream that the
    configuration of today names. No stream is switched on, and no mapping is made.
    """

    def __init__(self, state: BackupState, config: Config, account: Account, now: float) -> None:
        super().__init__(state, state.table or Table(state.name, status="DELETED"), config, account, now)
        self.reading = [
            each for each in state.mappings if each.ours and not each.stream_is_gone and each.state != "Deleting"
        ]

    def steps(self) -> list[Step]:
        if not self.reading:
            return []
        in_the_way = self._delivery_stream_in_the_way()
        if in_the_way:
            return [in_the_way]
        mappings = self._mapping_steps() if self._takes_records() else []
        return [*self._delivery_stream_steps(), *mappings]

    def _create_delivery_stream(self, name: str) -> CreateDeliveryStream:
        """A mapping given up could not be had again: what was in the buffer may be lost, and is said to be."""
        return CreateDeliveryStream(self.table.name, name, buffer_may_be_lost=not self._is_a_switch())

    def _mapping_steps(self) -> list[Step]:
        wanted = want.mapping_settings(self.config, self.account)
        steps: list[Step] = []
        for each in self.reading:
            if each.state in _MAPPING_CHANGES:
                steps.append(Wait(f"mapping {each.uuid} of {self.table.name}, which is {each.state}"))
            elif each.state != "Enabled" or each.settings != wanted:
                steps.append(UpdateMapping(self.table.name, each.uuid))
        return steps


def _shared(found: DeliveryStream | None, table: str) -> Problem | None:
    """That what was named as somebody else's delivery stream is one that we made for a table."""
    if found is None or not found.ours:
        return None
    return Problem(
        f"delivery stream {found.name}, which deliveryStreams names for {table}, is ours, that of table "
        f"{found.table or '(none)'}",
        f"name one that is not ours, or take {table} out of deliveryStreams: no two tables share one of ours",
    )


def _somebody_elses_steps(found: DeliveryStream | None, name: str, table: str) -> list[Step]:
    """A delivery stream of somebody else's is used as it is; where it cannot be, that is said and no more."""
    if found and found.status == "ACTIVE":
        return []
    so = f"is {found.status}" if found else "is not there"
    return [
        Problem(
            f"delivery stream {name}, which deliveryStreams names for {table}, {so}",
            "it is not ours to mend: changes wait in the table's stream, for 22 hours, until it is ACTIVE",
        )
    ]


def _conflict(found: DeliveryStream, table: str) -> Problem | None:
    if found.tagged and not found.proved:
        return Problem(
            f"delivery stream {found.name} has our tags, and neither our delivery role nor our bucket and prefix",
            f"tags are no proof, so it is left alone: take the tag {naming.MANAGED_TAG} away if it is somebody "
            "else's, or set its role right if it is ours",
        )
    if not found.ours:
        return Problem(
            f"delivery stream {found.name} is there already and is not ours",
            "it is left alone: delete or rename it, and the table is wired by the next sweep",
        )
    if found.table != table:
        return Problem(
            f"delivery stream {found.name} is tagged as that of table {found.table or '(none)'}, not of {table}",
            f"set its tag {naming.TABLE_TAG} right if that is a mistake",
        )
    return None


def _differs(found: Destination, aim: Destination) -> bool:
    """Whether any setting that was told is another than the wanted one."""
    wanted = asdict(aim)
    return any(value is not None and value != wanted[name] for name, value in asdict(found).items())


def _delete_drained(table: str, mappings: list[Mapping]) -> list[Step]:
    """Mappings whose stream is gone have nothing left to read; the others go on."""
    return [
        DeleteMapping(table, each.uuid, "its stream is gone, all that it held has been read or expired")
        for each in mappings
        if each.ours and each.stream_is_gone and each.state != "Deleting"
    ]


def _release(state: BackupState, config: Config, now: float, *, force: bool) -> list[Step]:
    """Wiring taken away in an order that loses nothing that was read: mapping, time, delivery stream.

    Without `force`, of a table that is gone: a mapping stays while its stream can still be read.
    """
    ours = [each for each in state.mappings if each.ours]
    leaving = [each for each in ours if each.state == "Deleting"]
    staying = [each for each in ours if each.state != "Deleting"]
    steps: list[Step] = [
        Problem(f"mapping {each.uuid} of {state.name} is not ours", "it is left alone")
        for each in state.mappings
        if not each.ours
    ]
    if force:
        steps += [DeleteMapping(state.name, each.uuid, "the table is released") for each in staying]
    else:
        steps += _delete_drained(state.name, staying)
    if any(each.ours or not each.stream_is_gone for each in state.mappings):
        return [*steps, *(Wait(f"mapping {each.uuid} of {state.name} to be deleted") for each in leaving)]
    leftovers = [*state.former_delivery_streams]
    if not config.is_ours(state.name):
        shared = _shared(state.delivery_stream, state.name)
        steps += [shared] if shared and force else []
    elif state.delivery_stream:
        leftovers.insert(0, state.delivery_stream)
    for found in leftovers:
        conflict = _conflict(found, state.name)
        if conflict is None:
            steps += _release_delivery_stream(state.name, found, config, now)
        elif force:
            steps.append(conflict)
    return steps


def _release_delivery_stream(table: str, found: DeliveryStream, config: Config, now: float) -> list[Step]:
    if found.status == "DELETING":
        return [Wait(f"delivery stream {found.name} to be deleted")]
    if found.status == "CREATING":
        return [Wait(f"delivery stream {found.name} to be ACTIVE, so that it can be deleted")]
    if found.released_at is None:
        return [MarkReleased(table, found.name)]
    left = found.released_at + want.release_seconds(config, found) - now
    if left > 0:
        return [Wait(f"delivery stream {found.name} to write what it holds ({left:.0f} s)", at_least=left)]
    return [DeleteDeliveryStream(table, found.name, "nothing writes to it any more and its buffer is written")]
