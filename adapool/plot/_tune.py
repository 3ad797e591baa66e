"""Peaks chosen by eye: sliders over the table of one search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from adapool._checks import plot
from adapool.peaks import peaks_and_objects

if TYPE_CHECKING:
    from adapool.plot._widgets import PeakTuner


def tune_peaks(
    image: ArrayLike,
    param_network: Any = None,
    *,
    spacing: float | tuple[float, ...] | None = None,
    channel_axis: int | None = None,
) -> PeakTuner:
    """Choose peaks by eye, in Jupyter: sliders, and the image with what they leave.

    The image is searched once; sliders then choose among the objects that were found, so that the
    picture follows at once.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one.
    param_network : network or array, optional
        As for `adapool.peak_table`; by default ``BlobSizes(spacing=spacing)``.
    spacing : float or sequence of float, optional
        Voxel size along each axis: the unit of the diameters.
    channel_axis : int or None, optional
        The axis of the channels; None for an image without them.

    Returns
    -------
    tuner : PeakTuner
        A widget, which Jupyter shows where it is the last thing of a cell. ``tuner.table`` and
        ``tuner.labels`` are what the sliders leave.

    Raises
    ------
    TypeError, ValueError
        As for `adapool.peak_table` and `show_peaks`.
    ImportError
        If Matplotlib or ipywidgets is not installed: ``pip install 'adapool[notebook]'``.

    Notes
    -----
    The sliders choose by columns of `adapool.peak_table`: ``snr`` and ``equivalent_diameter``. The
    options of `adapool.estimators.BlobSizes` act within the search instead. Its ``min_size`` and
    ``max_size`` are diameters too, and objects outside of them are not looked for, so that what
    they hold or lie in may be found: a slider can only leave out. Its ``sensitivity`` sets how far
    an object must stand above the noise *at the scale of the object*, where a large one is
    averaged over many pixels; ``snr`` is over the noise of single pixels. So the same ``snr`` asks
    more of large objects than one ``sensitivity`` does. To see fainter objects than the default
    finds, pass ``BlobSizes(sensitivity=3)``, and let the slider leave out what is noise.

    Examples
    --------
    >>> import numpy as np
    >>> import adapool
    >>> row, column = np.indices((48, 64))
    >>> image = np.random.default_rng(0).normal(100, 2, (48, 64))
    >>> image += 50 * ((row - 20) ** 2 + (column - 16) ** 2 < 5**2)
    >>> image += 50 * ((row - 24) ** 2 + (column - 44) ** 2 < 10**2)
    >>> tuner = adapool.plot.tune_peaks(image)
    >>> tuner.diameters.value = (15, 30)
    >>> tuner.table["equivalent_diameter"].round().tolist()
    [20.0]
    """
    layout, array = plot.plane("image", image, channel_axis)
    table, objects = peaks_and_objects(
        image, param_network, spacing=spacing, channel_axis=channel_axis
    )
    try:
        from adapool.plot._widgets import PeakTuner
    except ModuleNotFoundError as error:
        plot.no_ipywidgets(error)
    return PeakTuner(layout, array, table, objects)
