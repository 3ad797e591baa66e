"""Local maxima in windows of a size of their own at each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapool._backends import in_host_memory
from adapool._checks import arguments, peaks, words
from adapool._checks.arguments import HostArray
from adapool._layout import Layout
from adapool._named import Names
from adapool._options import PeakOptions


@overload
def peak_local_max(
    image: ArrayLike, param_network: Any = None, *,
    return_markers: Literal[False] = False, **options: Unpack[PeakOptions],
) -> NDArray[np.int64]: ...  # fmt: skip
@overload
def peak_local_max(
    image: HostArray, param_network: Any = None, *,
    return_markers: Literal[True], **options: Unpack[PeakOptions],
) -> NDArray[np.int32]: ...  # fmt: skip
@overload
def peak_local_max(
    image: ArrayLike, param_network: Any = None, *,
    return_markers: bool = False, **options: Unpack[PeakOptions],
) -> Any: ...  # fmt: skip
@words.other_words(words.PEAKS)
def peak_local_max(
    image: ArrayLike,
    param_network: Any = None,
    *,
    threshold: float | None = None,
    labels: ArrayLike | None = None,
    exclude_border: bool | int | Sequence[int] = False,
    return_markers: bool = False,
    spacing: float | Sequence[float] | None = None,
    channel_axis: int | None = None,
    batch_axis: int | None = None,
) -> Any:
    """Find local maxima, each in a window of its own size.

    The adaptive counterpart of `skimage.feature.peak_local_max`: where objects are large, a peak
    has to win over a large window, and where they are small, over a small one. Without a network,
    the windows and the map that peaks are taken on come from `adapool.estimators.BlobSizes`: one
    peak for each bright object, with no parameter to set.

    Parameters
    ----------
    image : array_like
        Image (row, column) or volume (plane, row, column), with a channel axis where
        `channel_axis` names one, and a batch axis where `batch_axis` does. Booleans, integers up
        to 64 bits, float16, float32 or float64.
        A Dask array is computed: peaks are compared over the whole image.
    param_network : array_like, callable or object with ``.predict``, optional
        Window sizes as in `dynamic_pooling`: a number for all pixels, an array ``(*spatial, P)``
        (with `batch_axis` ``(batch or 1, *spatial, P)``), or what is given ``(1, *spatial, C)``,
        one image at a time, and returns ``(1, *spatial, P)``. Peaks are taken on the image, or on
        the map ``(1, *spatial)`` that the network's method ``response``, if it has one, returns
        for the same argument. None means ``BlobSizes(spacing=spacing)``.
    threshold : float, optional
        Peaks are above it, in the units of the map. None means 0 on the map of a network, which
        is positive where there are objects, and Otsu's threshold on the image.
    labels : array_like of int, optional
        Regions, of the spatial shape of the image; with `batch_axis` of that for all images, or
        with the batch where the image has it. Each is searched on its own, as if nothing were
        beyond it: a network is given the smallest box that holds the region, with what lies
        outside filled by mirroring the region at its border, and a threshold that is None is
        that of the region. So what is there may be anything, NaN too. 0 is not searched.
    exclude_border : bool, int or sequence of int, optional
        True leaves out peaks whose window is cut by the border of the image, a number those
        within so many pixels of it, along each axis.
    return_markers : bool, optional
        Whether to return a label image in place of the points.
    spacing : float or sequence of float, optional
        Voxel size along each axis, for the default network: pass ``(2, 0.5, 0.5)`` for planes
        that are four times as far apart as pixels. An error with `param_network`, which has
        its own way to know.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them, so that three axes are those of
        a volume. The image is their maximum.
    batch_axis : int or None, optional
        The axis along which independent images are stacked, as the frames of a film; None for a
        single one. Each is searched alone.

    Returns
    -------
    peaks : (n, d) array of int64
        (Plane,) row and column of each peak, in order of falling value, equal values in raster
        order. With `batch_axis` ``(n, 1 + d)``, the number of its image first, image by image.
        Or, with `return_markers`:
    markers : array of int32
        Of the shape of the image without channels, with the number of each peak, from 1 on in
        the same order and in each image, at its pixel, and 0 elsewhere: markers for
        `skimage.segmentation.watershed`.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the array is empty or has the wrong number of axes, a number is out of its range, or
        the network gives a wrong shape or a value that is not finite. Exceptions of the network
        pass unchanged.

    Notes
    -----
    The window of pixel i is ``[i - size // 2, i - size // 2 + size)``, cut to the image. A
    pixel is a peak if nothing in its window is larger and it is above the threshold. Connected
    peaks of equal value are a plateau, of which the one nearest to the centroid is kept. Then, in
    the order of the result, a peak in the window of an earlier one of equal value is dropped. NaN
    is no peak, and neither is a pixel whose window holds NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> image = np.zeros((5, 9), dtype=np.uint8)
    >>> image[2, 1], image[2, 3], image[1:3, 6:8] = 5, 4, 3
    >>> adapool.peak_local_max(image, np.full((5, 9), 3), threshold=0)
    array([[2, 1],
           [2, 3],
           [1, 6]])
    >>> sizes = np.full((5, 9), 3)
    >>> sizes[:, :5] = 5  # the pixel at column 3 must win over that at column 1
    >>> adapool.peak_local_max(image, sizes, threshold=0)
    array([[2, 1],
           [1, 6]])

    Without a network, one peak for each object, the one of highest contrast first:

    >>> row, column = np.indices((64, 96))
    >>> image = 100 * ((row - 30) ** 2 + (column - 25) ** 2 < 15**2)
    >>> image += 60 * ((row - 30) ** 2 + (column - 70) ** 2 < 6**2)
    >>> adapool.peak_local_max(image)
    array([[30, 25],
           [30, 70]])
    """
    layout, array = Layout.of("image", in_host_memory("image", image), channel_axis, batch_axis)
    peaks.plain_volume(layout)
    level = peaks.threshold(threshold)
    regions = peaks.labels(in_host_memory("labels", labels), layout)
    border = peaks.border(exclude_border, layout.ndim)
    with_markers = arguments.flag("return_markers", return_markers)
    network = in_host_memory("param_network", param_network)
    names = Names.of(image, layout, labels=labels, param_network=param_network)
    from adapool import _peaks, cpu  # scipy and numba are imported here and not before

    asked = _peaks.ask(network, spacing, layout, layout.canonical(array), regions)
    found = [_peaks.find(cpu, *each, level, border) for each in asked]
    if with_markers:
        return names.of_pixels(_peaks.markers(found, layout))
    return _peaks.join(found, layout)
