"""One folder from the crops to the equation: format, provenance, steps."""
