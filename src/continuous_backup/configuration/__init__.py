"""The keys of the configuration, their checks, and the file."""
