"""LambdaStreamToFirehose: one function that forwards the changes of every table to its delivery stream."""
