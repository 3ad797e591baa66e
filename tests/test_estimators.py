"""Estimators on images where the right answer is known, and what they promise not to depend on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
from adapool import estimators
from adapool.estimators import (
    CentroidOffsets,
    ContrastAttention,
    ScaleSpaceSizes,
    SoftmaxAttention,
    StructureTensorSizes,
    ThicknessSizes,
    VarianceSizes,
)

Array = NDArray[Any]

SIZES = [
    VarianceSizes(sigma=3),
    ScaleSpaceSizes(min_size=6, max_size=64),
    ThicknessSizes(),
    StructureTensorSizes(sigma=1.5, rho=40),
]
PER_PIXEL = [*SIZES, CentroidOffsets(sigma=6)]
ATTENTION = [SoftmaxAttention(), ContrastAttention()]
MEASURING = SIZES[1:]  # those whose size is that of the object


def name(estimator: Any) -> str:
    return type(estimator).__name__


def ellipsoid(shape: tuple[int, ...], semiaxes: tuple[float, ...]) -> Array:
    """Pixels within an ellipsoid about the middle of the image."""
    grid = np.indices(shape).T - np.array(shape) // 2
    return np.asarray((np.sum((grid / np.array(semiaxes)) ** 2, axis=-1) < 1).T, np.float64)


def blobs(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Bright blobs of several sizes on noise, as a test image that nobody drew."""
    rng = np.random.default_rng(seed)
    coarse = ndi.gaussian_filter(rng.normal(size=shape), 5)
    image = 100 * (coarse > coarse.std()) + rng.normal(0, 3, shape) + 20
    return np.asarray(ndi.gaussian_filter(image, 1))


def predict(estimator: Any, image: Array) -> Array:
    """The estimates of one image without channels."""
    return np.asarray(estimator.predict(image[np.newaxis, ..., np.newaxis])[0])


def at_middle(estimator: Any, image: Array) -> Array:
    return np.asarray(predict(estimator, image)[tuple(n // 2 for n in image.shape)])


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


# Invariances -------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", MEASURING, ids=name)
def test_scaling_the_image_scales_the_sizes(estimator: Any) -> None:
    small, large = (ellipsoid((n, n), (r, r)) for n, r in ((96, 8), (192, 16)))
    ratio = at_middle(estimator, large) / at_middle(estimator, small)
    np.testing.assert_allclose(ratio, 2, rtol=0.15)


@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_rotation_by_90_degrees_rotates_the_estimates(estimator: Any) -> None:
    image = blobs((48, 64))
    upright, turned = predict(estimator, image), predict(estimator, np.rot90(image))
    # Rows become columns: the axes change places, and an offset along columns its sign.
    expected = np.rot90(upright)[..., ::-1] * ([-1, 1] if "Offsets" in name(estimator) else 1)
    np.testing.assert_allclose(turned, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("change", [lambda x: x + 1000, lambda x: 7 * x], ids=["added", "scaled"])
@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_intensities_do_not_matter(estimator: Any, change: Callable[[Array], Array]) -> None:
    image = blobs((48, 64))
    expected = predict(estimator, image)
    np.testing.assert_allclose(predict(estimator, change(image)), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("attention", "change"),
    [
        (SoftmaxAttention(), lambda x: x + 1000),
        (SoftmaxAttention(), lambda x: 7 * x),
        (ContrastAttention(), lambda x: 7 * x),
    ],
)
def test_attention_does_not_depend_on_intensities(
    attention: Any, change: Callable[[Array], Array]
) -> None:
    windows = np.random.default_rng(0).random((20, 16))
    np.testing.assert_allclose(
        attention.predict(change(windows)), attention.predict(windows), rtol=1e-6
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "int64", "uint64"])
@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_integers_are_measured_as_floats(estimator: Any, dtype: str) -> None:
    image = ellipsoid((40, 40), (8, 8)) if dtype == "bool" else blobs((40, 40)).clip(0, 127)
    image = image.astype(dtype)
    expected = predict(estimator, image.astype(np.float64))
    np.testing.assert_allclose(predict(estimator, image), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_large_offsets_of_integers_cost_no_digit(estimator: Any) -> None:
    image = blobs((32, 32)).clip(0, 200).astype(np.int64)
    expected = predict(estimator, image)
    np.testing.assert_array_equal(predict(estimator, image + (1 << 62)), expected)


@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_a_constant_image_gets_the_least(estimator: Any) -> None:
    for value in (0.0, 5.0, -1e6):
        estimates = predict(estimator, np.full((20, 24), value))
        assert (estimates == getattr(estimator, "min_size", 0)).all()


# Spacing, channels, batches ----------------------------------------------------------------------


@pytest.mark.parametrize("estimator", MEASURING, ids=name)
def test_spacing_measures_in_physical_units(estimator: Any) -> None:
    """A ball in a volume that is coarser between planes: pixels along each axis."""
    ball = ellipsoid((20, 48, 48), (4.5, 9, 9))
    sizes = at_middle(replace(estimator, spacing=(2, 1, 1)), ball)
    np.testing.assert_allclose(sizes, [9, 18, 18], rtol=0.15)
    halved = at_middle(
        replace(
            estimator,
            spacing=0.5,
            min_size=estimator.min_size / 2,
            max_size=estimator.max_size / 2,
            **{
                key: getattr(estimator, key) / 2
                for key in ("sigma", "rho")
                if hasattr(estimator, key)
            },
        ),
        ball,
    )
    np.testing.assert_allclose(halved, at_middle(estimator, ball), rtol=1e-5)


def test_offsets_with_spacing_are_in_pixels() -> None:
    image = np.zeros((11, 21, 21))
    image[5, 10, 12] = 1
    offsets = predict(CentroidOffsets(sigma=4, spacing=(2, 1, 1)), image)
    np.testing.assert_allclose(offsets[4, 8, 8], [1, 2, 4], rtol=1e-5)


@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_batches_and_channels(estimator: Any) -> None:
    first, second = blobs((32, 40), 1), blobs((32, 40), 2)
    both = estimator.predict(np.stack([first, second])[..., np.newaxis])
    assert both.shape == (2, 32, 40, 2)
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both[1], predict(estimator, second))
    channels = estimator.predict(np.stack([first, second], axis=-1)[np.newaxis])
    np.testing.assert_array_equal(channels[0], predict(estimator, np.maximum(first, second)))


def test_estimators_are_networks_of_every_method() -> None:
    image = blobs((40, 48)).astype(np.float32)
    for sizes in SIZES:
        pooled = adapool.dynamic_pooling(image, sizes, anchor="center", channel_axis=None)
        assert pooled.shape == image.shape
        assert (pooled >= image).all()
    for attention in ATTENTION:
        assert adapool.attention_pooling(image, 4, attention, channel_axis=None).shape == (10, 12)
    moved = adapool.deformable_conv(image, [1.0], CentroidOffsets(sigma=3), channel_axis=None)
    assert moved.mean() > image.mean()


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VarianceSizes(sigma=0), "sigma must be positive, got 0"),
        (lambda: VarianceSizes(min_size=5, max_size=3), "min_size must be at most max_size"),
        (lambda: ScaleSpaceSizes(min_size=-1), "min_size must be positive"),
        (lambda: ScaleSpaceSizes(max_size=np.inf), "max_size must be a finite number"),
        (lambda: ScaleSpaceSizes(num_scales=2), "num_scales must be at least 3"),
        (lambda: ThicknessSizes(threshold=np.nan), "threshold must be a finite number"),
        (lambda: StructureTensorSizes(rho=-2), "rho must be positive"),
        (lambda: CentroidOffsets(sigma=True), "sigma must be a finite number"),
        (lambda: CentroidOffsets(spacing=0), "spacing must be positive"),
        (lambda: CentroidOffsets(spacing=(1, 1, 1, 1)), "spacing must be a number, or one for"),
        (lambda: SoftmaxAttention(temperature=0), "temperature must be positive"),
        (lambda: SoftmaxAttention(channels=0), "channels must be positive"),
        (lambda: ContrastAttention(strength=0), "strength must be positive"),
        (
            lambda: ContrastAttention(channels=2).predict(np.ones((4, 9))),
            r"windows must have shape",
        ),
        (lambda: SoftmaxAttention().predict(np.ones(9)), r"windows must have shape"),
    ],
)
def test_wrong_parameters(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("estimator", PER_PIXEL, ids=name)
def test_wrong_images(estimator: Any) -> None:
    with pytest.raises(ValueError, match="images must have the axes"):
        estimator.predict(np.ones((8, 8)))
    with pytest.raises(ValueError, match="images must have finite values"):
        estimator.predict(np.full((1, 8, 8, 1), np.nan))
    with pytest.raises(ValueError, match="images must not be empty"):
        estimator.predict(np.ones((0, 8, 8, 1)))
    with pytest.raises(TypeError, match="images must hold booleans, integers or floats"):
        estimator.predict(np.ones((1, 8, 8, 1), complex))
    with pytest.raises(ValueError, match="spacing must have a number for each of the 2"):
        type(estimator)(spacing=(1, 1, 1)).predict(np.ones((1, 8, 8, 1)))


def test_every_estimator_is_documented() -> None:
    for each in estimators.__all__:
        assert "Examples" in getattr(estimators, each).__doc__, each
