"""``python -m adapool.cli`` is the command ``adapool``."""

import sys

from adapool.cli import main

if __name__ == "__main__":
    sys.exit(main())
