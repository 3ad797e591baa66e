"""Whoever does what a message says gets a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.measure import label

import adapool
from adapool.estimators import BlobSizes, ScaleSpaceSizes, SoftmaxAttention, ThicknessSizes

Array = NDArray[Any]
UNTYPED: Any = adapool  # whose keywords nobody checks before
PLAIN: dict[str, Any] = {"channel_axis": None}
IMAGE = np.random.default_rng(0).random((12, 14)).astype(np.float32)
STACK = np.stack([IMAGE, 2 * IMAGE, IMAGE[::-1]])
VOLUMES = np.stack([STACK, STACK])
STILL = np.zeros((12, 14, 2))
SIZES = np.full((12, 14), 3)
HOLES = np.where(IMAGE < 0.1, np.nan, IMAGE)
NODATA = np.where(IMAGE < 0.1, np.float32(-3.4028235e38), IMAGE)


class Torch:
    """A module before it is made."""

    def __call__(self, given: Array) -> Array:
        return np.full(given.shape, 3)


class Advice(NamedTuple):
    """A call that is refused, what its message recommends, and a call that follows."""

    refused: Callable[[], Any]
    words: str
    followed: Callable[[], Any]


def dynamic(image: Any, sizes: Any = 3, **options: Any) -> Any:
    return adapool.dynamic_pooling(image, sizes, **{**PLAIN, **options})


def peaks(image: Any, sizes: Any = 3, **options: Any) -> Any:
    return adapool.peak_local_max(image, sizes, **options)


def sites(sizes: Any, image: Any = IMAGE) -> Any:
    return adapool.dynamic_stride_pooling(image, sizes, channel_axis=None)


def regions(labels: Any, image: Any = IMAGE, **options: Any) -> Any:
    return adapool.region_pooling(image, labels, **{**PLAIN, **options})


LABELS = np.arange(12 * 14).reshape(12, 14) // 30

CASES: dict[str, Advice] = {
    # --- regions
    "a mask": Advice(
        lambda: regions(IMAGE > 0.5),
        "number the regions first, as skimage.measure.label(mask) does",
        lambda: regions(label(IMAGE > 0.5)),
    ),
    "labels of floats": Advice(
        lambda: regions(LABELS.astype(np.float32)),
        "pass labels.astype(numpy.int32) if they are whole numbers",
        lambda: regions(LABELS.astype(np.float32).astype(np.int32)),
    ),
    "negative labels": Advice(
        lambda: regions(LABELS - 1),
        "the label 0, as numpy.maximum(labels, 0) does",
        lambda: regions(np.maximum(LABELS - 1, 0)),
    ),
    "where a sum is": Advice(
        lambda: regions(LABELS, reduction="sum", return_indices=True),
        "pass reduction='max' or 'min'",
        lambda: regions(LABELS, reduction="min", return_indices=True),
    ),
    "as scikit-image calls it": Advice(
        lambda: UNTYPED.region_pooling(image=IMAGE, labels=LABELS),
        "pass feature_map",
        lambda: adapool.region_pooling(feature_map=IMAGE, region_network=LABELS, **PLAIN),
    ),
    "as SciPy calls it": Advice(
        lambda: UNTYPED.region_pooling(IMAGE, labels=LABELS, index=[1]),
        "pass region_network, which may be a label image",
        lambda: regions(LABELS),
    ),
    # --- axes
    "no channels": Advice(
        lambda: adapool.max_pooling(IMAGE, 2),
        "pass channel_axis=None for an image without channels",
        lambda: adapool.max_pooling(IMAGE, 2, channel_axis=None),
    ),
    "a stack": Advice(
        lambda: dynamic(VOLUMES),
        "pass batch_axis for a stack of images, pass channel_axis for channels",
        lambda: [dynamic(VOLUMES, batch_axis=0), dynamic(VOLUMES, channel_axis=1)],
    ),
    "a stack of images with channels": Advice(
        lambda: adapool.max_pooling(np.ones((2, 2, 3, 8, 9)), 1, channel_axis=2),
        ": pass batch_axis for a stack of images",
        lambda: adapool.max_pooling(np.ones((2, 2, 3, 8, 9)), 1, channel_axis=2, batch_axis=0),
    ),
    "a stack of stacks": Advice(
        lambda: dynamic(np.stack([VOLUMES, VOLUMES]), batch_axis=0),
        "call it for each image of a stack, pass channel_axis for channels",
        lambda: [dynamic(part, batch_axis=0) for part in np.stack([VOLUMES, VOLUMES])],
    ),
    "peaks of a stack": Advice(
        lambda: peaks(VOLUMES),
        "pass batch_axis for a stack of images",
        lambda: peaks(VOLUMES, batch_axis=0),
    ),
    "sites of a stack": Advice(
        lambda: sites(3, VOLUMES),
        "which leaves 4: call it for each image of a stack, pass channel_axis for channels",
        lambda: [sites(np.full((12, 14, 4), 2), image) for image in STACK],
    ),
    # --- values
    "missing pixels are NaN": Advice(
        lambda: peaks(HOLES, None),
        "numpy.where(numpy.isfinite(image), image, 0) does, or leave them out of peak_local_max, "
        "as labels=numpy.isfinite(image)",
        lambda: [
            peaks(np.where(np.isfinite(HOLES), HOLES, 0), None),
            peaks(HOLES, None, labels=np.isfinite(HOLES)),
            dynamic(np.where(np.isfinite(HOLES), HOLES, 0), ThicknessSizes()),
        ],
    ),
    "missing pixels have a value of their own": Advice(
        lambda: peaks(NODATA, None),
        "got -3.40282e+38: if that stands for a missing pixel, fill them first, as "
        "numpy.where(abs(image) > 1e+37, 0, image) does, or leave them out of peak_local_max, as "
        "labels=abs(image) <= 1e+37",
        lambda: [
            peaks(np.where(abs(NODATA) > 1e37, 0, NODATA), None),
            peaks(NODATA, None, labels=abs(NODATA) <= 1e37),
        ],
    ),
    "large values": Advice(
        lambda: peaks(IMAGE * np.float64(1e200), None),
        "if not, divide the image: estimates do not depend on its scale",
        lambda: peaks(IMAGE * np.float64(1e200) / 1e200, None),
    ),
    "long double": Advice(
        lambda: adapool.max_pooling(IMAGE.astype("f8").astype(np.longdouble), 2, **PLAIN),
        "pass feature_map.astype(numpy.float64)",
        lambda: adapool.max_pooling(
            IMAGE.astype("f8").astype(np.longdouble).astype(np.float64), 2, **PLAIN
        ),
    ),
    "strides of 0": Advice(
        lambda: sites(np.zeros((12, 14, 4))),
        "clip the strides with numpy.maximum(strides, 1)",
        lambda: sites(np.concatenate([np.ones((12, 14, 2)), np.maximum(STILL, 1)], axis=-1)),
    ),
    # --- networks
    "a class": Advice(
        lambda: dynamic(IMAGE, ThicknessSizes),
        "got the class ThicknessSizes: pass an instance, as ThicknessSizes()",
        lambda: dynamic(IMAGE, ThicknessSizes()),
    ),
    "a class of peaks": Advice(
        lambda: peaks(IMAGE, BlobSizes),
        "got the class BlobSizes: pass an instance, as BlobSizes()",
        lambda: peaks(IMAGE, BlobSizes()),
    ),
    "a class that is called": Advice(
        lambda: dynamic(IMAGE, Torch),
        "got the class Torch: pass an instance, as Torch()",
        lambda: dynamic(IMAGE, Torch()),
    ),
    "a class of attention": Advice(
        lambda: adapool.attention_pooling(IMAGE, 2, SoftmaxAttention, **PLAIN),
        "pass an instance, as SoftmaxAttention()",
        lambda: adapool.attention_pooling(IMAGE, 2, SoftmaxAttention(), **PLAIN),
    ),
    "an estimator of sizes alone": Advice(
        lambda: sites(ThicknessSizes()),
        "an estimator gives both by .with_strides(), and of an array numpy.concatenate([sizes, "
        "sizes], axis=-1) makes strides that are equal",
        lambda: sites(ThicknessSizes().with_strides()),
    ),
    "sizes alone": Advice(
        lambda: sites(SIZES),
        "numpy.stack([sizes] * 4, axis=-1)",
        lambda: sites(np.stack([SIZES] * 4, axis=-1)),
    ),
    "sizes alone with an axis": Advice(
        lambda: sites(SIZES[..., np.newaxis]),
        "numpy.repeat(sizes, 4, axis=-1)",
        lambda: sites(np.repeat(SIZES[..., np.newaxis], 4, axis=-1)),
    ),
    "sizes alone along axes": Advice(
        lambda: sites(np.stack([SIZES] * 2, axis=-1)),
        "numpy.concatenate([sizes, sizes], axis=-1)",
        lambda: sites(np.concatenate([np.stack([SIZES] * 2, axis=-1)] * 2, axis=-1)),
    ),
    "a spacing beside a network": Advice(
        lambda: peaks(IMAGE, ScaleSpaceSizes(), spacing=2),
        "give it to the network, as ScaleSpaceSizes(spacing=...) takes it",
        lambda: peaks(IMAGE, ScaleSpaceSizes(spacing=2)),
    ),
    "images without channels": Advice(
        lambda: ThicknessSizes().predict(IMAGE),
        "pass image[np.newaxis, ..., np.newaxis] for a single image without channels",
        lambda: ThicknessSizes().predict(IMAGE[np.newaxis, ..., np.newaxis]),
    ),
    # --- windows
    "a window larger than the image": Advice(
        lambda: adapool.max_pooling(IMAGE, 13, **PLAIN),
        "pass a smaller kernel_size, more padding or a larger image",
        lambda: [
            adapool.max_pooling(IMAGE, 12, **PLAIN),
            adapool.max_pooling(IMAGE, 13, padding=1, **PLAIN),
        ],
    ),
    # --- Dask
    "no largest window": Advice(
        lambda: dynamic(da.from_array(IMAGE)),
        "max_kernel_size must be given, and finite",
        lambda: dynamic(da.from_array(IMAGE), max_kernel_size=3),
    ),
    "lazy sizes": Advice(
        lambda: dynamic(IMAGE, da.from_array(SIZES)),
        "pass param_network.compute(), or a Dask array as feature_map",
        lambda: [
            dynamic(IMAGE, da.from_array(SIZES).compute()),
            dynamic(da.from_array(IMAGE), da.from_array(SIZES), max_kernel_size=3),
        ],
    ),
    "a lazy answer": Advice(
        lambda: dynamic(IMAGE, lambda given: da.full(given.shape, 3)),
        "let it return result.compute()",
        lambda: dynamic(IMAGE, lambda given: da.full(given.shape, 3).compute()),
    ),
    "chunks of unknown size": Advice(
        lambda: adapool.max_pooling(unknown(), 2, **PLAIN),
        "call feature_map.compute_chunk_sizes() first",
        lambda: adapool.max_pooling(unknown().compute_chunk_sizes(), 2, **PLAIN),
    ),
    "a network for another grid": Advice(
        lambda: adapool.deformable_conv(
            da.from_array(IMAGE), np.ones((3, 3, 1, 1)), np.zeros_like, max_offset=1, **PLAIN
        ),
        "predict the whole grid first, or choose stride and padding that keep the shape",
        lambda: [
            adapool.deformable_conv(
                da.from_array(IMAGE), np.ones((3, 3, 1, 1)), still, max_offset=1, padding=1, **PLAIN
            ),
            adapool.deformable_conv(
                da.from_array(IMAGE),
                np.ones((3, 3, 1, 1)),
                STILL[1:-1, 1:-1],
                max_offset=1,
                **PLAIN,
            ),
        ],
    ),
    "a halo in memory": Advice(
        lambda: dynamic(IMAGE, network_halo=2),
        "network_halo must be 0 unless feature_map is a Dask array",
        lambda: [
            dynamic(IMAGE, network_halo=0),
            dynamic(da.from_array(IMAGE), network_halo=2, max_kernel_size=3),
        ],
    ),
    # --- convolutions
    "filters without channels": Advice(
        lambda: adapool.deformable_conv(IMAGE, np.ones((1, 1, 1, 2)), STILL, **PLAIN),
        "give the image a channel axis to get more than one",
        lambda: adapool.deformable_conv(IMAGE[..., np.newaxis], np.ones((1, 1, 1, 2)), STILL),
    ),
    # --- scikit-image's words, SciPy's and torch's
    "min_distance": Advice(
        lambda: UNTYPED.peak_local_max(IMAGE, min_distance=2),
        "pass the size of windows as param_network: 2 * min_distance + 1",
        lambda: adapool.peak_local_max(IMAGE, 2 * 2 + 1),
    ),
    "threshold_abs": Advice(
        lambda: peaks(IMAGE, threshold_abs=0.5),
        "pass threshold=threshold_abs",
        lambda: peaks(IMAGE, threshold=0.5),
    ),
    "threshold_rel": Advice(
        lambda: peaks(IMAGE, threshold_rel=0.5),
        "pass threshold=threshold_rel * image.max()",
        lambda: peaks(IMAGE, threshold=0.5 * IMAGE.max()),
    ),
    "num_peaks": Advice(
        lambda: peaks(IMAGE, num_peaks=2),
        "take the first, as peaks[:num_peaks]",
        lambda: peaks(IMAGE)[:2],
    ),
    "num_peaks_per_label": Advice(
        lambda: peaks(IMAGE, labels=SIZES, num_peaks_per_label=2),
        "labels[tuple(peaks.T)]",
        lambda: SIZES[tuple(peaks(IMAGE, labels=SIZES).T)],
    ),
    "footprint": Advice(
        lambda: UNTYPED.peak_local_max(IMAGE, footprint=np.ones((3, 3))),
        "pass the size of windows as param_network",
        lambda: adapool.peak_local_max(IMAGE, (3, 3)),
    ),
    "indices": Advice(
        lambda: peaks(IMAGE, indices=False),
        "pass return_markers=True",
        lambda: peaks(IMAGE, return_markers=True),
    ),
    "p_norm": Advice(lambda: peaks(IMAGE, p_norm=2), "windows are boxes", lambda: peaks(IMAGE)),
    "size": Advice(
        lambda: UNTYPED.max_pooling(IMAGE, size=2, **PLAIN),
        "max_pooling has no argument size: pass kernel_size",
        lambda: adapool.max_pooling(IMAGE, kernel_size=2, **PLAIN),
    ),
    "kernel size of windows of their own": Advice(
        lambda: UNTYPED.dynamic_pooling(IMAGE, kernel_size=3, **PLAIN),
        "pass the sizes of windows as param_network: one number for all, if they are",
        lambda: adapool.dynamic_pooling(IMAGE, param_network=3, **PLAIN),
    ),
    "torch's offset": Advice(
        lambda: UNTYPED.deformable_conv(IMAGE, [1], offset=STILL, **PLAIN),
        "pass offset_network, which may be an array, with the displacements last",
        lambda: adapool.deformable_conv(IMAGE, [1], offset_network=STILL, **PLAIN),
    ),
}


def still(given: Array) -> Array:
    return np.zeros((*given.shape[:-1], 2))


def unknown() -> Any:
    rows = da.from_array(IMAGE, chunks=(4, 14))
    return rows[da.from_array(np.arange(12) % 2 == 0, chunks=4)]


@pytest.mark.parametrize("advice", CASES.values(), ids=CASES.keys())
def test_advice_works(advice: Advice) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        advice.refused()
    assert advice.words in str(caught.value)
    results = advice.followed()
    for result in results if isinstance(results, list) else [results]:
        if isinstance(result, da.Array):
            result.compute(scheduler="synchronous")
