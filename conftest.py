"""Settings of tests and doctests alike: which run, in which order; nothing opens a window."""

import datetime
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
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
        "tests/quality/training*.py",
    ],
}
collect_ignore_glob = [
    path for name, paths in NEEDS.items() if not importlib.util.find_spec(name) for path in paths
]


# Tiers that take minutes, or need what is seldom there. They run where they are asked for: by their
# marker, or, all but the first, by the name of a file or of a folder inside of `tests`.
TIERS = ("exhaustive", "slow", "site", "cluster", "simulator", "gpu", "peers")

# Files whose tests take minutes each: the site, and suites in processes of their own.
LONGEST = ("test_site.py", "test_cuda_launches.py", "test_cuda.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let CI run a share of what is slow: all of it within some days."""
    parser.addoption(
        "--slow-share", type=int, default=1, metavar="N", help="one slow test in N, others each day"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tiers aside; begin with the longest, so that no worker is left with them at the end."""
    root, tops = config.rootpath, config.getini("testpaths")
    asked = {tier for tier in TIERS if re.search(rf"\b{tier}\b", config.option.markexpr)}
    for path in (config.invocation_params.dir / name for name in config.args):
        if not (root.is_relative_to(path) or path in {root / top for top in tops}):
            asked.update(TIERS[1:])

    def is_aside(item: pytest.Item) -> bool:
        own = {tier for tier in TIERS if item.get_closest_marker(tier)}
        return bool(own) and not own & asked

    slow = [item for item in items if item.get_closest_marker("slow")]
    share, today = config.option.slow_share, datetime.date.today().toordinal()
    aside = {item for number, item in enumerate(slow) if (number + today) % share}
    aside.update(filter(is_aside, items))
    config.hook.pytest_deselected(items=list(aside))
    items[:] = [item for item in items if item not in aside]
    longest = [item for name in LONGEST for item in items if item.path.name == name]
    others = [item for item in items if item.path.name not in LONGEST]
    # Two workers begin with half of the items each, and leave a last one to nobody else.
    half = len(others) // 2
    items[:] = [*longest[::2], *others[:half], *longest[1::2], *others[half:]]


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    """Close what a test or an example of a docstring has drawn: others count figures."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let a worker that is done take tests from another, which may be at one that takes minutes.

    As they are dealt out otherwise, the tests after that of the site wait for it.
    """
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
