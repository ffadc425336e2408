"""docs/reading-the-data.md: what it tells others to run is run, on logs that our own code has made."""
