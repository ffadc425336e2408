"""What every function that reads a table's stream needs."""
