"""Continuous backup of every DynamoDB table of an AWS account and region to S3."""

__version__ = "1.0.0"
