"""Labelled images in a fixed split, and what is shown to networks."""
