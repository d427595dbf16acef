"""Crops or latents to scores: black box, dense and sparse networks."""
