"""From what is deployed to what should be: pure functions."""

import json
from collections.abc import Iterable
from dataclasses import replace

from continuous_backup import naming
from continuous_backup.operations.deployment import left_behind, named_roles, remarks, versioning_notes, wiring
from continuous_backup.operations.deployment.actions import (
    AllowInvocation,
    Conflict,
    CreateBucket,
    CreateFunction,
    CreateImagesStack,
    CreateLogGroup,
    CreateRolesStack,
    DeleteFunction,
    DeleteImagesStack,
    DeleteLogGroup,
    DeleteRolesStack,
    DeleteRule,
    GiveRole,
    KeepOlderVersions,
    PutRule,
    PutTarget,
    ReserveConcurrency,
    RevertRolesStack,
    SecureBucket,
    SetRetention,
    Step,
    UpdateCode,
    UpdateImagesStack,
    UpdateRolesStack,
    UpdateSettings,
)
from continuous_backup.operations.deployment.drift import Drift
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Function,
    ImagesBucket,
    Lifecycle,
    Rule,
    Stack,
    Surroundings,
    Versioning,
)
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables import named_delivery_streams

#: Lambda keeps this much of an account's concurrency unreserved:
#: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
ALWAYS_UNRESERVED = 100

_HAND_OVER = f"rename or remove it, or tag it {naming.MANAGED_TAG}={naming.MANAGED_TAG_VALUE} to hand it over"
_REPLICA = "ReplicaBucketArn"
_NOTHING_OLDER = Note(
    "S3 replicates what is written from now on. Images that were there before reach the replica only with S3 "
    "Batch Replication: see docs/item-images.md",
    loud=True,
)
#: A stack in such a state can only be deleted.
_NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
#: By parameter of the stack of the roles: what the names end in of the roles that are not made where it is given.
_PURPOSES = {
    "EventsRoleArn": ("Events",),
    "DeliveryRoleArn": ("Delivery",),
    "LambdaRoleArn": ("Lambda", "Ensure", "Images"),
}
_SETTINGS = {
    "handler": "handler",
    "runtime": "runtime",
    "memory_mb": "memory",
    "timeout_seconds": "time-out",
    "log_format": "log format",
    "environment": "environment",
    "description": "description",
}


def plan(there: Deployment, wanted: Deployment, around: Surroundings, *, redeploy: bool = False) -> list[Step]:
    """What deploying takes, in order; only Notes when there is nothing to do.

    With `redeploy` the functions' code is uploaded again even where it is the same.
    """
    conflicts = [
        *_conflicts(there),
        *(_busy(there.roles_stack) if wanted.roles_stack else []),
        *_keys_without_permission(there, wanted, around),
        *_named_but_ours(around),
        *named_roles.conflicts_on(around.roles, there.roles_stack),
        *_attached_to(_made_no_more(there, wanted), there),
        *(_busy(there.images_stack) if wanted.images_stack else []),
        *_images_bucket_unfit(around),
        *_no_replica_there(around),
    ]
    if conflicts:
        return [*conflicts]
    functions = wanted.functions.values()
    return [
        *_bucket_steps(there, wanted),
        *_notes_on_other_keys(there, wanted, around),
        *left_behind.notes_on(there, wanted, around),
        *named_roles.notes_on(around.roles),
        *wiring.notes_on(around.wiring, deployed=naming.FORWARDER_FUNCTION in there.functions),
        *_in_order(_roles_steps(there.roles_stack, wanted.roles_stack), _role_steps(there, wanted), wanted),
        *_images_steps(there.images_stack, wanted.images_stack),
        *_log_group_steps(there, wanted),
        *(step for each in functions for step in _function_steps(there.functions.get(each.name), each, redeploy)),
        *_concurrency_steps(there, wanted, around),
        *(step for rule in wanted.rules.values() for step in _rule_steps(there.rules.get(rule.name), rule)),
        *remarks.on(there, wanted, around),
        *named_delivery_streams.notes_on(around.delivery_streams),
    ]


def plan_replica(there: Stack | None, wanted: Stack) -> list[Step]:
    """What it takes that the other account has the bucket of the replicas."""
    conflicts = [*_not_ours([there] if there else []), *_busy(there), *_of_another_source(there, wanted)]
    return [*conflicts] if conflicts else _images_steps(there, wanted)


def _of_another_source(there: Stack | None, wanted: Stack) -> list[Conflict]:
    """A bucket of replicas lets in one source; another would take its place, and tables of one name would mix."""
    if there is None or there.status in _NEVER_MADE:
        return []
    differing = [
        there.parameters[name]
        for name in ("SourceAccountId", "SourceReplicationRoleArn")
        if there.parameters.get(name, wanted.parameters.get(name)) != wanted.parameters.get(name)
    ]
    return [
        Conflict(
            f"CloudFormation stack {there.name} is for another source: {each}",
            "a source has a replica of its own: use another region for it, or deploy the template "
            "templates/item-images-replica.yaml under other names of stack and bucket",
        )
        for each in differing[:1]
    ]


def plan_removal(there: Deployment) -> list[Step]:
    """What taking it all away takes. The rules go first, so that nothing is wired meanwhile.

    The bucket is not in it: backup data is never touched.
    """
    rules: list[Step] = [DeleteRule(rule.name) for rule in there.rules.values() if rule.ours]
    functions: list[Step] = [DeleteFunction(each.name) for each in there.functions.values() if each.ours]
    log_groups: list[Step] = [DeleteLogGroup(each.name) for each in there.log_groups.values() if each.ours]
    stack: list[Step] = (
        [DeleteRolesStack(there.roles_stack.name)] if there.roles_stack and there.roles_stack.ours else []
    )
    if stack and (refused := _attached_to([*there.attached], there)):
        return [*refused]
    left_alone: list[Step] = [
        *(Note(f"{each.what}: left alone", undone=True) for each in _conflicts(there)),
        *(
            [
                Note(
                    f"CloudFormation stack {there.images_stack.name} stays: its bucket holds items' images",
                    undone=True,
                )
            ]
            if there.images_stack
            else []
        ),
        *(
            Note(f"log group {each.name} is not ours: left alone")
            for each in there.log_groups.values()
            if not each.ours
        ),
    ]
    return [*rules, *functions, *log_groups, *stack, *left_alone]


def _made_no_more(there: Deployment, wanted: Deployment) -> list[str]:
    """Roles of the stack whose places roles of people's own now take."""
    if there.roles_stack is None or wanted.roles_stack is None:
        return []
    made, aims = there.roles_stack.parameters, wanted.roles_stack.parameters
    purposes = [
        purpose
        for parameter, several in _PURPOSES.items()
        if aims[parameter] and not made.get(parameter)
        for purpose in several
    ]
    return [role for role in there.attached if role.rpartition("-")[2] in purposes]


def _attached_to(leaving: Iterable[str], there: Deployment) -> list[Conflict]:
    """CloudFormation fails half-way where it is to delete a role to which somebody attached a policy."""
    return [
        Conflict(
            f"role {role} is to go, and somebody attached {', '.join(there.attached[role])} to it",
            f"aws iam detach-role-policy --role-name {role} --policy-arn {there.attached[role][0]}",
        )
        for role in leaving
        if role in there.attached
    ]


def _conflicts(there: Deployment) -> list[Conflict]:
    stacks = [each for each in (there.roles_stack, there.images_stack) if each]
    return [
        *(
            Conflict(f"there is a function {each.name} that is not ours", _HAND_OVER)
            for each in there.functions.values()
            if not each.ours
        ),
        *(
            Conflict(f"there is an EventBridge rule {each.name} that is not ours", _HAND_OVER)
            for each in there.rules.values()
            if not each.ours
        ),
        *_not_ours(stacks),
    ]


def _not_ours(stacks: Iterable[Stack]) -> list[Conflict]:
    return [
        Conflict(f"there is a CloudFormation stack {each.name} that is not ours", _HAND_OVER)
        for each in stacks
        if not each.ours
    ]


def _busy(stack: Stack | None) -> list[Conflict]:
    if stack is None or not stack.status.endswith("_IN_PROGRESS"):
        return []
    return [Conflict(f"CloudFormation stack {stack.name} is {stack.status}", "run it again when that is over")]


def _keys_without_permission(there: Deployment, wanted: Deployment, around: Surroundings) -> list[Conflict]:
    """Firehose would take what it cannot write, lost after 24 hours; and no image could be written at all."""
    if wanted.bucket and wanted.bucket.kms_key:
        return []
    if wanted.roles_stack is None:
        return []  # roles of somebody else's may be allowed to use it; _notes_on_other_keys says it loudly
    return [
        Conflict(
            f"bucket {each.name} encrypts with key {each.kms_key}, which the roles may not use",
            "set kmsKeyArn to the key's ARN in the configuration; see docs/iam.md",
        )
        for each in _encrypting(there, around)
    ]


def _notes_on_other_keys(there: Deployment, wanted: Deployment, around: Surroundings) -> list[Step]:
    """A key's own policy may let the roles use it, which cannot be seen from here."""
    key = wanted.bucket.kms_key if wanted.bucket else ""
    return [
        Note(
            f"bucket {each.name} encrypts with key {each.kms_key} by default, and not kmsKeyArn: see that all "
            "roles may use that key, or changes are lost",
            loud=True,
        )
        for each in _encrypting(there, around)
        if not key.endswith(each.kms_key)
    ]


def _encrypting(there: Deployment, around: Surroundings) -> list[Bucket | ImagesBucket]:
    """The buckets that encrypt what is new with a customer managed key; one for both is told once."""
    found: dict[str, Bucket | ImagesBucket] = {}
    for each in (there.bucket, around.images_bucket):
        if each is not None and each.kms_key:
            found.setdefault(each.name, each)
    return [*found.values()]


def _named_but_ours(around: Surroundings) -> list[Conflict]:
    """The changes of two tables would be in one log: the forwarder writes where the configuration says."""
    return [
        Conflict(
            f"delivery stream {each.name}, which the configuration names as somebody else's, is ours, that of "
            f"table {each.table}",
            "name one that is not ours in deliveryStreams and routeByAttribute",
        )
        for each in around.delivery_streams
        if each.table
    ]


def _bucket_steps(there: Deployment, wanted: Deployment) -> list[Step]:
    if wanted.bucket is None:
        return []
    if there.bucket is None:
        return [CreateBucket(wanted.bucket), SecureBucket(wanted.bucket), KeepOlderVersions(wanted.bucket)]
    steps: list[Step] = []
    if not there.bucket.secured and there.bucket.ours:
        steps.append(SecureBucket(wanted.bucket))
    elif not there.bucket.secured:
        steps.append(Note(f"bucket {there.bucket.name} is used as it is; it is not private and TLS only"))
    return [*steps, *_versioning_steps(there.bucket)]


def _versioning_steps(bucket: Bucket) -> list[Step]:
    """Only what never had versioning gets it: who has switched it on or off before has decided."""
    may_join = bucket.lifecycle in {Lifecycle.OPEN, Lifecycle.DECIDED}
    if bucket.ours and bucket.versioning is Versioning.NEVER and may_join:
        return [KeepOlderVersions(bucket, by_its_rules=bucket.lifecycle is Lifecycle.DECIDED)]
    return [*versioning_notes.notes_on(bucket)]


def _roles_steps(there: Stack | None, wanted: Stack | None) -> list[Step]:
    if wanted is None:
        return []
    if there is None:
        return [CreateRolesStack(wanted)]
    if there.status in _NEVER_MADE:
        return [DeleteRolesStack(there.name, f"it is {there.status}"), CreateRolesStack(wanted)]
    if lost := _to_repair(there):
        return [RevertRolesStack(wanted, lost)]
    if (there.template.strip(), dict(there.parameters)) != (wanted.template.strip(), dict(wanted.parameters)):
        return [UpdateRolesStack(wanted)]
    return []


def _to_repair(stack: Stack) -> tuple[Drift, ...]:
    """What is not as it should be in our roles; nothing where repairing would take away what somebody added.

    That is a matter for people: remarks says it.
    """
    found = stack.drift or ()
    return () if any(each.added for each in found) else tuple(each for each in found if each.lost or each.gone)


def _in_order(roles: list[Step], given: list[Step], wanted: Deployment) -> list[Step]:
    """Functions get a role of the stack when it is made, and people's own before the stack takes its own away."""
    made = wanted.roles_stack and not wanted.roles_stack.parameters["LambdaRoleArn"]
    return [*roles, *given] if made else [*given, *roles]


def _role_steps(there: Deployment, wanted: Deployment) -> list[Step]:
    """At once after the roles: where something later fails, no function is left with a role that lost its rights.

    A role that is made anew under its name is another one to Lambda, until the function is given it again.
    """
    repaired = _to_repair(there.roles_stack) if there.roles_stack and wanted.roles_stack else ()
    anew = {each.role for each in repaired if each.gone}
    return [
        GiveRole(name, aim.role_arn)
        for name, aim in wanted.functions.items()
        if (found := there.functions.get(name))
        and (found.role_arn != aim.role_arn or aim.role_arn.rpartition("/")[2] in anew)
    ]


def _images_steps(there: Stack | None, wanted: Stack | None) -> list[Step]:
    """Parameters that `wanted` does not name are the operator's: they stay as they are."""
    if wanted is None:
        return []
    if there is None:
        return [CreateImagesStack(wanted)]
    if there.status in _NEVER_MADE:
        return [DeleteImagesStack(there.name, f"it is {there.status}"), CreateImagesStack(wanted)]
    same = there.template.strip() == wanted.template.strip()
    if same and all(there.parameters.get(name) == value for name, value in wanted.parameters.items()):
        return []
    update = UpdateImagesStack(replace(wanted, parameters={**there.parameters, **wanted.parameters}))
    if not there.parameters.get(_REPLICA) and wanted.parameters.get(_REPLICA):
        return [update, _NOTHING_OLDER]
    return [update]


def _images_bucket_unfit(around: Surroundings) -> list[Conflict]:
    """Without versioning there is no replication, and no image as of a time."""
    bucket = around.images_bucket
    if bucket is None or bucket.ours:
        return []
    if bucket.elsewhere:
        return [
            Conflict(
                f"bucket {bucket.name}, which itemImages names, is in {bucket.elsewhere}",
                "name one of the tables' own region, which no other region's tables use: a replica in another "
                "region is what itemImages.replicaRegion is for",
            )
        ]
    if bucket.exists and bucket.versioned:
        return []
    so = "has no versioning, or it is suspended" if bucket.exists else "is not there"
    return [
        Conflict(
            f"bucket {bucket.name}, which itemImages names, {so}",
            "switch versioning on, or leave itemImages.bucket out: deploy.py makes one then",
        )
    ]


def _no_replica_there(around: Surroundings) -> list[Conflict]:
    """S3 refuses a replication rule whose destination is not there: said before anything is changed."""
    replica = around.replica_bucket
    if replica is None or replica.exists:
        return []
    return [
        Conflict(
            f"bucket {replica.name}, which is to hold the replicas, is not there",
            "its account's administrator makes it: ./deploy.py --replica, see docs/item-images.md",
        )
    ]


def _log_group_steps(there: Deployment, wanted: Deployment) -> list[Step]:
    steps: list[Step] = []
    for name, aim in wanted.log_groups.items():
        found = there.log_groups.get(name)
        if found is None:
            steps.append(CreateLogGroup(aim))
        elif not found.ours:
            steps.append(Note(f"log group {name} was there before, and is used as it is"))
        elif found.retention_days != aim.retention_days:
            steps.append(SetRetention(aim))
    return steps


def _function_steps(found: Function | None, aim: Function, redeploy: bool) -> list[Step]:
    steps: list[Step] = []
    if found is None:
        steps.append(CreateFunction(aim))
    else:
        same_code = (found.code_sha256, found.architecture) == (aim.code_sha256, aim.architecture)
        if redeploy or not same_code:
            steps.append(UpdateCode(aim))
        differences = tuple(
            words for name, words in _SETTINGS.items() if getattr(found, name) != getattr(aim, name)
        )
        if differences:
            steps.append(UpdateSettings(aim, differences))
    return steps


def _concurrency_steps(there: Deployment, wanted: Deployment, around: Surroundings) -> list[Step]:
    """First what is given back; then, of what the account has left, what EnsureDynamoBackup is to have.

    It is little, and it alone keeps the function from meeting itself.
    """

    def turn(change: tuple[Function, int]) -> tuple[bool, bool]:
        function, more = change
        return more > 0, function.name != naming.ENSURE_FUNCTION

    steps: list[Step] = []
    unreserved = around.unreserved_concurrency
    changes = [(each, each.reserved_concurrency - _reserved(there, each)) for each in wanted.functions.values()]
    for function, more in sorted(changes, key=turn):
        if more > 0 and unreserved is None:
            steps.append(_unknown_what_is_left(function))
        elif more > 0 and unreserved is not None and unreserved - more < ALWAYS_UNRESERVED:
            steps.append(_too_little_left(function, _reserved(there, function), unreserved))
        elif more:
            steps.append(ReserveConcurrency(function.name, function.reserved_concurrency))
            unreserved = None if unreserved is None else unreserved - more
    return steps


def _unknown_what_is_left(function: Function) -> Note:
    return Note(
        f"no more concurrency is reserved for {function.name}: what the account has left could not be found out "
        "(lambda:GetAccountSettings); run it again when it can",
        undone=True,
    )


def _reserved(there: Deployment, function: Function) -> int:
    found = there.functions.get(function.name)
    return found.reserved_concurrency if found else 0


def _too_little_left(function: Function, reserved: int, unreserved: int) -> Note:
    so = (
        f"the concurrency reserved for {function.name} stays {reserved}"
        if reserved
        else f"no concurrency is reserved for {function.name}"
    )
    return Note(
        f"{so}, and not {function.reserved_concurrency}: the account has {unreserved} unreserved, of which "
        f"{ALWAYS_UNRESERVED} must stay so; ask AWS for a higher quota",
        undone=True,
    )


def _rule_steps(found: Rule | None, aim: Rule) -> list[Step]:
    steps: list[Step] = []
    if found is None or _rule_facts(found) != _rule_facts(aim):
        steps.append(PutRule(aim, is_new=found is None))
    if found is None or found.target_arn != aim.target_arn:
        steps.append(PutTarget(aim))
    if found is None or not found.may_invoke:
        steps.append(AllowInvocation(aim))
    return steps


def _rule_facts(rule: Rule) -> tuple[object, ...]:
    return json.loads(rule.pattern or "{}"), rule.schedule, rule.enabled, rule.role_arn
