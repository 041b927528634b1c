"""`python -m sage`: see `sage.cli.main`."""

from sage.cli.main import script

if __name__ == "__main__":
    script()
