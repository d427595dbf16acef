"""Crops ⇄ latents: the β-TCVAE, its training and its traversals."""
