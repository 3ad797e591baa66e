"""What each method hands back to its arguments, as loops over its results.

Each function has the cotangent before the arguments of its namesake, arrays for networks, and
returns a dict of gradients by argument, in float64.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from . import deformable, dynamic, fixed, regions
from .common import Array, Layout, Position, ask_per_point, flat_index, per_axis


def hand_back(cotangent: Array, winners: Array, images: Array) -> Array:
    """Each value of (batch, *sites, channel) to the pixel that won."""
    gradient = np.zeros(images.shape)
    flat = gradient.reshape(len(images), -1, images.shape[-1])
    for n, *site, c in np.ndindex(cotangent.shape):
        winner = winners[(n, *site, c)]
        if winner >= 0:
            flat[n, winner, c] += cotangent[(n, *site, c)]
    return gradient


def summed_to(gradient: Array, shape: Position) -> Array:
    """Of an array that was broadcast: one gradient for each of its elements."""
    extra = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(extra)))
    alike = tuple(a for a, n in enumerate(shape) if n == 1)
    total: Array = gradient.sum(axis=alike, keepdims=True)
    return total


def layout_of(feature_map: Array, options: dict[str, Any]) -> Layout:
    axes = options.get("channel_axis", -1), options.get("batch_axis")
    return Layout(feature_map.ndim, *axes)


def max_pooling(cotangent: Array, feature_map: Array, kernel_size: Any, **options: Any) -> Any:
    layout = layout_of(feature_map, options)
    _, winners = fixed.max_pooling(feature_map, kernel_size, return_indices=True, **options)
    images = layout.canonical(feature_map)
    found = hand_back(layout.canonical(cotangent), layout.canonical(winners), images)
    return {"feature_map": layout.restored(found)}


def attention_pooling(
    cotangent: Array, feature_map: Array, kernel_size: Any, weights: Array, **options: Any
) -> Any:
    layout = layout_of(feature_map, options)
    images, given = layout.canonical(feature_map), layout.canonical(cotangent)
    spatial = images.shape[1:-1]
    grid = fixed.make_grid(
        spatial, kernel_size, options.get("stride"), options.get("padding", 0),
        options.get("dilation", 1), options.get("ceil_mode", False),
    )  # fmt: skip
    _, winners = fixed.attention_pooling(
        feature_map, kernel_size, weights, return_indices=True, **options
    )
    winners = layout.canonical(winners)
    axes = len(spatial)
    shape = weights.shape if layout.has_batch else (1, *weights.shape)
    per_pixel = len(shape) - 1 < 2 * axes
    points = spatial if per_pixel else (*grid.sites, *grid.kernel)
    by_channel = weights.reshape(shape[0], *points, -1)
    of_image, of_weights = np.zeros(images.shape), np.zeros(by_channel.shape)
    for n, *site, c in np.ndindex(given.shape):
        winner = winners[(n, *site, c)]
        if winner < 0:
            continue
        pixel = tuple(int(i) for i in np.unravel_index(winner, spatial))
        place = pixel
        if not per_pixel:
            tap = grid.positions(tuple(site)).index(pixel)
            place = (*site, *(int(i) for i in np.unravel_index(tap, grid.kernel)))
        at = (n % len(by_channel), *place, c % by_channel.shape[-1])
        of_image[(n, *pixel, c)] += given[(n, *site, c)] * float(by_channel[at])
        of_weights[at] += given[(n, *site, c)] * float(images[(n, *pixel, c)])
    return {
        "feature_map": layout.restored(of_image),
        "attention_network": of_weights.reshape(weights.shape),
    }


def dynamic_pooling(cotangent: Array, feature_map: Array, sizes: Array, **options: Any) -> Any:
    layout = layout_of(feature_map, options)
    images, given = layout.canonical(feature_map), layout.canonical(cotangent)
    if not options.get("fractional", False):
        _, winners = dynamic.dynamic_pooling(feature_map, sizes, return_indices=True, **options)
        found = hand_back(given, layout.canonical(winners), images)
        return {"feature_map": layout.restored(found)}
    spatial = images.shape[1:-1]
    axes = len(spatial)
    parameters = ask_per_point(sizes, images, spatial, layout.has_batch)
    of_image, of_sizes = np.zeros(images.shape), np.zeros(parameters.shape)
    step = per_axis(options.get("stride", 1), axes)
    for n, *site in np.ndindex(given.shape[:-1]):
        pixel = tuple(s * k for s, k in zip(site, step, strict=True))
        mixture = dynamic.mixture(
            parameters[(n, *pixel)], axes, options.get("max_kernel_size"), slopes=True
        )
        for size, share, slopes in mixture:
            values, winners = dynamic.pool_pixel(
                images[n], pixel, size, options.get("anchor", "corner")
            )
            for c, winner in enumerate(winners):
                if winner < 0:
                    continue
                flat = of_image[n].reshape(-1, images.shape[-1])
                flat[winner, c] += share * given[(n, *site, c)]
                for number, slope in enumerate(slopes):
                    if slope != 0:
                        change = slope * float(values[c]) * given[(n, *site, c)]
                        of_sizes[(n, *pixel, number)] += change
    ask = np.asarray(sizes)
    lead = ask.shape[0] if layout.has_batch and ask.ndim > 1 else 1
    if ask.ndim < 2:
        shaped = of_sizes.reshape(-1, ask.size).sum(axis=0).reshape(ask.shape)
    else:
        shaped = summed_to(of_sizes, (lead, *of_sizes.shape[1:])).reshape(ask.shape)
    return {"feature_map": layout.restored(of_image), "param_network": shaped}


def dynamic_stride_pooling(
    cotangent: Array, feature_map: Array, params: Array, **options: Any
) -> Any:
    layout = layout_of(feature_map, options)
    sites = dynamic.dynamic_stride_pooling(feature_map, params, **options)
    images = layout.canonical(feature_map)
    gradient = np.zeros(images.shape)
    given = cotangent.reshape(len(sites.positions), -1)
    for rank, (position, size) in enumerate(zip(sites.positions, sites.sizes, strict=True)):
        _, winners = dynamic.pool_pixel(
            images[0], tuple(position.tolist()), size, options.get("anchor", "corner")
        )
        for c, winner in enumerate(winners):
            gradient[0].reshape(-1, images.shape[-1])[winner, c] += given[rank, c]
    return {"feature_map": layout.restored(gradient)}


def region_pooling(cotangent: Array, feature_map: Array, labels: Array, **options: Any) -> Any:
    layout = layout_of(feature_map, options)
    sites = regions.region_pooling(feature_map, labels, return_indices=False, **options)
    image = layout.canonical(feature_map)[0].astype(np.float64)
    given = cotangent.reshape(len(sites.positions), -1)
    weights = options.get("attention_network")
    factors = np.ones((*image.shape[:-1], 1)) if weights is None else np.asarray(weights, float)
    factors = factors.reshape(*image.shape[:-1], -1)
    reduction = options.get("reduction", "max")
    products = image * factors
    of_products = np.zeros(image.shape)
    for rank in range(len(given)):
        inside = sites.owner == rank
        pixels = np.argwhere(inside)
        for c in range(image.shape[-1]):
            if reduction in ("mean", "sum"):
                share = len(pixels) if reduction == "mean" else 1
                of_products[inside, c] += given[rank, c] / share
                continue
            values = products[inside, c]
            best = values.argmin() if reduction == "min" else values.argmax()
            of_products[(*pixels[best], c)] += given[rank, c]
    found = {"feature_map": layout.restored((of_products * factors)[np.newaxis])}
    if weights is not None:
        of_weights = of_products * image
        if factors.shape[-1] == 1:
            of_weights = of_weights.sum(axis=-1, keepdims=True)
        found["attention_network"] = of_weights.reshape(np.shape(weights))
    return found


def slopes(base: Position, displacement: Array, axis: int) -> list[tuple[Position, float]]:
    """How much the weight of each pixel around a sample grows with its displacement on an axis."""
    below = [b + math.floor(delta) for b, delta in zip(base, displacement, strict=True)]
    fractions = [float(delta) - math.floor(delta) for delta in displacement]
    choices = [
        ((b, -1.0), (b + 1, 1.0)) if a == axis else ((b, 1.0 - f), (b + 1, f))
        for a, (b, f) in enumerate(zip(below, fractions, strict=True))
    ]
    corners = [
        (tuple(p for p, _ in corner), math.prod(w for _, w in corner))
        for corner in itertools.product(*choices)
    ]
    return [(position, weight) for position, weight in corners if weight != 0]


def deformable_conv(
    cotangent: Array, feature_map: Array, conv_weights: Array, offsets: Array, **options: Any
) -> Any:
    layout = layout_of(feature_map, options)
    images, given = layout.canonical(feature_map), layout.canonical(cotangent)
    spatial, channels = images.shape[1:-1], images.shape[-1]
    axes = len(spatial)
    kernel, groups = conv_weights.shape[:-2], options.get("groups", 1)
    rule = options.get("interpolation")
    rule = rule or ("truncate" if conv_weights.ndim == 1 else "linear")
    weights = conv_weights.astype(np.float64).reshape(-1, *conv_weights.shape[-2:])
    if conv_weights.ndim == 1:
        kernel, groups = (1,) * axes, channels
        weights = weights.reshape(1, 1, channels)
    grid = fixed.make_grid(
        spatial, kernel, options.get("stride", 1), options.get("padding", 0),
        options.get("dilation", 1),
    )  # fmt: skip
    offset_groups = options.get("offset_groups", 1)
    moves, free = (
        deformable.ask_displacements(offsets, images, grid, offset_groups, limit, layout.has_batch)
        for limit in (options.get("max_offset"), None)
    )
    limits = per_axis(options.get("max_offset"), axes)
    mask_network = options.get("mask_network")
    masks = np.ones(moves.shape[:-1])
    if mask_network is not None:
        masks = ask_per_point(mask_network, images, grid.sites, layout.has_batch)
        masks = masks.astype(np.float64).reshape(moves.shape[:-1])
    of_image, of_weights = np.zeros(images.shape), np.zeros(weights.shape)
    of_moves, of_masks = np.zeros(moves.shape), np.zeros(masks.shape)
    per_group, per_filter = channels // groups, weights.shape[-1] // groups
    for n, *site in np.ndindex(given.shape[:-1]):
        at = (n, *site)
        bases = grid.positions(tuple(site))
        for tap, c in np.ndindex(len(bases), channels):
            g = c * offset_groups // channels
            mask = masks[(*at, g, tap)]
            points = deformable.sampling_points(bases[tap], moves[(*at, g, tap)], rule)
            plane = images[n][..., c]
            value = deformable.sample(plane, points)
            group = c // per_group
            filters = slice(group * per_filter, (group + 1) * per_filter)
            row = weights[tap, c % per_group]
            back = float((given[at][filters] * row[filters]).sum())
            of_weights[tap, c % per_group, filters] += given[at][filters] * value * mask
            of_masks[(*at, g, tap)] += back * value
            for position, weight in points:
                if flat_index(position, spatial) >= 0:
                    of_image[(n, *position, c)] += back * mask * weight
            for axis in range(axes) if rule == "linear" else ():
                move, limit = float(free[(*at, g, tap, axis)]), limits[axis]
                if limit is None or -limit <= move < limit:
                    around = slopes(bases[tap], moves[(*at, g, tap)], axis)
                    change = deformable.sample(plane, around)
                    of_moves[(*at, g, tap, axis)] += back * mask * change
    gradients = {
        "feature_map": layout.restored(of_image),
        "conv_weights": of_weights.reshape(conv_weights.shape),
        "offset_network": as_asked(of_moves, offsets, layout, axes),
    }
    if options.get("bias") is not None:
        gradients["bias"] = given.reshape(-1, given.shape[-1]).sum(axis=0)
    if mask_network is not None:
        gradients["mask_network"] = as_asked(of_masks, mask_network, layout, axes)
    return gradients


def as_asked(gradient: Array, asked: Array, layout: Layout, axes: int) -> Array:
    """The gradient (batch, *sites, groups, taps, ...) in the shape of the array that was given."""
    asked = np.asarray(asked)
    by_site = gradient.reshape(*gradient.shape[: axes + 1], -1)
    if asked.ndim < 2:
        width = asked.size
    else:
        width = asked.size // (math.prod(gradient.shape[1 : axes + 1]))
        width //= asked.shape[0] if layout.has_batch else 1
    if width < by_site.shape[-1]:  # shared by all taps and groups
        by_site = by_site.reshape(*by_site.shape[:-1], -1, width).sum(axis=-2)
    if asked.ndim < 2:
        by_site = by_site.reshape(-1, width).sum(axis=0)
    elif layout.has_batch and asked.shape[0] == 1:
        by_site = by_site.sum(axis=0)
    shaped: Array = by_site.reshape(asked.shape)
    return shaped


def deformable_conv_and_pool(
    cotangent: Array, feature_map: Array, conv_weights: Array, offsets: Array, kernel_size: Any,
    *, pool_stride: Any = None, pool_padding: Any = 0, ceil_mode: bool = False, **options: Any,
) -> Any:  # fmt: skip
    axes = {name: options[name] for name in ("channel_axis", "batch_axis") if name in options}
    convolved = deformable.deformable_conv(feature_map, conv_weights, offsets, **options)
    pooled = max_pooling(
        cotangent, convolved, kernel_size, stride=pool_stride, padding=pool_padding,
        ceil_mode=ceil_mode, **axes,
    )  # fmt: skip
    return deformable_conv(pooled["feature_map"], feature_map, conv_weights, offsets, **options)
