"""What the default network promises beside much brighter objects, and of bare backgrounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import adapool
from adapool.cpu.objects import textures
from adapool.estimators.blobs.noise import growth, noise

Array = NDArray[Any]

SHAPE = (320, 320)
ROW, COLUMN = np.indices(SHAPE)
CENTRES = np.array([(r, c) for r in range(28, 320, 44) for c in range(28, 320, 44)], float)
APART = np.array([(r, c) for r in range(30, 320, 65) for c in range(30, 320, 65)], float)


def disk(centre: Any, radius: float, height: float, edge: float = 0.7) -> Array:
    far = np.hypot(ROW - centre[0], COLUMN - centre[1])
    return np.asarray(height / (1 + np.exp(np.clip((far - radius) / edge, -50, 50))))


def camera(photons: Array, rng: np.random.Generator) -> Array:
    """Photons, and the noise of reading them."""
    return np.asarray(rng.poisson(photons) + rng.normal(100, 2, photons.shape))


def missed(centres: Array, points: Array, reach: float) -> int:
    if not len(points):
        return len(centres)
    far = np.linalg.norm(centres[:, np.newaxis] - points, axis=-1)
    return int((far.min(axis=1) > reach).sum())


# Two kinds of brightness -------------------------------------------------------------------------


@settings(max_examples=12)
@given(
    st.floats(3, 200),
    st.integers(2, len(APART) - 2),
    st.floats(5, 11),
    st.floats(6, 11),
    st.integers(0, 1000),
)
def test_faint_disks_beside_bright_ones(
    ratio: float, bright: int, wide: float, narrow: float, seed: int
) -> None:
    """A point on each, however bright these are, and how many.

    Faint ones are 6.5 deviations a pixel above what is around them.
    """
    rng = np.random.default_rng(seed)
    centres = rng.permutation(APART + rng.uniform(-6, 6, APART.shape))
    photons = np.full(SHAPE, 40.0)
    for index, centre in enumerate(centres):
        some = index < bright
        photons += disk(centre, wide if some else narrow, 55 * (ratio if some else 1))
    points = adapool.peak_local_max(camera(photons, rng))
    assert missed(centres[:bright], points, wide) == 0
    # One that is among several bright ones may be lost in their flanks.
    assert missed(centres[bright:], points, narrow) <= 1
    assert len(points) <= len(centres) + 3


@pytest.mark.parametrize("ratio", [2, 10, 100, 1000])
@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_bright_objects_change_nothing_far_from_them(radius: float, ratio: float) -> None:
    rng = np.random.default_rng(0)
    photons = np.full(SHAPE, 40.0)
    left = CENTRES[:, 1] < 100
    for centre in CENTRES[~left]:
        photons += disk(centre, 8, 55)
    without = camera(photons, rng)
    extra = sum(disk(centre, radius, 55 * ratio) for centre in CENTRES[left])
    before = adapool.peak_local_max(without)
    after = adapool.peak_local_max(without + extra)
    far = 72 + radius + 6 * radius
    for points in (before, after):
        assert missed(CENTRES[CENTRES[:, 1] > far], points, 3) == 0
    assert missed(after[after[:, 1] > far], before, 3) == 0
    assert missed(before[before[:, 1] > far], after, 3) == 0


# Backgrounds --------------------------------------------------------------------------------------

Y, X = ROW / SHAPE[0], COLUMN / SHAPE[1]
BACKGROUNDS = {
    "dome": 200 - 60 * ((2 * Y - 1) ** 2 + (2 * X - 1) ** 2),
    "faint dome": 100 - 3 * ((2 * Y - 1) ** 2 + (2 * X - 1) ** 2),
    "bell": 50 + 300 * np.exp(-((Y - 0.5) ** 2 + (X - 0.4) ** 2) / 0.05),
    "bell aside": 50 + 300 * np.exp(-((Y - 0.3) ** 2 + (X - 0.7) ** 2) / 0.1),
    "ramp": 50 + 80 * X,
    "ramp across": 50 + 100 * Y + 30 * X,
    "light from aside": 200 * (1 - 0.5 * X) * (1 - 0.3 * Y * Y),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BACKGROUNDS)
def test_uneven_background_is_no_object(name: str, seed: int) -> None:
    image = camera(BACKGROUNDS[name], np.random.default_rng(seed))
    assert len(adapool.peak_local_max(image)) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("width", [1.0, 2.0, 4.0])
def test_lines_are_no_row_of_objects(width: float, seed: int) -> None:
    """Three across an image: a point where two of them cross, and where one ends, at the most."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 4, SHAPE)
    for _ in range(3):
        angle, off = rng.uniform(0, np.pi), rng.uniform(-90, 90)
        far = (ROW - 160) * np.cos(angle) - (COLUMN - 160) * np.sin(angle) - off
        image += 80 * np.exp(-(far**2) / (2 * width**2))
    assert len(adapool.peak_local_max(image)) <= 3 + 6 + 3


@pytest.mark.parametrize("radius", [50.0, 80.0, 120.0])
@pytest.mark.parametrize("edge", [0.7, 4.0])
def test_one_wide_object_with_a_rim_is_one(radius: float, edge: float) -> None:
    """Which a bell of that width is not."""
    rng = np.random.default_rng(0)
    photons = 50 + disk((160, 150), radius, 300, edge)
    points = adapool.peak_local_max(camera(photons, rng))
    assert missed(np.array([[160.0, 150.0]]), points, radius / 4) == 0
    assert len(points) <= 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("width", "edge"), [(60, 8), (75, 8), (100, 12)])
def test_something_soft_up_to_a_third_of_the_image_is_an_object(
    width: float, edge: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0, 3, SHAPE)
    points = adapool.peak_local_max(disk((160, 160), width / 2, 100, edge) + noise)
    assert len(points) == 1
    assert missed(np.array([[160.0, 160.0]]), points, width / 4) == 0


# What these rest on ------------------------------------------------------------------------------


def test_noise_grows_as_that_of_photons() -> None:
    """The variance of photons is their number: it doubles where there are twice as many."""
    rng = np.random.default_rng(0)
    photons = 100 + 300 * X
    band = rng.poisson(photons) - photons
    found = growth([band], [photons])
    expected = 1 + found.rate * (np.array([300, 400]) - found.level)
    start = 175.0  # the mean of the darker half, about
    np.testing.assert_allclose(expected, np.array([300, 400]) / start, rtol=0.2)
    assert growth([rng.normal(0, 9, SHAPE)], [photons]).rate * 300 < 0.1
    assert growth([rng.normal(0, 9, SHAPE)], [np.zeros(SHAPE)]).rate == 0


def test_something_bright_hides_no_growth_of_noise() -> None:
    rng = np.random.default_rng(0)
    photons = 100 + 300 * X
    band = rng.poisson(photons) - photons
    bright = np.where(np.hypot(ROW - 30, COLUMN - 30) < 6, 3e5, photons)
    before, after = growth([band], [photons]), growth([band], [bright])
    assert before.rate > 0
    assert abs(after.rate / before.rate - 1) < 0.05


@pytest.mark.parametrize("change", [np.flipud, np.fliplr, np.transpose])
@pytest.mark.parametrize("shape", [(1, 600, 511), (40, 120, 121)])
def test_noise_of_large_images_is_that_of_turned_ones(shape: tuple[int, ...], change: Any) -> None:
    """Of many pixels some are looked at, the same ones whichever way the image lies."""
    rng = np.random.default_rng(1)
    photons = 100 + 300 * np.broadcast_to(np.linspace(0, 1, shape[2]), shape)
    band = rng.poisson(photons) - photons

    def turned(array: Array) -> list[Array]:
        return [np.ascontiguousarray(np.stack([change(plane) for plane in array]))]

    assert growth(turned(band), turned(photons)) == growth([band], [photons])
    levels = band.astype(np.float32)
    ndim = 2 if shape[0] == 1 else 3
    np.testing.assert_array_equal(
        noise([turned(levels)], turned(levels), 1.0, ndim), noise([[levels]], [levels], 1.0, ndim)
    )


@pytest.mark.parametrize("shape", [(1, 40, 57), (7, 20, 21)])
def test_quartiles_of_bands_are_those_of_all_pixels_around(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    fine, coarse = rng.normal(size=(2, *shape)).astype(np.float32)
    middles = rng.integers(0, shape, (5, 3))
    margin = np.array([0 if shape[0] == 1 else 2, 5, 6])
    low, high = middles - margin, middles + margin + 1
    out = np.empty(len(low), np.float32)
    textures.quartiles_of_bands(fine, coarse, low, high, 10**4, out, work=0)
    grid = np.indices(shape)
    for index, middle in enumerate(middles):
        parts = [
            (2 * (axis - m) / (b - a)) ** 2
            for axis, m, a, b in zip(grid, middle, low[index], high[index], strict=True)
        ]
        inside = sum(parts) <= 1
        values = np.sort(np.abs(fine - coarse)[inside])
        assert out[index] == values[len(values) // 4]
