"""What estimators promise not to depend on, and how they are handed images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

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
from estimator_cases import (
    ATTENTION,
    MEASURING,
    PER_PIXEL,
    SIZES,
    at_middle,
    blobs,
    ellipsoid,
    name,
    predict,
)

Array = NDArray[Any]

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


# Even and odd lengths: what is not centered on its pixel shows in one of them.
@pytest.mark.parametrize("shape", [(24, 32), (23, 31), (8, 14, 17)], ids=str)
@pytest.mark.parametrize("estimator", [*PER_PIXEL, StructureTensorSizes(max_size=32)], ids=name)
def test_mirrored_and_turned_images_have_the_same_estimates(
    estimator: Any, shape: tuple[int, ...]
) -> None:
    """To the bit: along each axis, and with two axes exchanged."""
    image = blobs(shape)
    estimates, along = predict(estimator, image), "Offsets" in name(estimator)
    for axis in range(len(shape)):
        expected = np.flip(estimates, axis).copy()
        if along:
            expected[..., axis] *= -1
        np.testing.assert_array_equal(predict(estimator, np.flip(image, axis)), expected)
    exchanged = np.swapaxes(estimates, 0, 1).copy()
    exchanged[..., [0, 1]] = exchanged[..., [1, 0]]
    np.testing.assert_array_equal(predict(estimator, np.swapaxes(image, 0, 1)), exchanged)


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
    with pytest.raises(
        ValueError, match="images must have values within 1e\\+37 of 0, got -1e\\+200"
    ):
        estimator.predict(np.full((1, 8, 8, 1), -1e200))
    with pytest.raises(ValueError, match="images must not be empty"):
        estimator.predict(np.ones((0, 8, 8, 1)))
    with pytest.raises(TypeError, match="images must hold booleans, integers or floats"):
        estimator.predict(np.ones((1, 8, 8, 1), complex))
    with pytest.raises(ValueError, match="spacing must have a number for each of the 2"):
        type(estimator)(spacing=(1, 1, 1)).predict(np.ones((1, 8, 8, 1)))


def test_every_estimator_is_documented() -> None:
    for each in estimators.__all__:
        assert "Examples" in getattr(estimators, each).__doc__, each
