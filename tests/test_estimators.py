"""Estimators on images where the right answer is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
from adapool.estimators import (
    BlobSizes,
    CentroidOffsets,
    ContrastAttention,
    ScaleSpaceSizes,
    SoftmaxAttention,
    StructureTensorSizes,
    ThicknessSizes,
    VarianceSizes,
)
from estimator_cases import (
    ATTENTION,
    MEASURING,
    at_middle,
    ellipsoid,
    name,
    predict,
)

Array = NDArray[Any]

# Known answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [5, 9, 16, 24])
@pytest.mark.parametrize("estimator", MEASURING, ids=name)
def test_a_disk_gets_its_diameter(estimator: Any, radius: int) -> None:
    disk = ellipsoid((128, 128), (radius, radius))
    np.testing.assert_allclose(at_middle(estimator, disk), 2 * radius, rtol=0.15)


@pytest.mark.parametrize("radius", [5, 9])
@pytest.mark.parametrize("estimator", MEASURING, ids=name)
def test_a_ball_gets_its_diameter(estimator: Any, radius: int) -> None:
    ball = ellipsoid((48, 48, 48), (radius,) * 3)
    np.testing.assert_allclose(at_middle(estimator, ball), 2 * radius, rtol=0.15)


def test_thickness_is_the_same_throughout_a_disk() -> None:
    disk = ellipsoid((64, 64), (12, 12))
    inside = predict(ThicknessSizes(min_size=1), disk)[ellipsoid((64, 64), (10, 10)) > 0]
    np.testing.assert_allclose(inside, 24, rtol=0.15)
    assert (predict(ThicknessSizes(min_size=1), disk)[disk == 0] == 1).all()


def test_thickness_above_a_given_threshold() -> None:
    image = 5 * ellipsoid((64, 64), (20, 20)) + 5 * ellipsoid((64, 64), (8, 8)) + 1000
    for threshold, radius in ((1001, 20), (1006, 8)):
        sizes = at_middle(ThicknessSizes(threshold=threshold), image)
        np.testing.assert_allclose(sizes, 2 * radius, rtol=0.15)
    assert (predict(ThicknessSizes(threshold=2000, min_size=2), image) == 2).all()


def test_scale_space_of_a_gaussian_blob() -> None:
    """Lindeberg: a Gaussian of variance t0 answers most strongly at the scale 2 t0 / d."""
    for ndim, shape in ((2, (96, 96)), (3, (40, 40, 40))):
        grid = np.indices(shape).T - np.array(shape) // 2
        blob = np.exp(-np.sum(grid**2, axis=-1) / (2 * 4.0**2)).T
        sigma = np.sqrt(2 * 4.0**2 / ndim)
        sizes = at_middle(ScaleSpaceSizes(min_size=6, max_size=48), blob)
        np.testing.assert_allclose(sizes, 2 * np.sqrt(ndim) * sigma, rtol=0.05)


def test_an_edge_has_the_variance_of_a_coin() -> None:
    """Between two halves, v = (1/2)^2: the size follows from the mean of v over the image."""
    image = np.zeros((64, 64))
    image[:, 32:] = 1
    sigma = 4.0
    # The share of a Gaussian window beyond the edge, at each column.
    share = ndi.gaussian_filter1d(image[0], sigma)
    variance = share * (1 - share)
    expected = 3 + 30 * variance / (variance + variance.mean())
    sizes = predict(VarianceSizes(sigma=sigma, min_size=3, max_size=33), image)
    np.testing.assert_allclose(sizes[..., 0], np.broadcast_to(expected, (64, 64)), rtol=1e-5)
    assert sizes[32, 32, 0] == sizes.max()


@pytest.mark.parametrize("semiaxes", [(36, 9), (9, 36)])
def test_a_long_ellipse_gets_a_long_window_along_it(semiaxes: tuple[int, int]) -> None:
    estimator = StructureTensorSizes(rho=36, max_size=200)
    sizes = at_middle(estimator, ellipsoid((128, 128), semiaxes))
    across = int(np.argmin(semiaxes))
    np.testing.assert_allclose(sizes[across], 18, rtol=0.15)
    assert sizes[1 - across] > 2.5 * sizes[across]


def test_a_diagonal_bar_gets_the_box_that_holds_it() -> None:
    row, column = np.indices((128, 128)) - 64
    bar = ((np.abs(row + column) < 60) & (np.abs(row - column) < 10)).astype(float)
    sizes = at_middle(StructureTensorSizes(rho=60, max_size=100), bar)
    assert abs(sizes[0] / sizes[1] - 1) < 0.01
    np.testing.assert_allclose(sizes, 60, rtol=0.25)


@pytest.mark.parametrize("shape", [(41, 41), (25, 25, 25)])
def test_offsets_point_at_the_centre_of_mass(shape: tuple[int, ...]) -> None:
    """As the sums of the formula, over all pixels that the window holds."""
    rng = np.random.default_rng(1)
    image = rng.random(shape)
    sigma = 3.0
    offsets = predict(CentroidOffsets(sigma=sigma), image)
    reach = int(4 * sigma + 0.5)
    for pixel in [(0,) * len(shape), tuple(n // 2 for n in shape), tuple(n - 2 for n in shape)]:
        box = tuple(slice(max(p - reach, 0), p + reach + 1) for p in pixel)
        steps = np.indices(shape)[(slice(None), *box)] - np.reshape(
            pixel, (-1,) + (1,) * len(shape)
        )
        window = np.exp(-np.sum(steps**2, axis=0) / (2 * sigma**2))
        weight = window * (image[box] - image[box].min())
        expected = [(step * weight).sum() / weight.sum() for step in steps]
        np.testing.assert_allclose(offsets[pixel], expected, rtol=1e-5, atol=1e-6)


def test_offsets_lead_into_a_disk_from_all_around() -> None:
    disk = ellipsoid((65, 65), (6, 6))
    offsets = predict(CentroidOffsets(sigma=6), disk)
    to_centre = np.moveaxis(32 - np.indices((65, 65)), 0, -1)
    distance = np.linalg.norm(to_centre, axis=-1)
    near = (distance > 2) & (distance < 12)
    cosine = np.sum(offsets * to_centre, axis=-1)[near]
    cosine /= np.linalg.norm(offsets, axis=-1)[near] * distance[near]
    assert cosine.min() > 0.98
    np.testing.assert_allclose(offsets[32, 32], 0, atol=1e-6)


def test_softmax_weights() -> None:
    windows = np.random.default_rng(0).normal(size=(7, 9))
    weights = SoftmaxAttention(temperature=2.0).predict(windows)
    exponentials = np.exp(windows / (2 * windows.std(axis=1, keepdims=True)))
    np.testing.assert_allclose(weights, exponentials / exponentials.sum(axis=1, keepdims=True))


def test_contrast_keeps_a_spot_and_flattens_noise() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 5, (200, 64))
    spot = noise.copy()
    spot[:, 20] = 200
    attention = ContrastAttention()
    flat = (noise * attention.predict(noise)).max(axis=1)
    kept = (spot * attention.predict(spot)).max(axis=1)
    # Without weights, the largest of 64 values is 12 above the mean.
    assert abs(flat.mean() - 100) < 2
    assert kept.min() > 195


def test_contrast_keeps_the_level_of_a_window_within_an_object() -> None:
    assert (ContrastAttention().predict(np.full((2, 9), 7.0)) == 1).all()


@pytest.mark.parametrize("attention", ATTENTION, ids=name)
def test_attention_per_channel(attention: Any) -> None:
    windows = np.random.default_rng(0).random((5, 8, 3))
    together = type(attention)(channels=3).predict(windows.reshape(5, 24)).reshape(5, 8, 3)
    for channel in range(3):
        alone = attention.predict(windows[..., channel])
        np.testing.assert_allclose(together[..., channel], alone, rtol=1e-12)


@pytest.mark.parametrize("attention", ATTENTION, ids=name)
def test_attention_of_windows_with_nan_is_finite(attention: Any) -> None:
    windows = np.array([[1.0, np.nan, 3.0], [np.inf, 1.0, -np.inf]])
    assert np.isfinite(attention.predict(windows)).all()
    image = np.ones((4, 4))
    image[0, 0] = np.nan
    pooled = adapool.attention_pooling(image, 2, attention, channel_axis=None)
    np.testing.assert_array_equal(np.isnan(pooled), [[True, False], [False, False]])


# Ellipses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0, 0.1, 0.2])
@pytest.mark.parametrize("aspect", [2, 3, 4])
def test_ellipses_of_objects(aspect: int, noise: float) -> None:
    """Filled ellipses, blurred by a pixel, of several sizes and at several angles."""
    rng = np.random.default_rng(aspect)
    for major in (26, 40, 64):
        for angle in (-1.3, -0.6, 0.0, 0.5, 1.1):
            drawn = turned_ellipse((150, 150), major, major / aspect, angle)
            image = ndi.gaussian_filter(drawn, 1) + rng.normal(0, noise, drawn.shape)
            got = at_middle(BlobSizes(shape="ellipse"), image)
            np.testing.assert_allclose(got[:2], (major, major / aspect), rtol=0.15)
            off = (got[2] - angle + np.pi / 2) % np.pi - np.pi / 2
            assert abs(np.degrees(off)) < 5


def turned_ellipse(shape: tuple[int, int], major: float, minor: float, angle: float) -> Array:
    down, right = np.indices(shape) - np.array(shape).reshape(2, 1, 1) // 2
    along = down * np.cos(angle) + right * np.sin(angle)
    across = right * np.cos(angle) - down * np.sin(angle)
    inside = (2 * along / major) ** 2 + (2 * across / minor) ** 2 <= 1
    return np.asarray(inside, float)


def test_orientation_by_the_structure_tensor() -> None:
    for angle in (-1.3, -0.6, 0.0, 0.5, 1.1):
        image = turned_ellipse((128, 128), 40, 16, angle)
        network = StructureTensorSizes(shape="ellipse", sigma=1.5, rho=40, max_size=80)
        got = at_middle(network, image)
        off = (got[2] - angle + np.pi / 2) % np.pi - np.pi / 2
        assert abs(np.degrees(off)) < 5


@pytest.mark.parametrize("estimator", MEASURING, ids=name)
def test_shapes(estimator: Any) -> None:
    """One estimator serves every function that takes sizes."""
    disk = ellipsoid((64, 64), (9, 9))
    axes = predict(estimator, disk)
    one = predict(dataclasses.replace(estimator, shape="size"), disk)
    np.testing.assert_allclose(one[..., 0], np.sqrt(axes.prod(axis=-1)), rtol=1e-5)
    both = predict(dataclasses.replace(estimator, shape="strides"), disk)
    np.testing.assert_array_equal(both, predict(estimator.with_strides(), disk))
    np.testing.assert_array_equal(both[..., :2], axes)
    round_ones = dataclasses.replace(estimator, shape="ellipse")
    assert (estimator.footprint, round_ones.footprint) == ("box", "ellipse")
    np.testing.assert_allclose(at_middle(round_ones, disk)[:2], 18, rtol=0.15)
    pooled = adapool.dynamic_pooling(disk, round_ones, footprint="ellipse", channel_axis=None)
    assert pooled.shape == disk.shape


def test_a_shape_must_be_known() -> None:
    with pytest.raises(ValueError, match="shape must be one of axes, size, ellipse, strides"):
        ThicknessSizes(shape="box")  # type: ignore[arg-type]
