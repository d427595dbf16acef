"""Latents → score as an expression: engines, Pareto front, choice."""
