"""Simulated nuclei and shapes: every factor is known, and the law of the class."""
