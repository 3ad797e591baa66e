"""What `peak_local_max` promises of its default network, on scenes that are made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
from adapool.estimators import BlobSizes

Array = NDArray[Any]

ROW, COLUMN = np.indices((128, 160))


def disks(centres: Any, radii: Any, heights: Any, shape: tuple[int, ...] = ROW.shape) -> Array:
    """Disks (balls) with slightly blurred rims."""
    grid = np.indices(shape)
    image = np.zeros(shape)
    for centre, radius, height in zip(centres, radii, heights, strict=True):
        far = sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True))
        image[far < radius**2] = height
    return np.asarray(ndi.gaussian_filter(image, 1.0))


def spots(centres: Any, heights: Any, sigma: float, shape: tuple[int, ...] = ROW.shape) -> Array:
    grid = np.indices(shape)
    image = np.zeros(shape)
    for centre, height in zip(centres, heights, strict=True):
        far = sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True))
        image += height * np.exp(-far / (2 * sigma**2))
    return image


def noise(sigma: float, shape: tuple[int, ...] = ROW.shape, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(100, sigma, shape)


def unlike(points: Array, others: Array, reach: float = 1.5) -> int:
    """How many points of either have none of the other within reach."""
    if not len(points) or not len(others):
        return len(points) + len(others)
    far = np.linalg.norm(points[:, np.newaxis] - others[np.newaxis], axis=-1)
    return int((far.min(axis=1) > reach).sum() + (far.min(axis=0) > reach).sum())


CENTRES = np.array([(r, c) for r in (20, 52, 84, 110) for c in (20, 52, 84, 116, 142)])
SIZES = np.resize([7.0, 9.0, 5.0, 8.0], len(CENTRES))
SCENE = disks(CENTRES, SIZES, np.resize([60.0, 90.0], len(CENTRES))) + noise(4)


def test_the_scene_is_found() -> None:
    assert unlike(adapool.peak_local_max(SCENE), CENTRES, 2) == 0


# Invariance --------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_neither_offset_nor_gain_counts(offset: float, gain: float) -> None:
    assert unlike(adapool.peak_local_max(SCENE * gain + offset), adapool.peak_local_max(SCENE)) == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_the_dtype_does_not_count(dtype: str) -> None:
    whole = SCENE.round().clip(0, 255)
    expected = adapool.peak_local_max(whole)
    np.testing.assert_array_equal(adapool.peak_local_max(whole.astype(dtype)), expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("change", [np.flipud, np.fliplr, np.rot90, np.transpose])
def test_points_move_with_the_image(change: Callable[[Array], Array], seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (127 + seed, 160)
    centres = CENTRES + rng.uniform(-3, 3, CENTRES.shape)
    image = disks(centres, SIZES, rng.uniform(50, 90, len(SIZES)), shape) + noise(4, shape, seed)
    at = np.zeros(image.shape, bool)
    at[tuple(adapool.peak_local_max(image).T)] = True
    expected = np.argwhere(change(at))
    assert len(expected) == len(CENTRES)
    assert unlike(adapool.peak_local_max(change(image)), expected, 1.0) == 0


@pytest.mark.parametrize(("low", "high"), [((0, 0), (96, 160)), ((31, 0), (128, 101))])
def test_a_crop_changes_nothing_far_from_the_cut(
    low: tuple[int, int], high: tuple[int, int]
) -> None:
    cut = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    near = 2 * SIZES.max() + 1

    def inner(points: Array) -> Array:
        distances = [points - low, np.array(high) - 1 - points]
        borders = [np.array(low) > 0, np.array(high) < SCENE.shape]
        away = [(d > near) | ~b for d, b in zip(distances, borders, strict=True)]
        return np.asarray(points[(away[0] & away[1]).all(axis=1)])

    whole = inner(adapool.peak_local_max(SCENE))
    part = inner(adapool.peak_local_max(SCENE[cut]) + low)
    assert len(whole) >= 4
    assert unlike(whole, part) == 0


def test_spacing_scales() -> None:
    found = BlobSizes(min_size=8, max_size=40)
    expected = adapool.peak_local_max(SCENE, found)
    halved = adapool.peak_local_max(SCENE, BlobSizes(min_size=4, max_size=20, spacing=0.5))
    np.testing.assert_array_equal(halved, expected)


# Locality ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("radius", "height"), [(0.5, 1e6), (2, 200), (2, 5000), (6, 200), (6, 5000)]
)
def test_something_bright_changes_nothing_far_from_it(radius: float, height: float) -> None:
    centre = np.array([68, 68])
    bright = np.where(np.hypot(ROW - 68, COLUMN - 68) < radius, height, 0)
    before = adapool.peak_local_max(SCENE)
    after = adapool.peak_local_max(np.maximum(SCENE, bright))
    far = 8 * max(radius, 1) + 4
    # Compared with all of the other: one may lie on this side of the circle, its like beyond it.
    for some, others in ((before, after), (after, before)):
        away = some[np.linalg.norm(some - centre, axis=1) > far]
        assert len(away) >= 8
        distances = np.linalg.norm(away[:, np.newaxis] - others, axis=-1)
        assert distances.min(axis=1).max() <= 2


@pytest.mark.parametrize("snr", [6, 10, 30])
@pytest.mark.parametrize("radius", [3, 8, 12, 20])
def test_plain_disks_are_one_point_each(radius: int, snr: float) -> None:
    """Rims are steep, and noise makes maxima on them that are all alike: none is a spot."""
    shape = (340, 340)
    centres = np.array([(50 + 60 * i, 50 + 60 * j) for i in range(5) for j in range(5)])
    image = disks(centres, [radius] * 25, [100.0] * 25, shape) + noise(100 / snr, shape, radius)
    points = adapool.peak_local_max(image)
    assert len(points) == len(centres)
    assert unlike(points, centres, max(2, radius / 2)) == 0


@pytest.mark.parametrize("sigma", [1.5, 2.5, 4.0])
def test_plain_spots_are_one_point_each(sigma: float) -> None:
    shape = (300, 300)
    centres = np.array([(20 + 28 * i, 20 + 28 * j) for i in range(10) for j in range(10)])
    image = spots(centres, [100.0] * 100, sigma, shape) + 0.3 * np.arange(300) + noise(10, shape)
    assert unlike(adapool.peak_local_max(image), centres, 2) == 0


def test_faint_ones_beside_bright_ones() -> None:
    heights = np.where(np.arange(len(CENTRES)) % 2, 1000.0, 125.0)
    points = adapool.peak_local_max(spots(CENTRES, heights, 2.5) + noise(5))
    assert unlike(points, CENTRES, 2) == 0


# Noise and background -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["normal", "poisson", "smooth", "ramp"])
def test_noise_gives_hardly_a_point(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 5, (512, 512))
    if kind == "poisson":
        image = rng.poisson(8.0, image.shape).astype(float)
    elif kind == "smooth":
        image = ndi.gaussian_filter(image, 2)
    elif kind == "ramp":
        image += np.linspace(0, 400, image.shape[1])
    assert len(adapool.peak_local_max(image)) <= 2


@pytest.mark.parametrize("value", [0, 7.5, -1e6])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (40, 50), (2, 9, 9), (9, 20, 20)])
def test_nothing_in_nothing_out(shape: tuple[int, ...], value: float) -> None:
    assert adapool.peak_local_max(np.full(shape, value)).shape == (0, len(shape))


@settings(max_examples=15)
@given(st.floats(0, 6.2), st.floats(0, 1))
def test_spots_on_steep_ground(direction: float, steepness: float) -> None:
    slope = steepness * (np.cos(direction) * ROW + np.sin(direction) * COLUMN)
    image = spots(CENTRES, np.full(len(CENTRES), 90.0), 2.0) + slope + noise(4)
    assert unlike(adapool.peak_local_max(image), CENTRES, 2) == 0


@settings(max_examples=15)
@given(st.floats(8.0, 40.0), st.integers(0, 1000))
def test_one_object_of_any_size_is_one_point(radius: float, seed: int) -> None:
    """Six standard deviations above the background, smoothed at its own scale."""
    centre = np.random.default_rng(seed).uniform(45, 80, 2)
    image = disks([centre], [radius + 0.5], [60.0]) + noise(4, seed=seed)
    points = adapool.peak_local_max(image)
    assert len(points) == 1
    assert np.linalg.norm(points[0] - centre) <= max(1.5, radius / 4)


@pytest.mark.parametrize(("sigma", "apart"), [(1.5, 3.0), (2.0, 3.0), (3.0, 3.5)])
def test_two_spots_near_each_other(sigma: float, apart: float) -> None:
    pair = [(60.0, 60.0), (60.0, 60.0 + apart * sigma)]
    points = adapool.peak_local_max(spots(pair, [200.0, 200.0], sigma) + noise(3))
    assert unlike(points, np.array(pair), 2) == 0


# Knobs -------------------------------------------------------------------------------------------


def test_sensitivity_is_in_units_of_noise() -> None:
    faint = disks(CENTRES, SIZES, np.full(len(SIZES), 5.0)) + noise(4)
    counts = [len(adapool.peak_local_max(faint, BlobSizes(sensitivity=s))) for s in (0.25, 1, 2)]
    assert counts[0] == 0
    assert counts[0] < counts[1] <= counts[2]


def test_sizes_that_are_not_looked_for() -> None:
    points = adapool.peak_local_max(SCENE, BlobSizes(max_size=12))
    assert unlike(points, CENTRES[SIZES == 5], 2) == 0
    points = adapool.peak_local_max(SCENE, BlobSizes(min_size=12))
    assert unlike(points, CENTRES[SIZES != 5], 2) == 0


def test_dark_objects() -> None:
    np.testing.assert_array_equal(
        adapool.peak_local_max(-SCENE, BlobSizes(polarity="dark")), adapool.peak_local_max(SCENE)
    )
    far = np.array([(24, 24), (24, 130), (100, 30), (100, 120)])
    both = disks(far, [8, 9, 7, 8], [80, -80, -60, 60]) + noise(4)
    points = adapool.peak_local_max(both, BlobSizes(polarity="both"))
    # Near one of either kind noise may pass for the other kind.
    assert len(points) <= len(far) + 2
    assert (np.linalg.norm(far[:, np.newaxis] - points, axis=-1).min(axis=1) <= 2).all()


def test_regions_are_the_objects() -> None:
    labels = BlobSizes().regions(SCENE)
    assert labels.dtype == np.int32
    assert labels.max() == len(CENTRES)
    number = labels[tuple(CENTRES.T)]
    assert len(set(number)) == len(CENTRES)
    diameters = 2 * np.sqrt(np.bincount(labels.ravel())[number] / np.pi)
    np.testing.assert_allclose(diameters, 2 * SIZES, rtol=0.2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sensitivity": 0}, "sensitivity must be positive"),
        ({"min_size": -1}, "min_size must be non-negative"),
        ({"min_size": 5, "max_size": 4}, "min_size must be at most max_size"),
        ({"max_size": 0}, "max_size must be positive"),
        ({"polarity": "grey"}, "polarity must be one of 'bright', 'dark', 'both', got 'grey'"),
    ],
)
def test_wrong_knobs(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        BlobSizes(**options)


def test_regions_of_what_is_no_image() -> None:
    with pytest.raises(ValueError, match="image must have the axes"):
        BlobSizes().regions(np.ones(9))


# Volumes -----------------------------------------------------------------------------------------


def test_volumes_with_coarse_planes() -> None:
    """Balls in planes that are twice as far apart as pixels."""
    shape = (24, 64, 64)
    centres = np.array([(6, 16, 16), (17, 16, 46), (8, 46, 44), (16, 44, 16)])
    grid = np.indices(shape).T * [2, 1, 1]
    volume = np.zeros(shape)
    for centre, radius in zip(centres, (6, 8, 9, 5), strict=True):
        volume[(np.sum((grid - centre * [2, 1, 1]) ** 2, axis=-1) < radius**2).T] = 100
    volume = ndi.gaussian_filter(volume, (0.5, 1, 1)) + noise(5, shape)
    points = adapool.peak_local_max(volume, spacing=(2, 1, 1))
    assert unlike(points * [2, 1, 1], centres * [2, 1, 1], 3) == 0
    flipped = adapool.peak_local_max(volume[::-1, :, ::-1], spacing=(2, 1, 1))
    back = np.array([23, 63, 63]) * [1, 0, 1] - flipped * [1, -1, 1]
    assert unlike(points, back, 1.0) == 0
