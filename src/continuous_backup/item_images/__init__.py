"""LambdaStreamToItemImages: keeps the latest image of every item as an object on S3, to be replicated."""
