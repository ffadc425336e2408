"""Refusals of a role that may pass by themselves: IAM tells what is new to nobody at once."""

from continuous_backup import naming
from continuous_backup.aws import ClientError, error_code
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import (
    Action,
    CreateDeliveryStream,
    CreateMapping,
    UpdateDeliveryStream,
    UpdateMapping,
)
from continuous_backup.errors import AwsError
from continuous_backup.naming import Account

#: How long a role is taken for one that is too new, since its first refusal. IAM says no number, a minute is
#: plenty: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
ROLE_PATIENCE_SECONDS = 60.0

#: Lambda's and Firehose's codes for it are those of every wrong request, so their words are what tells. They are
#: documented nowhere; as others saw them: awslabs/dynamodb-continuous-backup 39, serverless/serverless 3997,
#: hashicorp/terraform-provider-aws 3380 and 47937.
_OF_LAMBDA = (
    "cannot access stream",
    "ensure the role can perform",
    "execution role does not have permissions",
    "cannot be assumed by lambda",
)
_OF_FIREHOSE = ("assume", "security token included in the request is invalid")

#: The statement in each reader's role for what its mapping's on-failure destination gets.
_FAILURES = {
    naming.FORWARDER_FUNCTION: "WriteWhatCannotBeForwarded",
    naming.ITEM_IMAGES_FUNCTION: "WriteWhatCannotBeKept",
}


class NotYet(AwsError):
    """What AWS refused a role; `reason` is what to wait for, the rest is for whoever has waited in vain."""

    def __init__(self, reason: str, problem: str, hint: str, code: str) -> None:
        super().__init__(problem, hint, code)
        self.reason = reason


def not_yet(action: Action, err: ClientError, config: Config, account: Account) -> NotYet | None:
    """The refusal of an action, where the reason may be that a role is too new; `config` is one `in_account`.

    None for every other error.
    """
    code, table = error_code(err), action.table
    message = str(err.response.get("Error", {}).get("Message", ""))
    said = message.lower()
    match action:
        case CreateMapping() | UpdateMapping():
            if code != "InvalidParameterValueException" or not any(words in said for words in _OF_LAMBDA):
                return None
            role = config.function_role_arn(action.function, account)
            return NotYet(
                f"IAM to let {action.function} read the stream of {table} with role {role}",
                f"{table} cannot be mapped to {action.function} with role {role}: {message} ({code})",
                "the role has to trust lambda.amazonaws.com, to have the statements ReadStreams, ListStreams, "
                f"ReadEncryptedStreams, FindBucket and {_FAILURES[action.function]}, and to be let in by the "
                "policy of the table's KMS key, where it has one; see docs/iam.md",
                code,
            )
        case CreateDeliveryStream() | UpdateDeliveryStream():
            if code != "InvalidArgumentException" or not any(words in said for words in _OF_FIREHOSE):
                return None
            role = config.delivery_role_arn
            without = (
                f"{table} has no delivery stream"
                if isinstance(action, CreateDeliveryStream)
                else f"delivery stream {action.name} of {table} is not as configured"
            )
            return NotYet(
                f"IAM to let Firehose assume role {role} for {table}",
                f"Firehose cannot assume role {role}, so {without}: {message} ({code})",
                "the role has to exist and to trust firehose.amazonaws.com; see docs/iam.md",
                code,
            )
    return None
