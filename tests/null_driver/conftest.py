"""Leave these tests to the process that has the driver that runs nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from null_driver import journal

collect_ignore_glob = [] if journal.is_there() else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _libraries() -> Iterator[None]:
    """Stand-ins for CuPy and torch."""
    from null_driver.libraries import installed

    with installed():
        yield
