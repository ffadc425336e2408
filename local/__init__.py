"""The product on one machine: an emulator of AWS, what it lacks, real data, and a referee."""
