"""An image beside what pooling made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import ArrayLike, NDArray

from adapool._backends import Array
from adapool._checks import comparison, plot
from adapool._options import Anchor
from adapool.plot._canvas import COLOURS, as_values, colour_map, label_axes, limit_axes, show_map
from adapool.plot._marks import draw_scale_bar

# Points from the axes to titles: the scale bar is between, whatever the width of a panel is.
_ABOVE_BAR = 19

# Width to height of a figure that fits a page and a screen.
_PAGE = 1.8


def compare(
    image: ArrayLike,
    pooled: Mapping[str, ArrayLike] | Sequence[ArrayLike] | ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    strides: int | Sequence[int | Sequence[int]] | None = None,
    anchor: Anchor | Sequence[Anchor] = "corner",
    spacing: float | Sequence[float] | None = None,
    units: str = "px",
    cmap: Any = COLOURS,
    vmin: float | None = None,
    vmax: float | None = None,
    channel_axis: int | None = None,
    axes: Sequence[Axes] | NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Draw an image beside pooled maps, at one intensity scale.

    Each map is drawn over the pixels that its windows stand for, so that the same place of the
    sample is at the same place of every panel. The panels share a colour bar, and the first has a
    scale bar.

    Parameters
    ----------
    image : array_like
        Image (row, column), with a channel axis where `channel_axis` names one. Of channels the
        maximum is drawn, here and in the maps.
    pooled : mapping or sequence of array_like, or one array
        The pooled maps, with the axes of the image: by title, in a list, or one alone.
    titles : sequence of str, optional
        A title for each map. By default the keys of a mapping; there are none in a list.
    strides : int or sequence of int, optional
        Pixels from one window to the next: for all maps, or an integer, or a pair (row, column),
        for each. By default the whole number nearest to the ratio of the shapes, by which the map
        still lies on the image; of a map of a few windows it may be another than the true one.
    anchor : {"corner", "center"} or sequence of these, optional
        What a value stands for, with a stride of s, for all maps or for each. Value i stands for
        ``[i * s, i * s + s)``, right for windows that begin at their pixel, as those of pooling
        without padding do; or for ``[i * s - s // 2, i * s - s // 2 + s)``, right for windows
        centered on it.
    spacing : float or sequence of float, optional
        Size of a pixel, along both axes or row and column, in `units`. By default axes and scale
        bar count pixels.
    units : str, optional
        The unit of `spacing`, as "µm". To be given with `spacing`, and only then.
    cmap : str or matplotlib.colors.Colormap, optional
        Colour map of all panels. The default can be read with any kind of colour vision. Pixels
        without a value, NaN or infinite, are grey; so are the empty windows of maps of signed
        integers, and what no window stands for.
    vmin, vmax : float, optional
        Intensities at the ends of the colour map. By default the lowest and the highest value in
        any panel.
    channel_axis : int or None, optional
        The axis of the channels, in the image and in the maps; None without them.
    axes : sequence of matplotlib.axes.Axes, optional
        Axes to draw into, one for the image and one for each map. By default those of a new figure
        of `matplotlib.pyplot`, which zoom together.

    Returns
    -------
    axes : (n + 1,) array of matplotlib.axes.Axes
        The axes of the image and of each of the n maps. ``axes[0].images[0].colorbar`` is the
        colour bar.

    Raises
    ------
    TypeError
        If an argument has the wrong type, or an array a dtype that is not real.
    ValueError
        If the image or a map is not 2-D, a map does not lie on the image, a sequence has not one
        item for each map, or a number is out of its range.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> import adapool
    >>> image = np.random.default_rng(0).random((48, 64))
    >>> maps = {
    ...     "4 x 4": adapool.max_pooling(image, 4, channel_axis=None),
    ...     "8 x 8": adapool.max_pooling(image, 8, channel_axis=None),
    ... }
    >>> axes = adapool.plot.compare(image, maps, spacing=0.5, units="µm")
    >>> [ax.get_title() for ax in axes]
    ['image', '4 x 4', '8 x 8']
    >>> axes[1].images[0].get_extent()  # in µm; the first pixel's centre is at 0
    [-0.25, 31.75, 23.75, -0.25]
    >>> plt.close()
    """
    layout, array = plot.plane("image", image, channel_axis)
    names, maps = comparison.named_maps(pooled, titles, layout, channel_axis)
    steps = comparison.map_strides(strides, [each.spatial for each, _ in maps], layout.spatial)
    anchors = comparison.anchors(anchor, len(maps))
    pixel = comparison.pixel_size(spacing, units)
    low, high = plot.scale(vmin, vmax)
    drawn = as_values(layout, array)
    panels = [drawn, *(_without_empty(as_values(*each), each[1], drawn) for each in maps)]
    style: dict[str, Any] = {"cmap": colour_map(cmap), "norm": _common_scale(panels, low, high)}
    given = comparison.axes_of_panels(axes, len(panels))
    axs = _new_axes(layout.spatial, pixel, len(panels)) if given is None else given
    show_map(axs[0], drawn, pixel=pixel, **style)
    for ax, shown, step, where in zip(axs[1:], panels[1:], steps, anchors, strict=True):
        show_map(ax, shown, step, centered=where == "center", pixel=pixel, **style)
    for ax, title in zip(axs, ["image", *names], strict=True):
        limit_axes(ax, layout.spatial, pixel)
        label_axes(ax, units)
        ax.set_title(title, y=1, pad=_ABOVE_BAR)
    draw_scale_bar(axs[0], units)
    axs[0].figure.colorbar(axs[0].images[-1], ax=list(axs), label="intensity")
    return axs


def _without_empty(shown: Array, pooled: Array, image: Array) -> Array:
    """Mask the empty windows of a map of signed integers, which would stretch the scale.

    They have the lowest value of the dtype, which an image that has it too may also give.
    """
    if pooled.dtype.kind != "i":
        return shown
    lowest = shown.dtype.type(np.iinfo(pooled.dtype).min)
    return shown if (image == lowest).any() else np.ma.masked_equal(shown, lowest)


def _common_scale(panels: list[Array], low: float | None, high: float | None) -> Normalize:
    """Return one scale for all panels, of their extremes where its ends are not given."""
    known = np.concatenate([np.ma.compressed(panel) for panel in panels])
    if known.size:
        low = known.min() if low is None else low
        high = known.max() if high is None else high
    return Normalize(low, high)


def _new_axes(spatial: tuple[int, ...], pixel: tuple[float, float], panels: int) -> NDArray[Any]:
    """Return axes in a new figure, as many in a row as make it about as wide as a page is."""
    import matplotlib.pyplot as plt  # chooses a backend: only if no axes are given

    aspect = spatial[1] * pixel[1] / (spatial[0] * pixel[0])

    def misfit(across: int) -> float:
        down = math.ceil(panels / across)
        spare = across * down - panels
        return abs(math.log(across * aspect / down / _PAGE)) + 0.5 * spare

    across = min(range(1, panels + 1), key=misfit)
    down = math.ceil(panels / across)
    # Beside and below each panel is room for labels, and beside all for the colour bar.
    height = min((12 / across - 0.8) / aspect, 9 / down - 0.9, max(4, min(3.2 / aspect, 6)))
    size = across * max(height * aspect + 0.8, 1.8) + 1.0, down * (height + 0.9)
    figure, grid = plt.subplots(down, across, squeeze=False, figsize=size, layout="compressed")
    for spare in grid.flat[panels:]:
        figure.delaxes(spare)
    axes: NDArray[Any] = grid.ravel()[:panels]
    for ax in axes[1:]:
        ax.sharex(axes[0])
        ax.sharey(axes[0])
    return axes
