"""Settings of all tests: how many examples hypothesis draws, and the twins of each kernel."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that commands run in, with a folder of images."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path
