"""Writes items into a table: what restoring needs, whatever it restores from."""
