"""The account that the tests look at, and the things in it and beside it."""

from continuous_backup import naming
from continuous_backup.naming import Account

ACCOUNT = Account("123456789012", "eu-west-1")
ELSEWHERE = Account("123456789012", "us-east-1")
STRANGER = Account("999999999999", "eu-west-1")

BUCKET, PREFIX = "backups-of-ours", "team/dynamodb"
BUCKET_ARN = ACCOUNT.bucket_arn(BUCKET)
IN_PREFIX = f"{BUCKET_ARN}/{PREFIX}/Orders/2026/11/22/09/changes.gz"
BESIDE_PREFIX = f"{BUCKET_ARN}/{PREFIX}-of-others/Orders/x"
ON_FAILURE = f"{BUCKET_ARN}/aws/lambda/8bd63eb4/shardId-1/2026/11/22/x"
OTHER_BUCKET = f"{ACCOUNT.bucket_arn(BUCKET + '-too')}/{PREFIX}/Orders/x"
KEY = ACCOUNT.arn("kms", "key/0f3b2c1d")
OTHER_KEY = ACCOUNT.arn("kms", "key/ffffffff")

TABLE = ACCOUNT.table_arn("Orders")
STREAM = f"{TABLE}/stream/2026-11-22T09:07:23.037"
DELIVERY_STREAM = ACCOUNT.delivery_stream_arn("Orders")
MAPPING = ACCOUNT.arn("lambda", "event-source-mapping:3eccb11c-29c1-4b0d-ac12-561364f59194")

ENSURE = ACCOUNT.function_arn(naming.ENSURE_FUNCTION)
FORWARDER = ACCOUNT.function_arn(naming.FORWARDER_FUNCTION)
IMAGES = ACCOUNT.function_arn(naming.ITEM_IMAGES_FUNCTION)
OTHER_FUNCTION = ACCOUNT.function_arn(f"{naming.FORWARDER_FUNCTION}2")
RULES = [ACCOUNT.rule_arn(naming.API_EVENTS_RULE), ACCOUNT.rule_arn(naming.SWEEP_RULE)]
OTHER_RULE = ACCOUNT.rule_arn("Other")

EVENTS_ROLE = ACCOUNT.role_arn(naming.events_role(ACCOUNT.region))
DELIVERY_ROLE = ACCOUNT.role_arn(naming.delivery_role(ACCOUNT.region))
LAMBDA_ROLE = ACCOUNT.role_arn(naming.function_role(naming.FORWARDER_FUNCTION, ACCOUNT.region))
ENSURE_ROLE = ACCOUNT.role_arn(naming.function_role(naming.ENSURE_FUNCTION, ACCOUNT.region))
IMAGES_ROLE = ACCOUNT.role_arn(naming.function_role(naming.ITEM_IMAGES_FUNCTION, ACCOUNT.region))
FUNCTION_ROLES = [LAMBDA_ROLE, ENSURE_ROLE, IMAGES_ROLE]
ROLES = [EVENTS_ROLE, DELIVERY_ROLE, *FUNCTION_ROLES]
OTHER_ROLE = ACCOUNT.role_arn("Administrator")

OURS = {"s3:ResourceAccount": ACCOUNT.id}
TO_FORWARDER = {"lambda:FunctionArn": FORWARDER}
TO_IMAGES = {"lambda:FunctionArn": IMAGES}
TO_OTHER_FUNCTION = {"lambda:FunctionArn": OTHER_FUNCTION}
TO_FIREHOSE = {"iam:PassedToService": "firehose.amazonaws.com"}
HERE = {"aws:RequestedRegion": ACCOUNT.region}
#: On a delivery stream of ours, and on one that somebody made, tagged or not.
TAGGED = {"aws:ResourceTag/dynamodb-continuous-backup": "managed"}
TAGGED_OTHERWISE = {"aws:ResourceTag/dynamodb-continuous-backup": "off", "aws:ResourceTag/team": "managed"}


def log_group(name: str) -> str:
    return ACCOUNT.arn("logs", f"log-group:{name}")


def log_stream(group: str, name: str) -> str:
    return ACCOUNT.arn("logs", f"log-group:{group}:log-stream:{name}")


def via(service: str, region: str = ACCOUNT.region) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{region}.amazonaws.com"}


def of_object(arn: str) -> dict[str, str]:
    """The context of a KMS call that S3 makes for an object."""
    return {**via("s3"), "kms:EncryptionContext:aws:s3:arn": arn}
