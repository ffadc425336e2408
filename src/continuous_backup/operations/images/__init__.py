"""Writing the images of a table's items back into a table."""
