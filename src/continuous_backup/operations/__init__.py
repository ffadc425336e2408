"""The operator's side: what the scripts at the root do."""
