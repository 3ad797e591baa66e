"""Settings of tests and doctests alike: nothing opens a window."""

import importlib.util
import os

os.environ.setdefault("MPLBACKEND", "Agg")

# Doctests are looked for in every module, and so each is imported.
collect_ignore = [] if importlib.util.find_spec("napari") else ["adapool/napari"]
