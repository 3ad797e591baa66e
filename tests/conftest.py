"""Settings of all tests: how many examples hypothesis draws, the twins of each kernel, and workers.

Most of the time of the tests goes into compiling kernels. Two workers of pytest-xdist that come to
a kernel at the same moment both compile it, and what it calls is compiled once in each process: so
tests of the same kernels share a worker.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import adapool._jit

# The compiler makes millions of objects, few of which are garbage: looking for it after every 700,
# as Python does, took 8 % of the time of tests that compile much.
gc.set_threshold(100_000, 50, 1000)

# A first example waits for the compiler, so that no time limit can hold.
settings.register_profile(
    "default",
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(params=["serial", "parallel"])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make every kernel run as the named one of its twins, however little work there is."""
    threshold = 0 if request.param == "parallel" else sys.maxsize
    monkeypatch.setattr(adapool._jit, "PARALLEL_FROM", threshold)
    return str(request.param)


# Where the tests of many kernels are, and words in their names; the first that fit count. All other
# tests compile little, or run in processes of their own.
_FILES = re.compile(r"tests/test_(properties|metamorphic|dask|dask_graph|peaks|peak_regions)\.py")
_FAMILIES = {
    "deformable": re.compile("conv|product|offsets|masks|weights|round_alike|truncation"),
    "dynamic": re.compile("dynamic|stride|sites|peaks|channels|batch|growing|parameters"),
    "windows": re.compile("max_pooling|attention"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the site, which takes minutes: no worker should wait for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_site.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a family of kernels in one worker, and spread all others."""
    if config.getoption("dist") != "load":  # what -n alone means
        return None
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = _family
    return scheduler


def _family(test: str) -> str:
    """Return the group that a test is in; the largest groups start first."""
    if _FILES.match(test):
        for family, words in _FAMILIES.items():
            if words.search(test):
                return family
    return test
