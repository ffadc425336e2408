"""Deployments, wanted and there, for the tests of what is decided about them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.naming import Account
from continuous_backup.operations.deployment.package import Package
from continuous_backup.operations.deployment.state import Deployment, Function, Rule
from continuous_backup.operations.deployment.wanted import wanted

REPOSITORY = Path(__file__).resolve().parents[4]
ACCOUNT = Account("123456789012", "eu-west-1")
ENSURE, FORWARDER = naming.ENSURE_FUNCTION, naming.FORWARDER_FUNCTION
ROLE = "arn:aws:iam::123456789012:role/mine"


def packages(folder: Path = Path("dist")) -> dict[str, Package]:
    return {
        name: Package(
            function=name,
            path=folder / f"{name}.zip",
            sha256=f"sha-of-{name}",
            architecture="arm64",
            python="3.13",
            handler="continuous_backup.a_package.handler.handler",
            config_text="{}",
        )
        for name in (ENSURE, FORWARDER, naming.ITEM_IMAGES_FUNCTION)
    }


def aim(environment: Mapping[str, str] | None = None, **settings: object) -> Deployment:
    """What these settings of the configuration want, with nothing else set."""
    as_written = Config(**settings)
    return wanted(
        as_written.in_account(ACCOUNT),
        as_written,
        ACCOUNT,
        packages(),
        REPOSITORY / "templates",
        environment or {},
    )


WANTED = aim()


def with_function(deployment: Deployment, name: str, **changes: object) -> Deployment:
    changed: Function = replace(deployment.functions[name], **changes)
    return replace(deployment, functions={**deployment.functions, name: changed})


def with_rule(deployment: Deployment, name: str, **changes: object) -> Deployment:
    changed: Rule = replace(deployment.rules[name], **changes)
    return replace(deployment, rules={**deployment.rules, name: changed})


def without(deployment: Deployment, kind: str, name: str) -> Deployment:
    """`kind` is log_groups, functions or rules."""
    left = {key: value for key, value in getattr(deployment, kind).items() if key != name}
    return replace(deployment, **{kind: left})
