"""What a person should know of a deployment, and what no step changes: pure functions."""

from continuous_backup import naming
from continuous_backup.operations.deployment import drift
from continuous_backup.operations.deployment.state import Deployment, ImagesBucket, Stack, Surroundings
from continuous_backup.operations.notes import Note


def on(there: Deployment, wanted: Deployment, around: Surroundings) -> list[Note]:
    """All of it, in the order in which it matters."""
    return [
        *(_on_drift(there.roles_stack, repaired=True) if wanted.roles_stack else []),
        *(_on_drift(there.images_stack, repaired=False) if wanted.images_stack else []),
        *_on_our_images_bucket(around.images_bucket, there.images_stack),
        *_on_images_that_end(there, wanted),
        *_on_new_roles(there, wanted),
        *_on_roles_of_others(there, wanted),
        *_on_a_new_delivery_role(there.roles_stack, wanted.roles_stack),
        *_on_trails(around),
    ]


def _on_drift(stack: Stack | None, *, repaired: bool) -> list[Note]:
    """`repaired` is whether a step sees to what is lost, unless it would take away what somebody added."""
    if stack is None or not stack.ours or stack.status not in drift.CAN_BE_LOOKED_AT:
        return []
    if stack.drift is None:
        return [
            Note(
                f"whether the roles of CloudFormation stack {stack.name} are as it made them could not be found "
                "out: that takes what docs/policies/deploy-stacks.json allows, cloudformation:DetectStackDrift "
                "and what goes with it, and no other such look at the same time"
            )
        ]
    added = any(each.added for each in stack.drift)
    notes = [
        Note(
            f"{each}: what is missing is not allowed any more, and may cost data. "
            + (
                "Repairing it would also take away what was added by hand: attach that as a managed policy "
                "instead, and run this again"
                if repaired
                else "docs/iam.md#roles-that-were-changed-by-hand has the commands that revert it"
            ),
            loud=True,
            undone=True,
        )
        for each in stack.drift
        if (each.lost or each.gone) and (added or not repaired)
    ]
    return notes + [
        Note(
            f"role {each.role} has what this did not give it: {', '.join(each.added)}"
            + (", which denies something: see that it is nothing that the backup needs" if each.denies else ""),
            loud=each.denies,
        )
        for each in stack.drift
        if each.added
    ]


def _on_our_images_bucket(bucket: ImagesBucket | None, there: Stack | None) -> list[Note]:
    """A replica that the stack is only now told of has no rule yet."""
    if bucket is None or not bucket.ours:
        return []
    has_replica = bool(there and there.parameters.get("ReplicaBucketArn"))
    notes = []
    if not bucket.versioned:
        notes.append(
            f"versioning of bucket {bucket.name} is suspended: what is overwritten there is lost, no image can be "
            "had as of a time, and nothing is replicated. Switch it on: aws s3api put-bucket-versioning --bucket "
            f"{bucket.name} --versioning-configuration Status=Enabled"
        )
    if has_replica and not bucket.replicates:
        notes.append(
            f"bucket {bucket.name} has no replication rule that is on, though there is to be a replica: somebody "
            "took it away or switched it off. docs/iam.md#roles-that-were-changed-by-hand has the commands that "
            "put it back"
        )
    return [Note(each, loud=True, undone=True) for each in notes]


def _on_images_that_end(there: Deployment, wanted: Deployment) -> list[Note]:
    name = naming.ITEM_IMAGES_FUNCTION
    if name not in there.functions or name in wanted.functions:
        return []
    bucket = there.roles_stack.parameters.get("ImagesBucketName", "") if there.roles_stack else ""
    stays = f"; those in s3://{bucket} stay" if bucket else ""
    return [
        Note(
            "itemImages is not in the configuration, and was deployed: no more images of items are "
            f"written{stays}. The next sweep takes away what reads the tables for them",
            loud=True,
        )
    ]


def _on_roles_of_others(there: Deployment, wanted: Deployment) -> list[Note]:
    """Said once, when a function gets it: nobody but IAM can tell what a role is allowed in the end."""
    stack = wanted.roles_stack
    if stack and not stack.parameters["LambdaRoleArn"]:
        return []
    given = {
        each.role_arn
        for name, each in wanted.functions.items()
        if name not in there.functions or there.functions[name].role_arn != each.role_arn
    }
    return [
        Note(
            f"what role {role} is allowed was not looked at: docs/iam.md has the statements that it needs. After "
            "the first batch, LastProcessingResult of the mappings and the functions' logs tell",
            loud=True,
        )
        for role in sorted(given)
    ]


def _on_new_roles(there: Deployment, wanted: Deployment) -> list[Note]:
    """The one role of earlier releases: a key's own policy may name it, and nobody sees that from here."""
    moved = [
        (each.name, each.role_arn.rpartition("/")[2])
        for name, each in wanted.functions.items()
        if (found := there.functions.get(name)) and found.role_arn != each.role_arn
        if found.role_arn == wanted.functions[naming.FORWARDER_FUNCTION].role_arn
    ]
    if not moved:
        return []
    names = " and ".join(f"{function} ({role})" for function, role in moved)
    return [
        Note(
            f"{names}: no longer with the forwarder's role, but one of its own. Where the policy of a KMS key "
            "(kmsKeyArn, or that of a table) names the forwarder's role, it has to name these too, and what you "
            "gave that role yourself (for an optinFunction, for instance) they have not: see docs/iam.md#kms",
            loud=True,
        )
    ]


def _on_a_new_delivery_role(there: Stack | None, wanted: Stack | None) -> list[Note]:
    """The stack takes its own away at once, and each delivery stream has it until it is brought to the new one."""
    new = wanted.parameters.get("DeliveryRoleArn") if wanted else ""
    if there is None or not new or there.parameters.get("DeliveryRoleArn") == new:
        return []
    return [
        Note(
            f"until the sweep has come to a table, its delivery stream has the former role and not {new}, and "
            "holds what it cannot write for 24 hours: ./provision_tables.py whitelist.hjson, with provisionAll: "
            "true in that file, gives all of them the new one at once",
            loud=True,
        )
    ]


def _on_trails(around: Surroundings) -> list[Note]:
    if around.trail_logs_api_calls:
        return []
    if around.trail_logs_api_calls is None:
        return [Note("whether a CloudTrail trail logs management events could not be found out", loud=True)]
    return [
        Note(
            "no CloudTrail trail logs management events here, so no new table is ever announced: tables are "
            "seen by the sweep alone. Create a trail (one is free): "
            "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-create-a-trail-using-the-console-first-time.html",
            loud=True,
        )
    ]
