"""Statistics and sentences, from tables alone."""
