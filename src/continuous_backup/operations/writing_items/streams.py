"""What the ARN of a table's stream tells: which table it was of, and when it was switched on."""

from datetime import UTC, datetime


def table_of(stream: str) -> str:
    """The ARN of the table."""
    return stream.partition("/stream/")[0]


def label_of(stream: str) -> str:
    """What tells the streams of a table apart: the time at the end of the ARN, in UTC; "" where it has none.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Stream.html
    """
    return stream.partition("/stream/")[2]


def switched_on(stream: str) -> datetime | None:
    """When; None where the label is no time."""
    try:
        return datetime.fromisoformat(label_of(stream)).replace(tzinfo=UTC)
    except ValueError:
        return None
