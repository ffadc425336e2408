"""The policy of a bucket that we make: no request without TLS."""

from typing import Any

_SID = "DenyRequestsWithoutTls"


def tls_only(bucket_arn: str) -> dict[str, Any]:
    """A bucket policy that refuses every request that is not over TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": _SID,
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, f"{bucket_arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def is_tls_only(policy: dict[str, Any], bucket_arn: str) -> bool:
    """Whether a statement of the policy, ours or one to the same effect, refuses requests without TLS."""
    return any(
        statement.get("Effect") == "Deny"
        and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false"
        and {bucket_arn, f"{bucket_arn}/*"} <= set(_listed(statement.get("Resource", [])))
        for statement in policy.get("Statement", [])
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
