"""Windows that are discs, balls and ellipses: against plain loops, and by what must hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
import naive
import strategies as some
from adapool import _formulas
from compare import assert_same

Array = NDArray[Any]

# Along the axes the documented sum is exact enough to be the same to the bit, ties included.
LENGTHS = st.sampled_from([-1, 0, 1e-30, 0.5, 1, 2, 2.5, 3, 4, 6, 7.25, 10, 13, 26, 1e4, 1e30])

# Images of these widths share their code, which is shipped; `test_dtypes.py` has the others.
DTYPES = ["float32", "uint16", "float64"]

# A turned ellipse, computed in two ways, may differ at pixels that are on its border: on none here.
TURNED = st.integers(-8, 100).map(lambda n: n / 8 + 0.0137) | st.sampled_from([1e3 + 0.1, 1e9])
ANGLES = st.floats(-7, 7, width=32) | st.sampled_from([0.0, math.pi / 2, -math.pi / 2])


def pool(image: Array, sizes: Any, **options: Any) -> Any:
    return adapool.dynamic_pooling(image, sizes, footprint="ellipse", **options)


@st.composite
def ellipses(draw: st.DrawFn, image: some.Image) -> Array:
    """Sizes for an image, of any of the widths."""
    ndim = len(image.spatial)
    width = draw(st.sampled_from([1, ndim, 2 * ndim, *([3] if ndim == 2 else [])]))
    batch = () if image.batch_axis is None else (draw(st.sampled_from([1, image.batch])),)
    seed = draw(st.integers(0, 1 << 16))
    few = draw(st.lists(TURNED if (ndim, width) == (2, 3) else LENGTHS, min_size=1, max_size=9))
    sizes = np.random.default_rng(seed).choice(few, (*batch, *image.spatial, width))
    if (ndim, width) == (2, 3):
        angles = draw(st.lists(ANGLES, min_size=1, max_size=5))
        sizes[..., 2] = np.random.default_rng(seed).choice(angles, sizes.shape[:-1])
        return sizes
    return sizes.astype(draw(st.sampled_from(["float32", "float64"])))


@settings(max_examples=60)  # the loops are slow
@given(st.data())
def test_ellipses(data: st.DataObject) -> None:
    image = data.draw(some.images(DTYPES))
    sizes = data.draw(ellipses(image))
    options = image.axes | {
        "stride": data.draw(st.integers(1, 3)),
        "max_kernel_size": data.draw(st.none() | st.integers(1, 12)),
        "footprint": "ellipse",
    }
    expected = naive.dynamic_pooling(image.array, sizes, return_indices=True, **options)
    actual = adapool.dynamic_pooling(image.array, sizes, return_indices=True, **options)
    for got, wanted in zip(actual, expected, strict=True):
        assert_same(got, wanted)
    assert_same(adapool.dynamic_pooling(image.array, sizes, **options), expected[0])


@given(st.data())
def test_dask(data: st.DataObject) -> None:
    """At any chunking, however far the ellipses reach."""
    da = pytest.importorskip("dask.array")
    image = data.draw(some.images(DTYPES))
    sizes = data.draw(ellipses(image))
    options = image.axes | {
        "stride": data.draw(st.integers(1, 3)),
        "max_kernel_size": data.draw(st.integers(1, 9)),
        "return_indices": data.draw(st.booleans()),
    }
    chunks = tuple(data.draw(st.integers(1, n)) for n in image.array.shape)
    expected = pool(image.array, sizes, **options)
    lazy = pool(da.from_array(image.array, chunks=chunks), sizes, **options)
    for got, wanted in zip(
        lazy if isinstance(lazy, tuple) else [lazy],
        expected if isinstance(expected, tuple) else [expected],
        strict=True,
    ):
        assert_same(got.compute(), wanted)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "int64"])
@pytest.mark.parametrize("size", [3, 8, 9, 20, 33])
def test_a_disc_is_that_of_scipy(dtype: str, size: int) -> None:
    """At full size: tiles, rows and the border; many ties in bytes."""
    image = (np.random.default_rng(0).random((210, 300)) * 90).astype(dtype)
    reach = size // 2
    grid = np.indices((2 * reach + 1,) * 2) - reach
    disc = ((2 * grid / size) ** 2).sum(axis=0) <= 1
    wanted = ndi.maximum_filter(image, footprint=disc, mode="nearest")
    inner = (slice(reach, -reach),) * 2
    got, indices = pool(image, size, channel_axis=None, return_indices=True)
    assert_same(got[inner], wanted[inner])
    assert_same(pool(image, size, channel_axis=None), got)
    assert_same(image.reshape(-1)[indices], got)


def random_turned(shape: tuple[int, ...], most: float, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.5, most, (*shape, 2))
    return np.concatenate([lengths, rng.uniform(-4, 4, (*shape, 1))], axis=-1)


@pytest.mark.parametrize("most", [12, 90, 400])
def test_turned_ellipses_in_larger_images(most: float) -> None:
    """Looked up by rows, and searched where they are too large for that, as every pixel is told."""
    image = np.random.default_rng(1).integers(0, 200, (150, 170)).astype(np.float32)
    image[40, 50] = np.nan
    sizes = random_turned(image.shape, most, 2)
    got, indices = pool(image, sizes, channel_axis=None, return_indices=True)
    for row, column in np.random.default_rng(3).integers(0, 150, (60, 2)):
        major, minor, angle = sizes[row, column]
        down, right = np.indices(image.shape) - np.array([[[row]], [[column]]])
        along = down * math.cos(angle) + right * math.sin(angle)
        across = right * math.cos(angle) - down * math.sin(angle)
        inside = (2 * along / major) ** 2 + (2 * across / minor) ** 2 <= 1
        wanted = np.flatnonzero(inside)[np.argmax(image[inside])]  # the first NaN, if there is one
        assert indices[row, column] == wanted
    assert_same(pool(image, sizes, channel_axis=None), got)


def test_quarter_turns_are_axes_to_the_bit() -> None:
    """Whole numbers, of which many pixels are on the border."""
    image = np.random.default_rng(1).random((60, 70))
    axes = np.random.default_rng(2).integers(1, 40, (60, 70, 2)).astype(float)
    for angle, order in ((0.0, (0, 1)), (math.pi / 2, (1, 0)), (-math.pi / 2, (1, 0))):
        turned = np.concatenate([axes, np.full((60, 70, 1), angle)], axis=-1)
        assert_same(
            pool(image, turned, channel_axis=None), pool(image, axes[..., order], channel_axis=None)
        )
    round_ones = np.concatenate([axes[..., :1]] * 2 + [axes[..., 1:]], axis=-1)
    assert_same(
        pool(image, round_ones, channel_axis=None), pool(image, axes[..., 0], channel_axis=None)
    )


def test_orientation_is_that_of_regionprops() -> None:
    from skimage.measure import regionprops

    shape = (61, 61)
    image = np.zeros(shape)
    image[30, 30] = 1
    for angle in (-1.2, -0.4, 0.3, 1.0):
        spread = pool(image, np.array([40.0, 14.0, angle]), channel_axis=None)
        (found,) = regionprops((spread > 0).astype(int))
        assert found.axis_major_length == pytest.approx(40, rel=0.03)
        assert found.axis_minor_length == pytest.approx(14, rel=0.05)
        assert found.orientation == pytest.approx(angle, abs=0.02)


@pytest.mark.parametrize("numbers", [(1e30,), (1e30, 1e30), (1e30, 1e30, 0.3), (3e38,)])
def test_as_large_as_can_be(numbers: tuple[float, ...]) -> None:
    image = np.random.default_rng(0).random((300, 260))
    sizes = np.array(numbers, np.float64)
    got, indices = pool(image, sizes, channel_axis=None, return_indices=True)
    assert (got == image.max()).all()
    assert (indices == image.argmax()).all()


def test_thin_and_long() -> None:
    """A line of pixels, across tables and the search."""
    image = np.random.default_rng(0).random((260, 280))
    rows = pool(image, np.array([0.25, 1e9]), channel_axis=None)
    assert_same(rows, np.broadcast_to(image.max(axis=1, keepdims=True), image.shape))
    diagonal = pool(np.eye(150), np.array([1e8, 0.01, math.pi / 4]), channel_axis=None)
    assert (np.diagonal(diagonal) == 1).all()


def test_formulas_agree_with_the_textbook() -> None:
    made = _formulas.ellipse_formulas(lambda f: f, lambda a, b: a * b, math.sqrt)
    rng = np.random.default_rng(0)
    for _ in range(500):
        major, minor = rng.uniform(0.1, 80, 2)
        angle = rng.uniform(-9, 9)
        down, right = rng.integers(-40, 41, 2).tolist()
        height, width, shear, whole = made.chords(major, minor, angle)
        along = down * math.cos(angle) + right * math.sin(angle)
        across = right * math.cos(angle) - down * math.sin(angle)
        wanted = (2 * along / major) ** 2 + (2 * across / minor) ** 2
        got = made.share(down, height) + made.share(made.sheared(right, down, shear), width)
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert whole >= math.hypot(major * math.sin(angle), minor * math.cos(angle))


class Windows:
    """A network that has ellipses of one size."""

    footprint = "ellipse"

    def __init__(self, *numbers: float) -> None:
        self.numbers = numbers

    def predict(self, images: Array) -> Array:
        return np.broadcast_to(np.array(self.numbers), (*images.shape[:-1], len(self.numbers)))


def test_peaks_in_ellipses() -> None:
    """Two on a diagonal, which a box of that size holds and a disc does not."""
    image = np.zeros((40, 40))
    image[15, 15], image[22, 22] = 2, 1
    assert len(adapool.peak_local_max(image, 17, threshold=0)) == 1
    points = adapool.peak_local_max(image, Windows(17.0), threshold=0)
    assert points.tolist() == [[15, 15], [22, 22]]
    image[15, 23] = 2  # an equal one, beside the diagonal
    along = adapool.peak_local_max(image, Windows(30.0, 4.0, math.pi / 4), threshold=0)
    assert along.tolist() == [[15, 15], [15, 23]]
    table = adapool.peak_table(image, Windows(17.0), threshold=0, properties=["size"])
    assert table["size-0"].tolist() == [17]


@given(st.data())
def test_peaks_win_their_ellipses(data: st.DataObject) -> None:
    """As the maxima over ellipses say; none is in the ellipse of an equal one before it."""
    seed = data.draw(st.integers(0, 1 << 16))
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 9, (24, 30)).astype(np.float32)
    numbers = (data.draw(TURNED), data.draw(TURNED), data.draw(ANGLES))
    points = adapool.peak_local_max(image, Windows(*numbers), threshold=3)
    pooled = pool(image, np.array(numbers), channel_axis=None)
    assert (image[tuple(points.T)] == pooled[tuple(points.T)]).all()
    size = list(numbers)
    for number, late in enumerate(points):
        for early in points[:number]:
            if image[tuple(early)] == image[tuple(late)]:
                assert not naive.dynamic.in_ellipse((late - early).tolist(), size)


def test_a_network_must_know_its_windows() -> None:
    network = Windows(3.0)
    network.footprint = "round"
    with pytest.raises(ValueError, match="footprint must be one of box, ellipse, got 'round'"):
        adapool.peak_local_max(np.eye(9), network)
