"""Can it be believed: the schemes compared on held-out cells."""
