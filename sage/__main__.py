"""`python -m sage`, installed as `tg-sage`."""

import signal
import sys

from sage.cli.main import main


def script() -> None:
    """Run the command as a process, which SIGTERM stops as cleanly as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


if __name__ == "__main__":
    script()
