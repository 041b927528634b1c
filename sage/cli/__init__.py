"""The command: run, grid, watch, page, compare and cache."""
