"""The command: run, grid and watch."""
