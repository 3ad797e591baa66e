"""Settings of tests and doctests alike: nothing opens a window."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
