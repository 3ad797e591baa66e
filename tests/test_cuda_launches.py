"""Every kernel is launched, through a driver that runs nothing: what a launch asks of one is right.

The tests are those in ``tests/null_driver``, in a process that finds that driver. What kernels
compute is shown elsewhere: in the simulator, and on a GPU.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from null_driver import build, elsewhere

DOCS = Path(__file__).parents[1] / "docs" / "cuda.md"

pytestmark = pytest.mark.skipif(
    build.compiler() is None, reason="no C compiler here: the driver cannot be compiled"
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("driver")
    build.compile_driver(folder)
    return folder


@pytest.mark.parametrize(
    "files", [("test_cases.py",), ("test_limits.py", "test_streams.py", "test_detectors.py")]
)
def test_with_a_driver_that_runs_nothing(driver: Path, files: tuple[str, ...]) -> None:
    paths = [str(build.HERE / file) for file in files]
    result = build.run(driver, [*build.PYTEST, *paths], capture_output=True)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
    assert re.search(r"^\d+ passed in", result.stdout, re.MULTILINE)


def test_the_page_quotes_the_command(driver: Path) -> None:
    """Launches and bytes; time is of the machine that it was measured on."""
    code = (
        "from null_driver import table, libraries\n"
        "with libraries.installed():\n"
        "    print(table.HEADER, *table.rows(measure=False), sep='\\n')"
    )
    result = build.run(driver, ["-W", "ignore", "-c", code], capture_output=True)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = result.stdout.splitlines()
    page = DOCS.read_text()
    assert len(lines) > 10
    assert lines[0] in page
    for line in lines[2:]:
        assert line.removesuffix("  |") in page


def test_what_is_installed_elsewhere() -> None:
    """The other Python has what the extra asks for, and no more."""
    wanted = elsewhere.requirements()
    assert any(re.match("numpy.*<", line) for line in wanted)
    assert {"numba-cuda", "cuda-toolkit", "scipy", "pytest"} <= {
        re.split(r"[\[<>=]", line)[0] for line in wanted
    }
