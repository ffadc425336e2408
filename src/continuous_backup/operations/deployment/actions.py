"""What a deployment's plan is made of."""

from dataclasses import dataclass

from continuous_backup.operations.deployment.bucket_lifecycle import OLDER_VERSIONS_DAYS
from continuous_backup.operations.deployment.drift import Drift
from continuous_backup.operations.deployment.state import Bucket, Function, LogGroup, Rule, Stack
from continuous_backup.operations.notes import Note


@dataclass(frozen=True)
class CreateBucket:
    bucket: Bucket

    def __str__(self) -> str:
        return f"create bucket {self.bucket.name}"


@dataclass(frozen=True)
class SecureBucket:
    bucket: Bucket

    def __str__(self) -> str:
        return f"make bucket {self.bucket.name} private and TLS only"


@dataclass(frozen=True)
class KeepOlderVersions:
    """`by_its_rules` where the bucket's lifecycle rules say already for how long."""

    bucket: Bucket
    by_its_rules: bool = False

    def __str__(self) -> str:
        how_long = "as long as its lifecycle rules say" if self.by_its_rules else f"for {OLDER_VERSIONS_DAYS} days"
        return f"keep older versions in bucket {self.bucket.name} {how_long}"


@dataclass(frozen=True)
class CreateRolesStack:
    stack: Stack

    def __str__(self) -> str:
        return f"create the IAM roles (CloudFormation stack {self.stack.name})"


@dataclass(frozen=True)
class UpdateRolesStack:
    stack: Stack

    def __str__(self) -> str:
        return f"update the IAM roles (CloudFormation stack {self.stack.name})"


@dataclass(frozen=True)
class RevertRolesStack:
    """What somebody changed by hand in the roles is as the stack has it again."""

    stack: Stack
    drift: tuple[Drift, ...]

    def __str__(self) -> str:
        what = "; ".join(map(str, self.drift))
        return f"make the IAM roles anew as they should be (CloudFormation stack {self.stack.name}): {what}"


@dataclass(frozen=True)
class DeleteRolesStack:
    name: str
    why: str = ""

    def __str__(self) -> str:
        return f"delete the IAM roles (CloudFormation stack {self.name}){self.why and ': ' + self.why}"


@dataclass(frozen=True)
class CreateImagesStack:
    stack: Stack

    def __str__(self) -> str:
        return f"create the bucket of items' images (CloudFormation stack {self.stack.name})"


@dataclass(frozen=True)
class UpdateImagesStack:
    stack: Stack

    def __str__(self) -> str:
        return f"update the bucket of items' images (CloudFormation stack {self.stack.name})"


@dataclass(frozen=True)
class DeleteImagesStack:
    """One whose creation failed: no bucket of it is left."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"delete CloudFormation stack {self.name}: {self.why}"


@dataclass(frozen=True)
class CreateLogGroup:
    log_group: LogGroup

    def __str__(self) -> str:
        return f"create log group {self.log_group.name}, kept for {self.log_group.retention_days} days"


@dataclass(frozen=True)
class SetRetention:
    log_group: LogGroup

    def __str__(self) -> str:
        return f"keep log group {self.log_group.name} for {self.log_group.retention_days} days"


@dataclass(frozen=True)
class DeleteLogGroup:
    name: str

    def __str__(self) -> str:
        return f"delete log group {self.name}"


@dataclass(frozen=True)
class CreateFunction:
    function: Function

    def __str__(self) -> str:
        its = self.function
        return f"create function {its.name} ({its.runtime}, {its.architecture}, {its.memory_mb} MB)"


@dataclass(frozen=True)
class UpdateCode:
    function: Function

    def __str__(self) -> str:
        its = self.function
        return f"update the code of function {its.name} ({its.runtime}, {its.architecture})"


@dataclass(frozen=True)
class UpdateSettings:
    function: Function
    differences: tuple[str, ...]

    def __str__(self) -> str:
        return f"update function {self.function.name}: {', '.join(self.differences)}"


@dataclass(frozen=True)
class GiveRole:
    """Before anything else of a function that is there: what the role before it was allowed may be gone."""

    function: str
    role_arn: str

    def __str__(self) -> str:
        return f"give function {self.function} the role {self.role_arn.rpartition('/')[2]}"


@dataclass(frozen=True)
class ReserveConcurrency:
    """`executions` of 0 takes the reservation away."""

    function: str
    executions: int

    def __str__(self) -> str:
        if not self.executions:
            return f"reserve no concurrency for function {self.function}"
        return f"reserve concurrency {self.executions} for function {self.function}"


@dataclass(frozen=True)
class DeleteFunction:
    name: str

    def __str__(self) -> str:
        return f"delete function {self.name}"


@dataclass(frozen=True)
class PutRule:
    rule: Rule
    is_new: bool = False

    def __str__(self) -> str:
        when = self.rule.schedule or "DynamoDB API calls"
        return f"{'create' if self.is_new else 'update'} rule {self.rule.name} ({when})"


@dataclass(frozen=True)
class PutTarget:
    rule: Rule

    def __str__(self) -> str:
        return f"let rule {self.rule.name} call {self.rule.target_arn.rpartition(':')[2]}"


@dataclass(frozen=True)
class AllowInvocation:
    rule: Rule

    def __str__(self) -> str:
        return f"permit rule {self.rule.name} to invoke {self.rule.target_arn.rpartition(':')[2]}"


@dataclass(frozen=True)
class DeleteRule:
    name: str

    def __str__(self) -> str:
        return f"delete rule {self.name}"


Action = (
    CreateBucket
    | SecureBucket
    | KeepOlderVersions
    | CreateRolesStack
    | UpdateRolesStack
    | RevertRolesStack
    | DeleteRolesStack
    | CreateImagesStack
    | UpdateImagesStack
    | DeleteImagesStack
    | CreateLogGroup
    | SetRetention
    | DeleteLogGroup
    | CreateFunction
    | UpdateCode
    | UpdateSettings
    | GiveRole
    | ReserveConcurrency
    | DeleteFunction
    | PutRule
    | PutTarget
    | AllowInvocation
    | DeleteRule
)


@dataclass(frozen=True)
class Conflict:
    """Something of somebody else's that stands where ours should be."""

    what: str
    hint: str

    def __str__(self) -> str:
        return self.what


Step = Action | Conflict | Note
