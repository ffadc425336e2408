"""Switches continuous backup on and off for tables that are there."""
