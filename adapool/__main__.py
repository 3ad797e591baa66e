"""``python -m adapool`` is the command ``adapool``."""

import sys

from adapool.cli import main

if __name__ == "__main__":  # and not in a worker of --jobs, which imports this too
    sys.exit(main())
