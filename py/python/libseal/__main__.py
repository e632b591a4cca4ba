"""``python -m libseal`` is the command ``libseal``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
