"""What `region_pooling` promises beyond the reference, and the labels of `ObjectRegions`."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any, Literal

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import label, regionprops_table
from skimage.segmentation import watershed

import adapool
import adapool._jit
import naive
import strategies as some
from adapool.estimators import ObjectRegions
from compare import SITES_FIELDS, assert_same, assert_same_sites

Array = NDArray[Any]
PLAIN: dict[str, Any] = {"channel_axis": None}
RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(60, 70)).astype(np.float32)
Reduction = Literal["max", "min", "mean", "sum"]
REDUCTIONS: tuple[Reduction, ...] = ("max", "min", "mean", "sum")


def blobs(shape: tuple[int, ...] = (60, 70), seed: int = 1) -> Array:
    noise = ndi.gaussian_filter(np.random.default_rng(seed).random(shape), 2)
    labels: Array = label(noise > np.median(noise) + noise.std() / 2).astype(np.int32)
    return labels


# Regions -----------------------------------------------------------------------------------------


def test_as_scipy_and_scikit_image_have_it() -> None:
    labels = blobs()
    index = np.arange(1, labels.max() + 1)
    functions = (ndi.maximum, ndi.minimum, ndi.mean, ndi.sum_labels)
    for reduction, function in zip(REDUCTIONS, functions, strict=True):
        sites = adapool.region_pooling(IMAGE, labels, reduction=reduction, **PLAIN)
        np.testing.assert_allclose(sites.values, function(IMAGE, labels, index), rtol=1e-6)
    table = regionprops_table(labels, IMAGE, properties=("bbox", "centroid"))
    box = [table[f"bbox-{i}"] for i in range(4)]
    np.testing.assert_array_equal(sites.sizes[:, 0], box[2] - box[0])
    np.testing.assert_array_equal(sites.sizes[:, 1], box[3] - box[1])
    assert (sites.labels[tuple(sites.positions.T)] == index).all()


def test_no_region_gives_no_sites() -> None:
    """As `regionprops` of an empty label image gives none."""
    for image, channel_axis in ((IMAGE, None), (IMAGE[..., np.newaxis], -1)):
        sites = adapool.region_pooling(
            image, np.zeros((60, 70), np.uint8), channel_axis=channel_axis
        )
        assert sites.values.shape == (0, *image.shape[2:])
        assert sites.positions.shape == (0, 2)
        assert (sites.owner == -1).all()
        assert np.isnan(sites.to_map()).all()


def test_one_label_for_all_pixels() -> None:
    sites = adapool.region_pooling(IMAGE, 1, **PLAIN)
    np.testing.assert_array_equal(sites.values, [IMAGE.max()])
    np.testing.assert_array_equal(sites.sizes, [[60, 70]])


@pytest.mark.parametrize("factor", [3, 1 << 10, 1 << 40])
def test_numbers_of_labels_do_not_count(factor: int) -> None:
    """Only their order: and memory follows the image, not the largest label."""
    labels = blobs().astype(np.int64)
    adapool.region_pooling(IMAGE, labels * factor, **PLAIN)  # what compiling takes is no matter
    tracemalloc.start()
    far = adapool.region_pooling(IMAGE, labels * factor, **PLAIN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_same_sites(far, adapool.region_pooling(IMAGE, labels, **PLAIN))
    assert peak < 100 * labels.size


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", ">i4"])
def test_labels_of_any_integers(dtype: str) -> None:
    labels = blobs() % 100
    expected = adapool.region_pooling(IMAGE, labels, **PLAIN)
    assert_same_sites(adapool.region_pooling(IMAGE, labels.astype(dtype), **PLAIN), expected)
    most = np.iinfo(np.dtype(dtype)).max
    last = np.where(labels == labels.max(), most, labels).astype(dtype)
    assert_same_sites(adapool.region_pooling(IMAGE, last, **PLAIN), expected)


@pytest.mark.parametrize("shape", [(9, 9), (5, 6, 7)])
def test_middles_of_shapes_whose_centroid_is_outside(shape: tuple[int, ...]) -> None:
    """Rings, crosses without a middle, far pieces; distances that are equal, and nearly so."""
    image = np.zeros(shape)
    inner = tuple(slice(2, n - 2) for n in shape)
    ring = np.ones(shape, int)
    ring[inner] = 0
    corners = np.zeros(shape, int)
    corners[tuple(np.ix_(*([0, n - 1] for n in shape)))] = 1
    stripes = np.indices(shape).sum(axis=0) % 3 + 1
    for labels in (ring, corners, stripes, np.where(ring, 2, stripes)):
        assert_same(
            adapool.region_pooling(image, labels, **PLAIN).positions,
            naive.region_pooling(image, labels, **PLAIN).positions,
        )


def test_long_images_do_not_overflow() -> None:
    """Squares of distances times areas need more than 64 bits here."""
    image = np.zeros((1, 3_000_000), np.uint8)
    labels = np.ones_like(image)
    labels[0, 1_000_000:2_100_000] = 0
    sites = adapool.region_pooling(image, labels, **PLAIN)
    column = np.flatnonzero(labels[0])
    twice = 2 * int(column.sum())
    nearest = column[np.argmin(np.abs(2 * column * len(column) - twice))]
    np.testing.assert_array_equal(sites.positions, [[0, nearest]])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bits_do_not_depend_on_threads(
    reduction: Reduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, image = blobs((300, 200)), RNG.normal(size=(300, 200))
    results = []
    for threshold, threads in ((1 << 62, 1), (0, 1), (0, 2), (0, 5)):
        monkeypatch.setattr(adapool._jit, "PARALLEL_FROM", threshold)
        monkeypatch.setattr(adapool._jit, "num_threads", lambda threads=threads: threads)
        results.append(adapool.region_pooling(image, labels, reduction=reduction, **PLAIN))
    for other in results[1:]:
        assert_same_sites(other, results[0])


def test_sums_are_rounded_once() -> None:
    image = RNG.normal(size=(64, 64)) * 10.0 ** RNG.integers(-8, 8, (64, 64))
    labels = RNG.integers(1, 4, image.shape)
    got = adapool.region_pooling(image, labels, reduction="sum", **PLAIN)
    assert_same(got.values, naive.region_pooling(image, labels, reduction="sum", **PLAIN).values)
    for chunks in (7, (64, 1), 40):
        lazy = adapool.region_pooling(
            da.from_array(image, chunks), labels, reduction="sum", **PLAIN
        )
        assert_same(lazy.values.compute(), got.values)


@given(st.data())
def test_regions_share_out_the_image(data: st.DataObject) -> None:
    image, labels, options = data.draw(some.region_calls())
    if not isinstance(labels, np.ndarray):
        return
    options["return_indices"] = False
    with np.errstate(all="ignore"):
        sites = adapool.region_pooling(image.array, labels, **options)
    number = np.arange(len(sites.values))
    assert_same(np.unique(sites.owner[sites.owner >= 0]), number.astype(np.int32))
    assert (sites.owner[tuple(sites.positions.T)] == number).all()
    flat = labels.reshape(image.spatial)
    distinct = np.unique(flat[flat != 0])
    assert len(distinct) == len(number)
    np.testing.assert_array_equal(distinct[sites.owner[flat != 0]], flat[flat != 0])
    assert (sites.owner[flat == 0] == -1).all()


def test_blocks_are_plain_max_pooling() -> None:
    labels = np.arange(15 * 14).reshape(15, 14).repeat(4, axis=0).repeat(5, axis=1) + 1
    sites, where = adapool.region_pooling(IMAGE, labels, return_indices=True, **PLAIN)
    values, indices = adapool.max_pooling(IMAGE, (4, 5), return_indices=True, **PLAIN)
    assert_same(sites.values, values.reshape(-1))
    assert_same(where, indices.reshape(-1))


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    def network(given: Array) -> Array:
        raise AssertionError("computed")

    lazy = adapool.region_pooling(da.from_array(IMAGE, 20), network, **PLAIN)
    for name in SITES_FIELDS:
        assert isinstance(getattr(lazy, name), da.Array)
    assert lazy.owner.chunks == ((20, 20, 20), (20, 20, 20, 10))


# ObjectRegions -----------------------------------------------------------------------------------


def scene(shape: tuple[int, ...] = (96, 96), step: int = 24, spacing: Any = 1) -> Array:
    """Bright disks or balls of two sizes on a grid, blurred, on noise."""
    grid = np.indices(shape) * np.reshape(
        np.broadcast_to(spacing, len(shape)), (-1,) + (1,) * len(shape)
    )
    image = np.zeros(shape)
    ends = [n * s for n, s in zip(shape, np.broadcast_to(spacing, len(shape)), strict=True)]
    for number, centre in enumerate(
        itertools.product(*(np.arange(step / 2, end, step) for end in ends))
    ):
        away = np.sqrt(((grid - np.reshape(centre, (-1,) + (1,) * len(shape))) ** 2).sum(axis=0))
        image += (60 + 5 * number) / (1 + np.exp(2 * (away - 5 - number % 2)))
    return image + np.random.default_rng(0).normal(0, 1, shape) + 10


def given_to_networks(image: Array) -> Array:
    return image[np.newaxis, ..., np.newaxis]


@pytest.mark.parametrize("budget", [1, 5, 16, 17, 40, 333, 20_000])
def test_a_budget_is_kept(budget: int) -> None:
    """Objects first, the brightest ones where they are too many; then blocks."""
    image = scene()
    alone = ObjectRegions().predict(given_to_networks(image))[0]
    assert alone.max() == 16
    labels = ObjectRegions(budget).predict(given_to_networks(image))[0]
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(
        np.unique(labels), np.arange(0 if budget <= 16 else 1, labels.max() + 1)
    )
    assert labels.max() <= budget
    if budget > 16:
        assert (labels > 0).all()
        np.testing.assert_array_equal(np.where(labels <= 16, labels, 0), alone)
    else:
        kept = ndi.maximum(image, labels, np.arange(1, budget + 1))
        every = ndi.maximum(image, alone, np.arange(1, 17))
        assert kept.min() >= np.sort(every)[16 - budget] - 5
    if budget == 333:
        assert labels.max() > 250  # as many blocks as there may be, nearly


def test_labels_of_ones_own() -> None:
    """What a watershed gives, in any form; and outlines that are left as they are."""
    image = scene()
    markers = label(
        ndi.maximum_filter(ndi.gaussian_filter(image, 2), 15) == ndi.gaussian_filter(image, 2)
    )
    own = watershed(-image, markers, mask=image > 45)

    class Segmenter:
        def predict(self, images: Array) -> Array:
            assert images.shape == (1, 96, 96, 1)
            labels: Array = own[np.newaxis]
            return labels

    class Finder:
        def regions(self, given: Array) -> Array:
            np.testing.assert_array_equal(given, image)
            labels: Array = own * 1000
            return labels

    wanted = ObjectRegions(50, objects=own).predict(given_to_networks(image))
    assert wanted.max() <= 50
    for objects in (Segmenter(), lambda _: own.astype(np.uint16), Finder(), own[np.newaxis]):
        got = ObjectRegions(50, objects=objects).predict(given_to_networks(image))
        np.testing.assert_array_equal(got, wanted)
    count = own.max()
    grown = np.where(wanted[0] <= count, wanted[0], 0)
    assert (grown[own > 0] == own[own > 0]).all()
    assert (grown > 0).sum() > (own > 0).sum()
    still = ObjectRegions(50, objects=own, grow=False).predict(given_to_networks(image))[0]
    np.testing.assert_array_equal(np.where(still <= count, still, 0), own)


def test_growth_ends_at_half_contrast() -> None:
    """Cores of disks that fall to half of their height at a radius of 8 grow to that."""
    away = np.hypot(*(np.indices((64, 64)) - 32))
    image = 100 / (1 + np.exp(away - 8))
    grown = ObjectRegions(objects=(away < 6).astype(int)).predict(given_to_networks(image))[0]
    radius = np.sqrt((grown == 1).sum() / np.pi)
    assert abs(radius - 8) < 0.6


@pytest.mark.parametrize("spacing", [(2, 1, 1), (1, 1, 1)])
def test_volumes_with_spacing(spacing: tuple[int, ...]) -> None:
    shape = (48 // spacing[0], 48, 48)
    image = scene(shape, 24, spacing)
    labels = ObjectRegions(200, spacing=spacing).predict(given_to_networks(image))[0]
    assert labels.shape == shape
    assert 100 < labels.max() <= 200
    sites = adapool.region_pooling(image, labels, **PLAIN)
    first = sites.sizes[np.argsort(-sites.values)][:4]
    np.testing.assert_allclose(first[:, 0] * spacing[0], first[:, 1], atol=3)
    block = np.median(sites.sizes[20:], axis=0)
    np.testing.assert_allclose(block[0] * spacing[0], block[1], atol=2)


def test_channels_and_stacks() -> None:
    image = scene()
    colours = np.stack([image, np.zeros_like(image), image / 2], axis=-1)
    wanted = ObjectRegions(64).predict(given_to_networks(image))
    np.testing.assert_array_equal(ObjectRegions(64).predict(colours[np.newaxis]), wanted)
    stack = np.stack([image, image[::-1]])[..., np.newaxis]
    both = ObjectRegions(64).predict(stack)
    np.testing.assert_array_equal(both[:1], wanted)
    np.testing.assert_array_equal(both[1:], ObjectRegions(64).predict(stack[1:]))
    sites = adapool.region_pooling(colours, ObjectRegions(64))
    assert sites.values.shape == (wanted.max(), 3)


@pytest.mark.parametrize("image", [np.zeros((8, 9)), np.ones((1, 1)), np.eye(3)])
def test_images_without_objects(image: Array) -> None:
    assert ObjectRegions().predict(given_to_networks(image)).max() <= image.max()
    labels = ObjectRegions(4).predict(given_to_networks(image))
    assert 1 <= labels.max() <= 4
    assert labels.min() == 1


def test_intensities_may_be_moved_and_scaled() -> None:
    image = scene().astype(np.float32)
    wanted = ObjectRegions(64).predict(given_to_networks(image))
    for other in (image * 4, image + 1024):
        np.testing.assert_array_equal(ObjectRegions(64).predict(given_to_networks(other)), wanted)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"budget": 0}, ValueError, "budget must be positive, got 0"),
        ({"budget": 2.5}, TypeError, "budget must be an integer, got 2.5"),
        ({"grow": 1}, TypeError, "grow must be True or False, got 1"),
        ({"spacing": -1}, ValueError, "spacing must be positive"),
    ],
)
def test_wrong_parameters(options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ObjectRegions(**options)


@pytest.mark.parametrize(
    ("objects", "error", "words"),
    [
        (np.ones((4, 4), int), ValueError, r"objects must give an array of shape \(96, 96\)"),
        (np.ones((96, 96)), TypeError, "objects must give integer labels, got dtype float64"),
        (np.ones((96, 96), bool), TypeError, r"objects .* skimage.measure.label"),
        (-np.ones((96, 96), int), ValueError, "objects must give labels of at least 0, got -1"),
        (lambda _: None, TypeError, "objects must hold booleans, integers or floats, got NoneType"),
    ],
)
def test_wrong_objects(objects: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ObjectRegions(objects=objects).predict(given_to_networks(scene()))
