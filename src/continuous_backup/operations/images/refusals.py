"""Why nothing is restored, and what to do: what a person has mistaken."""

from collections.abc import Mapping
from datetime import datetime

from continuous_backup.aws import Client
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.images.wanted import Wanted
from continuous_backup.operations.writing_items.target import Target, in_words

_TABLES_NAMED = 10
_KEYS_NAMED = 5


def no_table(name: str, account: Account) -> UsageError:
    return UsageError(
        f"there is no table {name} in account {account.id}, region {account.region}",
        "make it with the keys that the images have, or add --create; or name another with --to-table",
    )


def no_keys_known(wanted: Wanted, name: str) -> UsageError:
    return UsageError(
        f"no image below {wanted.where} tells which keys table {name} has to have",
        "make the table, and run it again: it says which images there are, and what is wrong with them",
    )


def other_keys(wanted: Wanted, target: Target, types: Mapping[str, str]) -> UsageError:
    return UsageError(
        f"the images below {wanted.where} have the keys {in_words(types)}, and table {target.name} has "
        f"{in_words(target.keys)}",
        "name a table of the same keys with --to-table, or a life of the table that had these keys with --life",
    )


def no_text_key(attribute: str, target: Target) -> UsageError:
    return UsageError(
        f"--key-prefix {attribute}: it is no key attribute of {target.name} that is a text",
        f"the keys are {in_words(target.keys)}; --key takes keys of all types",
    )


def too_early(wanted: Wanted, time: datetime, earliest: str) -> UsageError:
    """There are images, and none of that time."""
    first = f"the first is of {earliest}: " if earliest else ""
    return UsageError(
        f"below {wanted.where} no such image is of {time.isoformat()} or before", f"{first}give a later --as-of"
    )


def no_images(s3: Client, wanted: Wanted) -> UsageError:
    """Looks what there is instead. Raises what AWS raises."""
    if s3.list_objects_v2(Bucket=wanted.bucket, Prefix=wanted.listing_prefix, MaxKeys=1).get("KeyCount"):
        asked = [*wanted.asked.names.values(), *wanted.asked.partitions.values()] if wanted.asked else []
        some = ", ".join(asked[:_KEYS_NAMED]) + (", ..." if len(asked) > _KEYS_NAMED else "")
        return UsageError(
            f"there are no such images below {wanted.where}",
            f"is it the right key, {some}?" if asked else "is it how a key begins?",
        )
    above = wanted.listing_prefix[: -len(wanted.table) - 1]
    page = s3.list_objects_v2(Bucket=wanted.bucket, Prefix=above, Delimiter="/", MaxKeys=_TABLES_NAMED)
    there = [each["Prefix"][len(above) : -1] for each in page.get("CommonPrefixes", [])]
    return UsageError(
        f"there are no images below {wanted.where}",
        f"what is beside it: {', '.join(there) or 'nothing'}; is --prefix right?",
    )
