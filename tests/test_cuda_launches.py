"""Every kernel is launched, through a driver that runs nothing: what a launch asks of one is right.

The tests are those in ``tests/null_driver``, in a process that finds that driver. What kernels
compute is shown elsewhere: in the simulator, and on a GPU.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from null_driver import build, elsewhere

pytestmark = [
    pytest.mark.simulator,
    pytest.mark.skipif(
        build.compiler() is None, reason="no C compiler here: the driver cannot be compiled"
    ),
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    build.compile_driver(folder)
    return folder


def test_with_a_driver_that_runs_nothing(driver: Path, request: pytest.FixtureRequest) -> None:
    """All in one process, so that what one test compiles serves the next.

    With a share of the slow tests, twice as large a share of the calls.
    """
    share = ["--slow-share", str(max(request.config.option.slow_share // 2, 1))]
    result = build.run(driver, [*build.PYTEST, str(build.HERE), *share], capture_output=True)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert re.search(r"^\d+ passed(, \d+ deselected)? in", result.stdout, re.MULTILINE)


def test_what_is_installed_elsewhere() -> None:
    """The other Python has what the extra asks for, and no more."""
    wanted = elsewhere.requirements()
    assert any(re.match("numpy.*<", line) for line in wanted)
    assert {"numba-cuda", "cuda-toolkit", "scipy", "pytest"} <= {
        re.split(r"[\[<>=]", line)[0] for line in wanted
    }
