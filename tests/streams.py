"""How a table's stream names itself and numbers its records, for all tests that make some."""

STREAM_LABEL = "2024-11-07T10:15:30.500"
#: 2024-11-07 10:20:00 UTC.
NOW = 1_730_974_800.0
#: The first of 20 digits, the third of 21: who compares them as text gets them wrong.
FIRST_NUMBER = 99_999_999_999_999_999_998


def stream_arn(table: str = "Orders") -> str:
    return f"arn:aws:dynamodb:eu-west-1:123456789012:table/{table}/stream/{STREAM_LABEL}"


def sequence_number(number: int) -> str:
    return str(FIRST_NUMBER + number)
