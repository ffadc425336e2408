"""What the account has to have before a table is tried in it."""

from continuous_backup import naming
from continuous_backup.aws import UNREACHABLE, Aws, ClientError, error_code
from continuous_backup.ensure_backup.optin import opt_in_filter
from continuous_backup.errors import UsageError
from continuous_backup.operations.deployment import observer
from continuous_backup.operations.deployment.state import Deployment, Versioning
from continuous_backup.operations.tables import script as table_scripts
from local.change_log_check import Wrong
from tests.smoke.report import Report, Skipped
from tests.smoke.subject import Subject

_FUNCTIONS = (naming.ENSURE_FUNCTION, naming.FORWARDER_FUNCTION)
_RULES = (naming.API_EVENTS_RULE, naming.SWEEP_RULE)
_DENIED = {"AccessDenied", "403"}


def require(subject: Subject) -> Deployment:
    """What is deployed. Raises UsageError where a part is missing, or where the filter leaves the table out."""
    found = observer.observe(subject.aws, subject.config, subject.account)
    missing = [f"function {name}" for name in _FUNCTIONS if name not in found.functions]
    missing += [f"rule {name}" for name in _RULES if name not in found.rules]
    missing += [] if found.bucket else [f"bucket {subject.config.bucket}"]
    if missing:
        raise UsageError(
            f"continuous backup is not deployed in account {subject.account.id}, region {subject.account.region}: "
            f"there is no {', no '.join(missing)}",
            "./build.sh && ./deploy.py",
        )
    if not opt_in_filter(subject.config, table_scripts.log())(subject.table):
        raise UsageError(
            f"the configuration's filter leaves tables such as {subject.table} out",
            "deploy with a filter that takes them in, and run this again",
        )
    return found


def check(subject: Subject, found: Deployment, report: Report, profile: str | None) -> None:
    """Rules, trail and bucket."""
    report.check("both rules are on and may invoke EnsureDynamoBackup", lambda: _rules(found))
    report.check("a trail of CloudTrail logs the API calls that the events come from", lambda: _trail(subject))
    report.check("the bucket is private and its policy asks for TLS", lambda: _secured(found))
    report.check("the bucket keeps what is overwritten or deleted", lambda: _keeps_older_versions(found))
    report.check("the bucket refuses a request without TLS", lambda: _refuses_plain_http(subject, found, profile))


def _rules(found: Deployment) -> str:
    wrong = [
        name
        for name in _RULES
        if not (found.rules[name].enabled and found.rules[name].may_invoke and found.rules[name].target_arn)
    ]
    if wrong:
        raise Wrong(f"{', '.join(wrong)}: run deploy.py again")
    return ""


def _trail(subject: Subject) -> str:
    logs = observer.surroundings(subject.aws, subject.config, subject.account).trail_logs_api_calls
    if logs is None:
        raise Skipped("it could not be found out: CloudTrail's own permissions are missing")
    if not logs:
        raise Wrong("there is none, so tables are found by the sweep alone")
    return ""


def _secured(found: Deployment) -> str:
    if found.bucket and found.bucket.secured:
        return ""
    if found.bucket and not found.bucket.ours:
        raise Skipped("the bucket is your own, not one that deploy.py made")
    raise Wrong("it is not, or its policy may not be read by you")


def _keeps_older_versions(found: Deployment) -> str:
    if found.bucket and found.bucket.versioning is Versioning.ENABLED:
        return f"older versions: {found.bucket.lifecycle}" if found.bucket.ours else ""
    if found.bucket and not found.bucket.ours:
        raise Skipped("the bucket is your own, and has no versioning")
    raise Wrong("its versioning is off, or may not be read by you; deploy.py says which")


def _refuses_plain_http(subject: Subject, found: Deployment, profile: str | None) -> str:
    if found.bucket and not found.bucket.ours and not found.bucket.secured:
        raise Skipped("the bucket is your own, not one that deploy.py made")
    endpoint = "http://" + subject.client("s3").meta.endpoint_url.partition("://")[2]
    plain = Aws(profile=profile, region=subject.account.region, endpoint_url=endpoint, max_attempts=2)
    subject.client("s3").list_objects_v2(Bucket=subject.config.bucket, MaxKeys=1)
    try:
        plain.client("s3").list_objects_v2(Bucket=subject.config.bucket, MaxKeys=1)
    except ClientError as err:
        if error_code(err) in _DENIED:
            return "what is listed over TLS is refused without"
        raise
    except UNREACHABLE as err:
        raise Skipped(f"nothing answers at {endpoint}") from err
    raise Wrong(f"{endpoint} listed it")
