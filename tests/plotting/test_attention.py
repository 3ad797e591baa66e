"""Weights over the image, per pixel and per window."""

from __future__ import annotations

import numpy as np
import pytest

from plotting.scenes import frozen, plot, random_offsets, scene


def test_weights_per_pixel() -> None:
    weights = frozen(scene() ** 2)
    ax = plot.show_attention(scene(), weights, alpha=0.25, cmap="cividis", vmin=-1, vmax=2)
    image, drawn = ax.images
    np.testing.assert_array_equal(image.get_array(), scene())
    np.testing.assert_array_equal(drawn.get_array(), weights)
    assert (drawn.get_alpha(), drawn.get_clim(), drawn.get_cmap().name) == (
        0.25, (-1, 2), "cividis"
    )  # fmt: skip
    assert drawn.colorbar.ax.get_ylabel() == "attention weight"
    assert not ax.collections


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_weights_per_window(ceil_mode: bool) -> None:
    # 24 = 4 * 5 + 4 and 32 = 4 * 7 + 4: the last windows do not fit.
    rows, columns = (5, 5) if ceil_mode else (4, 4)
    weights = random_offsets(rows, columns, 5, 7)
    ax = plot.show_attention(scene(), weights)
    drawn = ax.images[1]
    shown = drawn.get_array()
    assert shown.shape == ((24, 32) if ceil_mode else (20, 28))
    for r in range(shown.shape[0]):
        for c in range(shown.shape[1]):
            assert shown[r, c] == weights[r // 5, c // 7, r % 5, c % 7]
    assert drawn.get_extent() == [-0.5, shown.shape[1] - 0.5, shown.shape[0] - 0.5, -0.5]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 31.5), (23.5, -0.5))
    # Lines between windows, of which there are one less than windows along each axis.
    assert len(ax.collections[0].get_segments()) == rows + columns - 2


def test_weights_without_a_value() -> None:
    weights = np.array(scene())
    weights[3, 4], weights[0, 0] = np.nan, np.inf
    drawn = plot.show_attention(scene(), weights).images[1]
    assert drawn.get_array().mask.sum() == 2
    assert drawn.get_clim()[1] == np.nanmax(weights[np.isfinite(weights)])
