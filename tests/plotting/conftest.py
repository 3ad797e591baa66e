"""Pictures are drawn with the default style."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _default_style() -> Iterator[None]:
    # Not at the top: what a conftest.py lacks is an error, and no reason to skip.
    from matplotlib import style

    with style.context("default"):
        yield
