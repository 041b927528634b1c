"""Propose, train, remember."""
