"""The line of the log that a change becomes."""

import orjson

from continuous_backup.reading_streams.stream_records import StreamRecord


class NoLine(Exception):
    """A change that no line can be made of. The text says why, and never quotes what is in the item."""


def line(record: StreamRecord) -> bytes:
    """The documented line of a change: JSON in UTF-8, ended by a newline.

    These fields in this order, those that the record has, with the values that came. Raises NoLine for
    what no UTF-8 says, such as half of a surrogate pair.
    """
    stream_record = record["dynamodb"]
    told = stream_record.get
    fields = {"Keys": stream_record["Keys"]}
    if (new_image := told("NewImage")) is not None:
        fields["NewImage"] = new_image
    if (old_image := told("OldImage")) is not None:
        fields["OldImage"] = old_image
    fields["SequenceNumber"] = stream_record["SequenceNumber"]
    if (size := told("SizeBytes")) is not None:
        fields["SizeBytes"] = size
    if (time := told("ApproximateCreationDateTime")) is not None:
        fields["ApproximateCreationDateTime"] = time
    fields["eventName"] = record["eventName"]
    if (identity := record.get("userIdentity")) is not None:
        fields["userIdentity"] = identity
    fields["eventSourceARN"] = record["eventSourceARN"]
    return json_line(fields)


def json_line(document: object) -> bytes:
    """A document as one line of JSON. Raises NoLine where there is none."""
    try:
        return orjson.dumps(document, None, orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError as err:
        raise NoLine(f"it cannot be written as a line: {err}") from err
