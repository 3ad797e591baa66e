"""What is given once for all pixels, strides from sizes, and axes that look like colours."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import dask.array as da
import numpy as np
import pytest

import adapool
from adapool.estimators import ThicknessSizes
from estimator_cases import blobs
from test_advice import IMAGE, PLAIN, STACK, dynamic, peaks

# What is no error any more ------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_what_one_pixel_has_is_had_by_all(chunked: bool) -> None:
    image: Any = da.from_array(IMAGE, 5) if chunked else IMAGE
    options = {"max_kernel_size": 5, "anchor": "center"}
    for size, whole in (
        (5, np.full((12, 14), 5)),
        (2.5, np.full((12, 14), 2.5)),
        ((3, 5), np.broadcast_to([3, 5], (12, 14, 2))),
        ([3, 5, 1, 1], np.broadcast_to([3, 5, 1, 1], (12, 14, 4))),
        (np.uint8(3), np.full((12, 14), 3)),
    ):
        np.testing.assert_array_equal(
            dynamic(image, size, **options), dynamic(IMAGE, whole, **options)
        )
    got = adapool.dynamic_stride_pooling(image, (3, 4, 2, 2), max_kernel_size=5, **PLAIN)
    whole = np.broadcast_to([3, 4, 2, 2], (12, 14, 4))
    expected = adapool.dynamic_stride_pooling(IMAGE, whole, **PLAIN)
    np.testing.assert_array_equal(got.to_map(), expected.to_map())
    got = adapool.deformable_conv(image, [1], (0, 1), mask_network=[2], max_offset=1, **PLAIN)
    np.testing.assert_array_equal(np.asarray(got)[:, :-1], 2 * IMAGE[:, 1:])


def test_one_size_for_all_peaks_of_all_images() -> None:
    np.testing.assert_array_equal(peaks(IMAGE, 5), peaks(IMAGE, np.full(IMAGE.shape, 5)))
    whole = np.full((1, *IMAGE.shape, 1), 5)
    np.testing.assert_array_equal(peaks(STACK, 5, batch_axis=0), peaks(STACK, whole, batch_axis=0))


@pytest.mark.parametrize("ndim", [2, 3])
def test_strides_as_large_as_sizes(ndim: int) -> None:
    """In 2-D and 3-D, sites tile the image with their own windows."""
    image = blobs((18, 20, 22)[:ndim])
    estimator = ThicknessSizes(min_size=0.5, max_size=6)  # of background less than a pixel
    sites = adapool.dynamic_stride_pooling(image, estimator.with_strides(), **PLAIN)
    np.testing.assert_array_equal(sites.strides, np.maximum(sites.sizes, 1))
    sizes = estimator.predict(image[np.newaxis, ..., np.newaxis])[0]
    at = sizes[tuple(sites.positions.T)]
    np.testing.assert_array_equal(sites.sizes, at.astype(int))


# Colours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_asked_for(channels: int) -> None:
    colours = np.random.default_rng(0).random((12, 14, channels))
    with pytest.warns(UserWarning, match="searched as columns of a volume .*channel_axis=-1"):
        assert peaks(colours).shape[1] == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert peaks(colours, channel_axis=-1).shape[1] == 2
        assert peaks(np.moveaxis(colours, -1, 0)).shape[1] == 3  # planes may be few
        assert peaks(colours[:, :, :2]).shape[1] == 3


def test_colours_are_asked_for_once_and_where_the_call_is() -> None:
    code = (
        "import numpy, adapool\n"
        "adapool.peak_local_max(numpy.eye(12), 3)\n"  # imports, which reset what was warned of
        "for _ in range(3):\n"
        "    adapool.peak_local_max(numpy.eye(12)[..., None] * numpy.ones(3), 3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr.count("UserWarning") == 1
    assert "<string>:4" in done.stderr
