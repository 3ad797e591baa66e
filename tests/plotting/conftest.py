"""Pictures are drawn with the default style, and closed after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    # Not at the top: what a conftest.py lacks is an error, and no reason to skip.
    import matplotlib.pyplot as plt
    from matplotlib import style

    with style.context("default"):
        yield
    plt.close("all")
