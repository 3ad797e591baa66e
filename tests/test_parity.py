"""The same numbers as the libraries that people come from, and as the seed of this project."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import adapool
import naive
import strategies as some

Array = NDArray[Any]


def peer(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install adapool[bench]")


@pytest.fixture(scope="module")
def torch() -> Any:
    return peer("torch")


@pytest.fixture(scope="module")
def torchvision_ops() -> Any:
    return peer("torchvision.ops")


@pytest.fixture(scope="module")
def ndimage() -> Any:
    return peer("scipy.ndimage")


# The seed, called as it was: positional arguments, objects with `.predict` ------------------------


class Constant:
    """A placeholder for a trained model."""

    def __init__(self, answer: Array) -> None:
        self.answer = answer

    def predict(self, _: Array) -> Array:
        return self.answer


@st.composite
def seed_images(draw: st.DrawFn) -> Array:
    shape = [draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 3))]
    return draw(some.pixels(tuple(shape)))


@given(st.data())
def test_seed_attention(data: st.DataObject) -> None:
    image = data.draw(seed_images()).astype(np.float64)
    size = data.draw(st.integers(1, min(image.shape[:2])))
    weights = data.draw(some.arrays((1, size * size), ["float64"], some.finite_value))
    network = Constant(weights)
    with np.errstate(all="ignore"):
        expected = naive.seed.attention_pooling(image, size, network)
    assert_array_equal(adapool.attention_pooling(image, size, network), expected)


@given(st.data())
def test_seed_dynamic(data: st.DataObject) -> None:
    image = data.draw(seed_images())
    shape = (1, *image.shape[:2], 4)
    parameters = data.draw(some.operands(shape, lambda _: st.integers(1, 12)))
    result = adapool.dynamic_pooling(image, Constant(parameters))
    assert result.dtype == image.dtype.newbyteorder("=")
    assert_array_equal(
        result.reshape(-1, image.shape[-1]),
        naive.seed.dynamic_pooling(image, Constant(parameters)),
    )


@given(st.data())
def test_seed_deformable(data: st.DataObject) -> None:
    size, rows, columns = (data.draw(st.integers(1, 4)) for _ in range(3))
    channels = data.draw(st.integers(1, 3))
    image_shape = (rows * size, columns * size, channels)
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    image = data.draw(some.arrays(image_shape, [dtype], some.any_value))
    factors = data.draw(some.arrays((channels,), [dtype], some.finite_value))
    offsets = data.draw(some.any_offsets((1, *image_shape[:2], 2)))
    arguments = (image, factors, Constant(offsets), size)
    with np.errstate(all="ignore"):
        expected = naive.seed.deformable_conv_and_pool(*arguments)
    assert_array_equal(adapool.deformable_conv_and_pool(*arguments), expected)


# PyTorch and torchvision, channels first --------------------------------------------------------


@pytest.mark.peers
@given(st.data())
@pytest.mark.parametrize("axes", [2, 3])
def test_torch_max_pool(torch: Any, axes: int, data: st.DataObject) -> None:
    """Without NaN, of which torch names the last, and on windows that are not empty."""
    spatial = tuple(data.draw(st.integers(1, 9 if axes == 2 else 5)) for _ in range(axes))
    fixed = data.draw(some.windows(spatial))
    image = data.draw(some.arrays((2, 3, *spatial), ["float32", "float64"], some.finite_value))
    values, indices = adapool.max_pooling(
        image, fixed.kernel, channel_axis=1, batch_axis=0, return_indices=True, **fixed.options
    )
    max_pool = torch.nn.functional.max_pool2d if axes == 2 else torch.nn.functional.max_pool3d
    native = np.array(image, image.dtype.newbyteorder("="))
    expected, expected_indices = max_pool(
        torch.from_numpy(native), fixed.kernel, return_indices=True, **fixed.options
    )
    empty = indices < 0
    assert np.isnan(values[empty]).all()
    assert np.isneginf(expected.numpy()[empty]).all()
    assert_array_equal(values[~empty], expected.numpy()[~empty])
    assert_array_equal(indices[~empty], expected_indices.numpy()[~empty])


@pytest.mark.peers
@given(st.data())
def test_torchvision_deform_conv2d(torch: Any, torchvision_ops: Any, data: st.DataObject) -> None:
    spatial = tuple(data.draw(st.integers(1, 7)) for _ in range(2))
    groups, per_group = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
    channels, filters = 2 * groups * per_group, groups * data.draw(st.integers(1, 2))
    offset_groups = data.draw(some.divisors(channels))
    fixed = data.draw(some.windows(spatial, 3, pooling=False))
    taps = offset_groups * fixed.kernel[0] * fixed.kernel[1]
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    image = normal(2, channels, *spatial)
    weights = normal(filters, channels // groups, *fixed.kernel)
    offsets = 2 * normal(2, 2 * taps, *fixed.sites)
    mask = normal(2, taps, *fixed.sites) if data.draw(st.booleans()) else None
    bias = normal(filters) if data.draw(st.booleans()) else None
    actual = adapool.deformable_conv(
        image,
        weights.transpose(2, 3, 1, 0),
        np.moveaxis(offsets, 1, -1),
        mask_network=None if mask is None else np.moveaxis(mask, 1, -1),
        bias=bias,
        groups=groups,
        offset_groups=offset_groups,
        channel_axis=1,
        batch_axis=0,
        **fixed.options,
    )

    def tensor(array: Array | None) -> Any:
        return None if array is None else torch.from_numpy(array)

    expected = torchvision_ops.deform_conv2d(
        tensor(image),
        tensor(offsets),
        tensor(weights),
        tensor(bias),
        mask=tensor(mask),
        **{
            name: tuple(np.broadcast_to(value, 2).tolist()) for name, value in fixed.options.items()
        },
    ).numpy()
    assert actual.dtype == dtype
    # Some 70 terms of order 1 to 10 are summed in another order.
    assert_allclose(actual, expected, rtol=0, atol=2000 * float(np.finfo(dtype).eps))


# SciPy ------------------------------------------------------------------------------------------


@given(st.data())
def test_scipy_maximum_filter(ndimage: Any, data: st.DataObject) -> None:
    axes = data.draw(st.sampled_from([2, 3]))
    spatial = tuple(data.draw(st.integers(1, 9 if axes == 2 else 5)) for _ in range(axes))
    size = tuple(data.draw(st.integers(1, 6)) for _ in range(axes))
    image = data.draw(some.pixels(spatial, some.finite_value))
    assume(image.dtype.char not in "?e")  # SciPy takes no float16, and for bool there is no cval
    check_constant_window(ndimage, image, size)


def test_scipy_maximum_filter_on_a_larger_image(ndimage: Any, twin: str) -> None:
    image = np.random.default_rng(0).integers(0, 200, (260, 140)).astype(np.uint8)
    for size in ((1, 1), (2, 3), (16, 9), (33, 64), (256, 140)):
        check_constant_window(ndimage, image, size)


def check_constant_window(ndimage: Any, image: Array, size: tuple[int, ...]) -> None:
    lowest = -np.inf if image.dtype.kind == "f" else np.iinfo(image.dtype).min
    parameters = np.broadcast_to(np.array(size, np.int16), (*image.shape, len(size)))
    # SciPy's windows are centered; this origin makes them start at their pixel.
    origins: dict[Any, Any] = {"center": 0, "corner": [-(s // 2) for s in size]}
    for anchor, origin in origins.items():
        expected = ndimage.maximum_filter(image, size, mode="constant", cval=lowest, origin=origin)
        result = adapool.dynamic_pooling(image, parameters, anchor=anchor, channel_axis=None)
        assert_array_equal(result, expected)


# scikit-learn -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3])
def test_scikit_learn_network_is_used_unchanged(size: int) -> None:
    """With one output it answers (n,), and to float32 it may answer float64."""
    neural_network = peer("sklearn.neural_network")
    rng = np.random.default_rng(0)
    image = rng.normal(size=(20, 17, 2)).astype(np.float32)
    taps = size * size
    targets = rng.random((50, taps))
    network = neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # five steps do not converge, and need not
        network.fit(rng.normal(size=(50, taps * 2)), targets if taps > 1 else targets[:, 0])
    result = adapool.attention_pooling(image, size, network)
    assert result.dtype == np.float32
    # A prediction may depend, in its last bits, on how the windows are split into batches.
    assert_allclose(result, naive.attention_pooling(image, size, network), rtol=1e-6)
