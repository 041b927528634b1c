"""The command: run, published, grid, watch, page, compare and cache."""
