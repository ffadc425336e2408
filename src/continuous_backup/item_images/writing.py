"""One image written to S3, on the condition that no newer one is there."""

from collections.abc import Callable
from dataclasses import dataclass

from continuous_backup.aws import Client, ClientError, error_code
from continuous_backup.item_images import newest_wins
from continuous_backup.item_images.image import ItemImage, version_of_metadata
from continuous_backup.item_images.newest_wins import Answer, Found, Look, Put, Request, Result
from continuous_backup.naming import Account

#: By this tag of a tombstone the bucket's lifecycle knows it.
TOMBSTONE_TAG = "dynamodb-continuous-backup-image=tombstone"

#: Kinds of images whose items have likely no object yet.
_LIKELY_NEW = {"INSERT", "SCAN"}
_NOT_THERE = {"404", "NoSuchKey", "NotFound"}
#: Where another has written meanwhile: 412, or 404 where what should have been there is not any more.
_REFUSED = {"PreconditionFailed", "412", *_NOT_THERE}


@dataclass(frozen=True)
class Place:
    """Where images are kept, and how: at most `writers` objects are written at the same time."""

    bucket: str
    prefix: str = ""
    storage_class: str = "STANDARD"
    writers: int = 32


class Writer:
    """Writes images into one place, with one client; several threads may share it."""

    def __init__(self, s3: Client, place: Place, account: Account) -> None:
        self._s3 = s3
        self._place = place
        self._account = account

    def attempts(self, name: str, image: ItemImage, body: bytes) -> Callable[[], Result]:
        """What writes the image, or finds that what is there is at least as new, when it is called.

        It raises what AWS raises; then the image may be there or not, and calling it again is safe. It goes on
        with the call that failed: what S3 has answered is not asked again, however often it refuses in between.
        """
        steps = newest_wins.write(image.version, likely_new=image.event in _LIKELY_NEW)
        request = next(steps)

        def attempt() -> Result:
            nonlocal request
            while True:
                answer = self._asked(request, name, image, body)
                try:
                    request = steps.send(answer)
                except StopIteration as end:
                    result: Result = end.value
                    return result

        return attempt

    def _asked(self, request: Request, name: str, image: ItemImage, body: bytes) -> Answer:
        where = {"Bucket": self._place.bucket, "Key": name, "ExpectedBucketOwner": self._account.id}
        return self._looked(where) if isinstance(request, Look) else self._put(where, request, image, body)

    def _looked(self, where: dict[str, str]) -> Found | None:
        try:
            found = self._s3.head_object(**where)
        except ClientError as err:
            if error_code(err) not in _NOT_THERE:
                raise
            return None
        return Found(found["ETag"], version_of_metadata(found.get("Metadata", {})))

    def _put(self, where: dict[str, str], request: Put, image: ItemImage, body: bytes) -> bool:
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html has the answers."""
        condition = {"IfMatch": request.etag} if request.etag else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(
                **where,
                **condition,
                # The minimum that the rarer classes bill is a thousand times a tombstone's size.
                StorageClass="STANDARD" if image.deleted else self._place.storage_class,
                Body=body,
                ContentType="application/json",
                Metadata=image.metadata(),
                **({"Tagging": TOMBSTONE_TAG} if image.deleted else {}),
            )
        except ClientError as err:
            if error_code(err) not in _REFUSED:
                raise
            return False
        return True
