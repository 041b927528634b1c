"""Recipes, the trainer and its checkpoints."""
