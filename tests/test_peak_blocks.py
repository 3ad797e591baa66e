"""Peaks of large images, block by block: the same as those of the whole."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage as ndi

import adapool
from adapool._peaks import blocks
from adapool.estimators import BlobSizes
from adapool.estimators.blobs import sample, tiles
from adapool.estimators.blobs.analysis import frame_of
from adapool.peaks import peaks_and_objects

Array = NDArray[Any]

# Of those of `peak_table`, what a block can tell.
COLUMNS = ["label", "index", "centroid", "size", "equivalent_diameter", "intensity", "background",
           "contrast", "snr"]  # fmt: skip


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Search every image of Dask block by block, in blocks as small as they may be."""
    monkeypatch.setattr(blocks, "PIXELS", 0)
    for ndim in (2, 3):
        monkeypatch.setitem(tiles.PIXELS, ndim, 1)
    return monkeypatch


def scene(shape: tuple[int, ...], seed: int, noise: float) -> Array:
    """Draw spots and balls of many sizes, bright and dark, anywhere, in noise."""
    rng = np.random.default_rng(seed)
    image = np.zeros(shape)
    for sigma in (1.0, 1.6, 2.5, 4.0):
        layer = np.zeros(shape)
        count = max(1, round(image.size / (6000 if len(shape) == 2 else 60000)))
        layer[tuple(rng.integers(0, n, count) for n in shape)] = rng.uniform(-60, 200, count)
        image += ndi.gaussian_filter(layer, sigma) * (2 * np.pi * sigma**2) ** (len(shape) / 2)
    axes = np.indices(shape, sparse=True)
    for _ in range(3):
        centre, radius = [rng.integers(0, n) for n in shape], rng.uniform(6, 18)
        image[sum((a - c) ** 2 for a, c in zip(axes, centre, strict=True)) < radius**2] += 70
    return (image + rng.normal(0, noise, shape) + 300).astype(np.float32)


CASES = [
    ((301, 287), 22, "bright", 3.0, 1.0),
    ((156, 231), 10, "both", 3.0, 1.0),
    ((333, 300), 30, "dark", 1.0, 1.0),
    ((210, 221), 14, "bright", 0.0, 1.0),
    ((200, 190), 6, "bright", 2.0, (0.5, 0.4)),
    pytest.param((37, 141, 120), 8, "bright", 3.0, 1.0, marks=pytest.mark.slow),
    pytest.param((20, 100, 113), 10, "both", 2.0, (3.0, 1.0, 1.0), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("shape", "largest", "polarity", "noise", "spacing"), CASES)
def test_blocks_give_what_the_whole_gives(
    small_blocks: pytest.MonkeyPatch,
    shape: tuple[int, ...],
    largest: float,
    polarity: Any,
    noise: float,
    spacing: Any,
) -> None:
    image = scene(shape, sum(shape), noise)
    network = BlobSizes(max_size=largest, polarity=polarity, spacing=spacing)
    options: dict[str, Any] = {"properties": COLUMNS, "spacing": spacing}
    lazy = da.from_array(image, chunks=(50,) * len(shape))
    points = adapool.peak_local_max(lazy, network)
    table = adapool.peak_table(lazy, network, **options)
    found, labels = peaks_and_objects(lazy, network, spacing=spacing)
    in_memory = adapool.peak_table(image, network, **options)
    small_blocks.setattr(blocks, "PIXELS", image.size)  # now it is small: searched whole
    assert len(points) > 5
    np.testing.assert_array_equal(points, adapool.peak_local_max(image, network))
    whole = adapool.peak_table(image, network, **options)
    assert list(table) == list(whole) == list(found)
    for name, values in whole.items():
        np.testing.assert_array_equal(table[name], values, err_msg=name)
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        np.testing.assert_array_equal(in_memory[name], values, err_msg=name)
    objects = peaks_and_objects(image, network, spacing=spacing)[1]
    np.testing.assert_array_equal(labels.compute(), objects)


@pytest.mark.parametrize("chunks", [(64, 64), (1, 300), (17, 290), ((100, 5, 195), (1, 289))])
def test_any_chunks(small_blocks: pytest.MonkeyPatch, chunks: Any) -> None:
    image = scene((300, 290), 5, 2)
    network = BlobSizes(max_size=12)
    expected = adapool.peak_local_max(da.from_array(image, chunks=-1), network)
    np.testing.assert_array_equal(
        adapool.peak_local_max(da.from_array(image, chunks=chunks), network), expected
    )


def test_objects_on_seams(small_blocks: pytest.MonkeyPatch) -> None:
    network = BlobSizes(max_size=12)
    image = np.random.default_rng(2).normal(100, 1, (280, 280))
    row, column = np.indices(image.shape)
    spread = network.find_spread(lambda box: image[np.newaxis][box], image.shape)
    step = int(spread.core[1])
    assert 280 // step >= 3
    rows, columns = (20, step - 1, 2 * step), (15, step, 2 * step - 1, 260)
    centres = [(r, c) for r in rows for c in columns]
    for r, c in centres:
        image[(row - r) ** 2 + (column - c) ** 2 <= 3.2**2] += 60
    found = adapool.peak_local_max(da.from_array(image, chunks=step), network)
    assert len(found) == len(centres)
    far = np.linalg.norm(found[:, np.newaxis] - np.array(centres), axis=-1).min(axis=0)
    assert (far < 1.5).all()


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.uint32, np.int64, np.float64])
def test_dtypes(small_blocks: pytest.MonkeyPatch, dtype: Any) -> None:
    image = scene((260, 250), 3, 2).clip(0)
    image = (image > 330) if dtype == np.bool_ else (image / 4).clip(0, 250).astype(dtype)
    network = BlobSizes(max_size=12)
    points = adapool.peak_local_max(da.from_array(image, chunks=100), network)
    small_blocks.setattr(blocks, "PIXELS", image.size)
    np.testing.assert_array_equal(points, adapool.peak_local_max(image, network))


def test_channels_frames_borders_and_thresholds(small_blocks: pytest.MonkeyPatch) -> None:
    image = np.stack([scene((150, 180), seed, 2) for seed in range(4)]).reshape(2, 2, 150, 180)
    network = BlobSizes(max_size=12)
    results = []
    axes: dict[str, Any] = {"channel_axis": 1, "batch_axis": 0}
    for given in (da.from_array(image, chunks=(1, 2, 70, 90)), image):
        axes = {"channel_axis": 1, "batch_axis": 0}
        results.append(
            [
                adapool.peak_local_max(given, network, **axes),
                adapool.peak_local_max(given, network, return_markers=True, **axes),
                adapool.peak_local_max(given, network, exclude_border=True, **axes),
                adapool.peak_local_max(given, network, exclude_border=(9, 4), **axes),
                adapool.peak_local_max(given, network, threshold=30, **axes),
                adapool.peak_table(given, network, properties=["frame", "index"], **axes)["frame"],
                np.asarray(peaks_and_objects(given, network, **axes)[1]),
            ]
        )
        small_blocks.setattr(blocks, "PIXELS", 10**9)
    for ours, whole in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, whole)


def test_noise_is_measured_on_the_same_sample_in_memory(small_blocks: pytest.MonkeyPatch) -> None:
    image = scene((420, 450), 8, 2)
    small_blocks.setattr(sample, "PIXELS", 1 << 15)
    small_blocks.setitem(sample._SIDE, 2, 64)
    network = BlobSizes(max_size=12)
    points = adapool.peak_local_max(da.from_array(image, chunks=200), network)
    small_blocks.setattr(blocks, "PIXELS", image.size)
    np.testing.assert_array_equal(adapool.peak_local_max(image, network), points)


def test_what_pads_a_mosaic_is_no_sample_of_it(small_blocks: pytest.MonkeyPatch) -> None:
    small_blocks.setattr(sample, "PIXELS", 1 << 15)
    small_blocks.setitem(sample._SIDE, 2, 64)
    image = np.pad(scene((200, 190), 8, 2), ((0, 0), (400, 300)))[np.newaxis]
    frame = frame_of(image.shape, np.ones(3), 2, 20.0)
    boxes = sample.boxes(image.shape, frame, lambda box: image[box])
    assert len(boxes) == 16
    assert all(image[box].min() < image[box].max() for box in boxes)
    assert len(sample.boxes(image.shape, frame, lambda box: 0 * image[box])) == 16


def test_one_block_is_held_at_a_time(small_blocks: pytest.MonkeyPatch) -> None:
    image = scene((500, 520), 6, 2)
    read: list[int] = []

    def watched(box: tuple[slice, ...]) -> Array:
        part = image[np.newaxis][box]
        read.append(part.size)
        return part

    small_blocks.setattr(sample, "PIXELS", 1 << 16)
    small_blocks.setitem(sample._SIDE, 2, 96)
    spread = BlobSizes(max_size=12).find_spread(watched, image.shape)
    assert len(spread.peaks) > 50
    assert max(read) <= np.prod(spread.core + 2 * tiles.halo_of(spread.layers[0].frame))
    assert max(read) < image.size / 7


def test_nothing_to_find(small_blocks: pytest.MonkeyPatch) -> None:
    for image in (da.zeros((300, 300), chunks=100), da.ones((40, 100, 90), chunks=40)):
        assert adapool.peak_local_max(image).shape == (0, image.ndim)
        table = adapool.peak_table(image)
        assert {len(values) for values in table.values()} == {0}
        assert not peaks_and_objects(image)[1].compute().any()


def test_sizes_are_estimated_where_there_is_no_limit(small_blocks: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(4).normal(100, 2, (420, 420))
    row, column = np.indices(image.shape)
    centres = [(60, 60), (200, 100), (330, 320), (90, 300), (200, 210)]
    for (r, c), radius in zip(centres, (20, 5, 12, 3, 8), strict=True):
        image[(row - r) ** 2 + (column - c) ** 2 <= radius**2] += 50
    points = adapool.peak_local_max(da.from_array(image, chunks=100))
    assert len(points) == len(centres)
    far = np.linalg.norm(points[:, np.newaxis] - np.array(centres), axis=-1).min(axis=0)
    assert (far < 2).all()


def test_what_no_block_can_tell(small_blocks: pytest.MonkeyPatch) -> None:
    image = da.from_array(scene((200, 200), 1, 2), chunks=100)
    with pytest.raises(ValueError, match="must not hold 'prominence' for an image that is search"):
        adapool.peak_table(image, properties=["index", "prominence"])
    assert "prominence" not in adapool.peak_table(image)
    assert "prominence" in adapool.peak_table(image.compute(), BlobSizes(max_size=12))
    image = da.where(da.arange(200, chunks=100) == 180, np.nan, image)
    with pytest.raises(ValueError, match="must have finite values"):
        adapool.peak_local_max(image)


def test_other_networks_and_labels_are_searched_whole(small_blocks: pytest.MonkeyPatch) -> None:
    image = scene((120, 130), 7, 2)
    lazy = da.from_array(image, chunks=50)
    labels = np.ones(image.shape, int)
    labels[:, 60:] = 2
    each: list[dict[str, Any]] = [
        {"param_network": np.full(image.shape, 7)},
        {"param_network": lambda batch: np.full_like(batch, 9)},
        {"labels": labels},
    ]
    for options in each:
        points = adapool.peak_local_max(lazy, **options)
        np.testing.assert_array_equal(points, adapool.peak_local_max(image, **options))
