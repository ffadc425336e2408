"""EnsureDynamoBackup: makes the account's actual wiring equal to the wanted wiring."""
