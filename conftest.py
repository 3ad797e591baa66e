"""Settings of tests and doctests alike: nothing opens a window."""

import importlib.util
import os

os.environ.setdefault("MPLBACKEND", "Agg")

# Doctests are looked for in every module, and so each is imported.
NEEDS = {
    "napari": ["adapool/napari"],
    "torch": [
        "adapool/torch",
        "tests/bridge/calls.py",
        "tests/quality/learned.py",
        "tests/quality/training.py",
        "tests/quality/training_page.py",
    ],
}
collect_ignore = [
    path for name, paths in NEEDS.items() if not importlib.util.find_spec(name) for path in paths
]
