"""What peaks are taken on: a map and a window for each pixel, of an image or of regions of it.

Everything is (plane, row, column), as it is for kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from adapool import cpu
from adapool._backends import Array, Triple, plain
from adapool._checks import peaks, predictions
from adapool._layout import Layout
from adapool._networks import is_network
from adapool._peaks.search import Search
from adapool._plans.operands import Grid
from adapool._windows import ellipse_widths, is_turned, size_columns, size_limits
from adapool.estimators import BlobSizes

Points = NDArray[np.int64]
Box = tuple[slice, slice, slice]

_WHOLE: Box = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class Field:
    """A response map, and a window for each of its pixels.

    Attributes
    ----------
    response : (plane, row, column) array
        The map.
    sizes : (plane, row, column, P) array
        Window sizes, as a network gave them.
    columns, limits : triple of int
        Which of the P is the size along an axis, and what it saturates at.
    own_map : bool
        Whether the network made the map, as opposed to the image being it.
    regions : (plane, row, column) array, or None
        What was searched, each region on its own.
    objects : (plane, row, column) array, or None
        Labels of the objects of a network that has some.
    ellipses : bool
        Whether windows are ellipses; otherwise boxes.
    turned : bool
        Whether the P are the axes and the orientation of these.
    """

    response: Array
    sizes: Array
    columns: Triple
    limits: Triple
    own_map: bool
    regions: Array | None
    objects: Array | None
    ellipses: bool
    turned: bool

    def axes_at(self, points: Points) -> tuple[Array, Array]:
        """Return depth, height, width and shear of the ellipses of points, and their boxes."""
        return cpu.ellipse_axes(self.sizes[tuple(points.T)], self.columns, self.turned)

    def sizes_at(self, points: Points) -> Points:
        """Return the size of the windows of points along each axis, before they are cut.

        Of an ellipse that of the box around it.
        """
        if self.ellipses:
            return np.minimum(self.axes_at(points)[1], self.limits)
        given = self.sizes[tuple(points.T)]
        sizes = np.ones(points.shape, np.int64)
        for axis, column in enumerate(self.columns):
            if column >= 0:
                # Clipped as floats: an int64 may not hold what a float does.
                sizes[:, axis] = np.clip(given[:, column], 0, self.limits[axis])
        return sizes


@dataclass(frozen=True)
class Searched:
    """A part of an image that is searched on its own.

    Attributes
    ----------
    box : triple of slice
        Where it is.
    inside : array of bool, or None for all
        Which pixels of the box belong to it.
    """

    box: Box
    inside: NDArray[np.bool_] | None


def searched(regions: Array | None) -> Iterator[Searched]:
    """Yield what is searched on its own: each region, or the image."""
    if regions is None:
        yield Searched(_WHOLE, None)
        return
    for number, box in enumerate(ndi.find_objects(regions), start=1):
        if box is not None:  # of a batch, an image may lack a region that another has
            planes, rows, columns = box
            yield Searched((planes, rows, columns), regions[box] == number)


def ask(search: Search) -> Iterator[tuple[Array, Field]]:
    """Yield each image, and its map and sizes, given by a network, or the default one."""
    layout, images, network = search.layout, search.images, search.network
    if network is None:
        network = BlobSizes(spacing=search.spacing)
    ellipses = peaks.footprint(network) == "ellipse"
    predicted = is_network(network)
    given = None if predicted else _sizes(network, layout, images.whole(), ellipses)
    alone = replace(layout, batch=1, batch_axis=None, lazy=False)
    for item, image in enumerate(images):
        own = None if search.regions is None else search.regions[item % len(search.regions)]
        if given is None:
            yield image, _predicted(network, alone, image, own, ellipses)
        else:
            sizes = given[item % len(given)]
            response = image[..., 0] if layout.channels == 1 else image.max(axis=-1)
            yield image, _field(response, sizes, layout, False, own, ellipses)


def _predicted(
    network: Any, layout: Layout, image: Array, regions: Array | None, ellipses: bool
) -> Field:
    """Ask a network about an image, or about each region of it as if nothing were beyond it."""
    answers = []
    for part in searched(regions):
        given = image[part.box]
        seen = given if part.inside is None else without_others(given, part.inside)
        spatial = given.shape[3 - layout.ndim : 3]
        answers.append((part, _answer(network, replace(layout, spatial=spatial), seen, ellipses)))
    own_map = hasattr(network, "response") or hasattr(network, "response_and_sizes")
    if regions is None:
        _, answer = answers[0]
        return _field(
            answer.response, answer.sizes, layout, own_map, None, ellipses, answer.objects
        )
    # Beyond the regions there is nothing to find; in them, each pixel has one answer.
    responses = np.zeros(image.shape[:3], _common([answer.response for _, answer in answers]))
    widths = {answer.sizes.shape[-1] for _, answer in answers} or {1}
    width = widths.pop() if len(widths) == 1 else layout.ndim
    whole = np.zeros((*image.shape[:3], width), _common([answer.sizes for _, answer in answers]))
    objects = None
    for part, answer in answers:
        assert part.inside is not None
        responses[part.box][part.inside] = answer.response[part.inside]
        whole[part.box][part.inside] = answer.sizes[part.inside][:, :width]
        if answer.objects is not None:
            objects = np.zeros(image.shape[:3], np.int32) if objects is None else objects
            inside = part.inside & (answer.objects > 0)
            objects[part.box][inside] = answer.objects[inside] + objects.max()
    return _field(responses, whole, layout, own_map, regions, ellipses, objects)


def _common(arrays: list[Array]) -> np.dtype[Any]:
    return np.result_type(*arrays) if arrays else np.dtype(np.float32)


class _Answer(NamedTuple):
    """A map (plane, row, column), sizes (plane, row, column, P), and objects, if any."""

    response: Array
    sizes: Array
    objects: Array | None


def _answer(network: Any, layout: Layout, image: Array, ellipses: bool) -> _Answer:
    """Return what a network says of an image."""
    given = layout.as_given_to_networks(np.ascontiguousarray(image)[np.newaxis])
    given.flags.writeable = False
    objects = None
    if hasattr(network, "analyse"):
        response, network, objects = network.analyse(given)
        objects = objects.reshape(layout.volume)
    elif hasattr(network, "response_and_sizes"):
        response, network = network.response_and_sizes(given)
    elif hasattr(network, "response"):
        response = network.response(given)
    else:
        response = given[..., 0] if layout.channels == 1 else given.max(axis=-1)
    sizes = _sizes(network, layout, image[np.newaxis], ellipses)[0]
    return _Answer(_checked_response(response, layout), sizes, objects)


def _sizes(network: Any, layout: Layout, images: Array, ellipses: bool) -> Array:
    ndim = layout.ndim
    widths = ellipse_widths(ndim) if ellipses else (1, ndim, 2 * ndim)
    operand = Grid.of("param_network", network, layout, layout.spatial, widths)
    sizes: Array = operand.in_memory(layout, images)
    return sizes


def _field(
    response: Array,
    sizes: Array,
    layout: Layout,
    own_map: bool,
    regions: Array | None,
    ellipses: bool,
    objects: Array | None = None,
) -> Field:
    return Field(
        response=response,
        sizes=sizes,
        columns=size_columns(layout.ndim, sizes.shape[-1]),
        limits=size_limits(layout.spatial, None),
        own_map=own_map,
        regions=regions,
        objects=objects,
        ellipses=ellipses,
        turned=ellipses and is_turned(layout.ndim, sizes.shape[-1]),
    )


def _checked_response(response: Any, layout: Layout) -> Array:
    array = predictions.network_result("param_network.response", response)
    wanted = (1, *layout.spatial)
    if array.shape not in (wanted, layout.spatial, (*wanted, 1)):
        predictions.wrong_shape("param_network.response", array.shape, str(wanted))
    response_map: Array = plain(array).reshape(layout.volume)
    return response_map


def without_others(image: Array, inside: NDArray[np.bool_]) -> Array:
    """Fill what is outside a region (plane, row, column, C) from inside, mirrored at its border.

    As filters extend an image beyond its own border: a constant would draw an edge along the
    region, and the nearest pixel alone a streak of its noise. Where the mirror image is no part of
    the region either, it is the nearest pixel.
    """
    if inside.all():
        return image
    outside = np.nonzero(~inside)
    nearest = ndi.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    nearest = [axis[outside] for axis in nearest]
    mirrored = [2 * n - here for n, here in zip(nearest, outside, strict=True)]
    fits = np.logical_and.reduce(
        [(m >= 0) & (m < size) for m, size in zip(mirrored, inside.shape, strict=True)]
    )
    fits[fits] = inside[tuple(m[fits] for m in mirrored)]
    filled = image.copy()
    filled[outside] = image[
        tuple(np.where(fits, m, n) for m, n in zip(mirrored, nearest, strict=True))
    ]
    return filled
