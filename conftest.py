"""Settings of tests and doctests alike: nothing opens a window."""

import importlib.util
import os
from typing import Any

import pytest

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a worker that is done take tests from another, which may be at one that takes minutes.

    As they are dealt out otherwise, the tests after that of the site wait for it.
    """
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
