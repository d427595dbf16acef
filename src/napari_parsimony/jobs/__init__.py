"""A step in a process of its own."""
