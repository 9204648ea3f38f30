"""A long-running program that reads the destination events of `price`."""
