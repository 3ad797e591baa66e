"""Local maxima in windows of a size of their own at each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adapool._backends import in_host_memory, on_host
from adapool._checks import arguments, peaks, words
from adapool._checks.arguments import HostArray
from adapool._layout import Layout
from adapool._named import Names
from adapool._options import PeakOptions
from adapool._peaks.images import Images
from adapool._peaks.search import Search


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
        Of a Dask array of more than 4 million pixels, which `adapool.estimators.BlobSizes`
        searches, a block at a time is computed; with another network, or with `labels`, all of
        it.
    param_network : array_like, callable or object with ``.predict``, optional
        Window sizes as in `dynamic_pooling`: a number for all pixels, an array ``(*spatial, P)``
        (with `batch_axis` ``(batch or 1, *spatial, P)``), or what is given ``(1, *spatial, C)``,
        one image at a time, and returns ``(1, *spatial, P)``. Windows are ellipses, as those of
        `dynamic_pooling`, where its attribute ``footprint`` is "ellipse", as that of estimators
        with ``shape="ellipse"``. Peaks are taken on the image, or on
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
        that are four times as far apart as pixels. An error with `param_network`:
        give it to that network.
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
    The window of pixel i is ``[i - size // 2, i - size // 2 + size)``, cut to the image, or an
    ellipse around it. A
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
    search = _search(
        image, param_network, threshold, labels, exclude_border, spacing, channel_axis, batch_axis
    )
    with_markers = arguments.flag("return_markers", return_markers)
    names = Names.of(image, search.layout, labels=labels, param_network=param_network)
    from adapool._peaks import blocks, candidates, fields  # scipy is imported here and not before

    if blocks.wanted(search):
        found = [each.points for each in blocks.find(search)]
    else:
        found = [candidates.find(field, search) for _, field in fields.ask(search)]
    if with_markers:
        return names.of_pixels(candidates.markers(found, search.layout))
    return candidates.join(found, search.layout)


@words.other_words(words.PEAKS)
def peak_table(
    image: ArrayLike,
    param_network: Any = None,
    *,
    properties: Sequence[str] | None = None,
    threshold: float | None = None,
    labels: ArrayLike | None = None,
    exclude_border: bool | int | Sequence[int] = False,
    spacing: float | Sequence[float] | None = None,
    channel_axis: int | None = None,
    batch_axis: int | None = None,
) -> dict[str, NDArray[Any]]:
    """Find local maxima as `peak_local_max` does, and measure the objects that they are in.

    Parameters
    ----------
    image, param_network, threshold, labels, exclude_border, channel_axis, batch_axis
        As for `peak_local_max`. The image must be finite, also outside of `labels`.
    properties : sequence of str, optional
        Which of the properties below; None means all of them.
    spacing : float or sequence of float, optional
        Voxel size along each axis: the unit of centroids and diameters, and what the default
        network goes by. With `param_network`, the unit alone.

    Returns
    -------
    table : dict of str to (n,) array
        Columns of equal length, ready for ``pandas.DataFrame(table)``, in the order of the points
        of `peak_local_max`. What has a value for each axis is as many columns, ``index-0`` and so
        on, in the order (plane,) row, column.

    Raises
    ------
    TypeError, ValueError
        As for `peak_local_max`; and if a property is not one of those below, or is given twice.

    Notes
    -----
    An object is measured in a box around it. It reaches out to half of its contrast: to where
    the image falls below half of its top, which is the 87.5th percentile of the object, above its
    background. A network with objects of its own, as the default one has, says near which pixels
    it lies; of other networks, these are the pixels of its window that are nearest to its peak.

    - ``label``: the number of the peak, from 1 on in each image, as in the markers of
      `peak_local_max`.
    - ``index``: its pixel.
    - ``centroid``: subpixel position, in units of `spacing`, pixel 0 being at 0. Where the contrast
      balances under a Gaussian window as wide as the object; other objects, and what lies
      opposite to them, left out. This is the windowed position of [1]_; for a Gaussian spot in
      noise its error is within a fifth of the least that is possible, ``sqrt(2 / pi) / SNR``
      pixels.
    - ``size``: the window of the peak along each axis, in pixels; of an ellipse the box around it.
    - ``equivalent_diameter``: of the disc or ball with the area or volume of the object, in units
      of `spacing`. For a Gaussian spot it is the full width at half maximum, within 10 %.
    - ``intensity``: mean of the image over the object.
    - ``background``: mean, over the object, of a plane through the pixels from one to two radii
      beyond its border that belong to no other object.
    - ``contrast``: intensity less background; negative for dark objects, which a network with
      ``polarity="dark"`` or ``"both"`` finds, as `BlobSizes` has it.
    - ``snr``: size of the contrast over the noise, which is the standard deviation of these
      pixels about the plane, from their median absolute deviation; infinite where there is none.
    - ``prominence``: how far the maximum of the object stands above the highest saddle over which
      a higher object can be reached, or above its background where that is higher.
    - ``frame``: with `batch_axis`, the number of the image.

    References
    ----------
    .. [1] E. Bertin, "Automated Morphometry with SExtractor and PSFEx", ADASS XX, 2011, and the
       manual of SExtractor, "Windowed positional parameters".

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> row, column = np.indices((48, 64))
    >>> image = 100 + 50 * ((row - 20) ** 2 + (column - 40) ** 2 < 10**2)
    >>> wanted = ["centroid", "equivalent_diameter", "contrast"]
    >>> table = adapool.peak_table(image, properties=wanted)
    >>> {name: values.round(1).tolist() for name, values in table.items()}
    {'centroid-0': [20.0], 'centroid-1': [40.0], 'equivalent_diameter': [19.7], 'contrast': [50.0]}
    """
    chosen = peaks.properties(properties, batch_axis is not None)
    search = _search(
        image, param_network, threshold, labels, exclude_border, spacing, channel_axis, batch_axis,
        units_alone=param_network is not None,
    )  # fmt: skip
    from adapool._peaks import blocks, table  # scipy is imported here and not before

    if blocks.wanted(search, prominence="prominence" in chosen):
        known = peaks.properties_in_blocks(properties, chosen)
        return table.joined(blocks.tabulate(search, known))
    return table.tabulate(search, chosen)


def peaks_and_objects(
    image: ArrayLike,
    param_network: Any = None,
    *,
    labels: ArrayLike | None = None,
    spacing: float | Sequence[float] | None = None,
    channel_axis: int | None = None,
    batch_axis: int | None = None,
) -> tuple[dict[str, NDArray[Any]], Any]:
    """Return the whole table of `peak_table`, and a label image of the objects that it measures.

    From one search: for the command line, for widgets and for napari. An object reaches out to half
    of its contrast, and has the number that it has in the column ``label``. A pixel that several
    reach has the number of the first of them. Of a Dask array that is searched block by block the
    labels are one.
    """
    chosen = peaks.properties(None, batch_axis is not None)
    search = _search(
        image, param_network, None, labels, False, spacing, channel_axis, batch_axis,
        units_alone=param_network is not None,
    )  # fmt: skip
    from adapool._peaks import blocks, table

    if blocks.wanted(search, prominence=True):
        from adapool.dask.labels import lazy_labels

        found = blocks.tabulate_and_outline(search, peaks.properties_in_blocks(None, chosen))
        numbered = lazy_labels([outlines for _, outlines in found], search.layout)
        return table.joined([each for each, _ in found]), numbered
    return table.tabulate_and_label(search, chosen)


def _search(
    image: ArrayLike,
    param_network: Any,
    threshold: float | None,
    labels: ArrayLike | None,
    exclude_border: bool | int | Sequence[int],
    spacing: float | Sequence[float] | None,
    channel_axis: int | None,
    batch_axis: int | None,
    units_alone: bool = False,
) -> Search:
    """Check the arguments of a search for peaks.

    `units_alone` says that the spacing is not for the network.
    """
    layout, array = Layout.of("image", on_host("image", image), channel_axis, batch_axis)
    peaks.plain_volume(layout)
    level = peaks.threshold(threshold)
    regions = peaks.labels(in_host_memory("labels", labels), layout)
    border = peaks.border(exclude_border, layout.ndim)
    network = in_host_memory("param_network", param_network)
    if network is not None and spacing is not None and not units_alone:
        peaks.spacing_with_network(spacing)
    images = Images.of(array, layout)
    return Search(replace(layout, lazy=False), images, network, spacing, regions, level, border)
