"""The policy of a bucket that we make: no request without TLS."""

from typing import Any

_SID = "DenyRequestsWithoutTls"
_EVERYBODY = ("*", {"AWS": "*"}, {"AWS": ["*"]})
_EVERYTHING = {"*", "s3:*"}


def tls_only(bucket_arn: str, policy: dict[str, Any] | None = None) -> dict[str, Any]:
    """A bucket policy that refuses every request that is not over TLS; what `policy` says beside it stays."""
    kept = [each for each in _listed((policy or {}).get("Statement", [])) if each.get("Sid") != _SID]
    refusal = {
        "Sid": _SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn, f"{bucket_arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", **(policy or {}), "Statement": [*kept, refusal]}


def is_tls_only(policy: dict[str, Any], bucket_arn: str) -> bool:
    """Whether a statement of the policy, ours or one to the same effect, refuses requests without TLS."""
    return any(
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in _EVERYBODY
        and not _EVERYTHING.isdisjoint(_listed(statement.get("Action", [])))
        and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false"
        and {bucket_arn, f"{bucket_arn}/*"} <= set(_listed(statement.get("Resource", [])))
        for statement in _listed(policy.get("Statement", []))
    )


def _listed(value: Any) -> list[Any]:
    """IAM takes one thing for a list of one."""
    return value if isinstance(value, list) else [value]
