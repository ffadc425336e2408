"""What provisioning is tested with."""

import logging

from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.optin import Filter
from continuous_backup.naming import Account
from continuous_backup.operations.tables.provisioning import (
    Provisioning,
)
from continuous_backup.operations.tables.whitelist import Whitelist

ACCOUNT = Account("123456789012", "eu-west-1")
CONFIG = Config().in_account(ACCOUNT)
LOG = logging.getLogger("test_provisioning")
EVERYTHING = Whitelist(all_tables=True)


def provisioning(aws, is_backed_up: Filter | None = None) -> Provisioning:
    return Provisioning(aws, CONFIG, ACCOUNT, LOG, is_backed_up)
