"""Builds the zips of the Lambda functions."""
