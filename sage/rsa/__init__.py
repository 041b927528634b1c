"""Representations measured and compared."""
