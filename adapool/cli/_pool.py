"""``adapool pool``: from files to pooled files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapool.cli import _batch, _tables
from adapool.cli._parser import CommandError, Commands, count, each_axis, positive

_DESCRIPTION = """\
Pool images, and write OME-TIFF or OME-Zarr whose pixels are as much larger as there are fewer."""

_EPILOG = """\
methods:
  max        the maximum over windows of --size, every --stride (default: the size)
  attention  the same of values times weights, which --estimator gives: contrast (default), softmax
  dynamic    the maximum over a window at every --stride (default: 1), as large as --estimator
             says, --size at most: blobs (default), scale-space, structure, thickness, variance
  regions    one value for each object and for what is between, painted over it, by --reduction

examples:
  adapool pool stack.ome.tif --method max --size 1,2,2 -o half.ome.tif
      half as many rows and columns, no object lost
  adapool pool plate/ --method dynamic --estimator blobs --stride 4 -o pooled/
      an image for each, windows as large as the object that they are in
  adapool pool big.ome.zarr --method max --size 4 -o small.ome.zarr
      chunk by chunk, for images larger than memory

Exit code: 0; 1 where a file could not be read or used, after all others are done."""

# Networks by the name that they have here: the class in `adapool.estimators`. The first is used
# where none is named.
_ESTIMATORS = {
    "dynamic": {
        "blobs": "BlobSizes",
        "scale-space": "ScaleSpaceSizes",
        "structure": "StructureTensorSizes",
        "thickness": "ThicknessSizes",
        "variance": "VarianceSizes",
    },
    "attention": {"contrast": "ContrastAttention", "softmax": "SoftmaxAttention"},
    "regions": {"objects": "ObjectRegions"},
}
_METHODS = ("max", "dynamic", "regions", "attention")

# Options that a method has, beside those of all.
_OPTIONS = {
    "max": ("size", "stride"),
    "attention": ("size", "stride", "estimator"),
    "dynamic": ("size", "stride", "estimator"),
    "regions": ("estimator", "reduction"),
}
_NEEDS_SIZE = ("max", "attention")

_SUFFIXES = {"tiff": ".ome.tif", "zarr": ".ome.zarr"}

# Values from which an image is pooled chunk by chunk, where the method can be.
_LARGE = 1 << 27


@dataclass(frozen=True)
class Task:
    """What is done with each image: keywords of `read`, a method, its options, and targets."""

    reading: dict[str, Any]
    method: str
    options: dict[str, Any]
    targets: dict[Path, Path]
    force: bool


def add_to(commands: Commands) -> None:
    """Say what the command takes."""
    parser = commands.add_parser(
        "pool", help="pool images by one of four methods", description=_DESCRIPTION, epilog=_EPILOG
    )
    _batch.add_options(parser)
    parser.add_argument("--method", choices=_METHODS, required=True, help="see below")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PATH", required=True,
        help="for one image a file that ends in .tif, .tiff or .zarr; otherwise a folder",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=tuple(_SUFFIXES), default="tiff",
        help="of the images in a folder (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=each_axis(count), metavar="N",
        help="pixels of a window along all spatial axes, or along each, as 1,2,2",
    )  # fmt: skip
    parser.add_argument(
        "--stride", type=each_axis(count), metavar="N", help="pixels from a window to the next"
    )
    every = sorted({name for names in _ESTIMATORS.values() for name in names})
    parser.add_argument("--estimator", choices=every, help="what gives sizes or weights")
    parser.add_argument(
        "--reduction", choices=("max", "min", "mean", "sum"), help="of regions (default: max)"
    )
    parser.add_argument(
        "--spacing", type=each_axis(positive), metavar="S",
        help="micrometres of a pixel, along all axes or along each, in place of what files say",
    )  # fmt: skip
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    chosen = _chosen(options)
    paths = _batch.found(options.files)
    targets = _targets(options, paths)
    _batch.check_targets(list(targets.values()), paths, options.force)
    reading = {name: getattr(options, name) for name in ("channel", "axes", "spacing")}
    task = Task(reading, options.method, chosen, targets, options.force)
    outcomes = _batch.over(paths, partial(pool, task=task), options.jobs, "pool")
    nothing = dict.fromkeys(("axes", "shape", "pooled", "dtype", "written"))
    lines = [
        {"file": str(each.path)} | nothing | (each.result or {})
        | {"seconds": round(each.seconds, 2), "error": each.error}
        for each in outcomes
    ]  # fmt: skip
    print(_tables.text(lines))
    return int(any(each.error is not None for each in outcomes))


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the method, and refuse those that it has not."""
    method, known = options.method, _OPTIONS[options.method]
    for name in ("size", "stride", "estimator", "reduction"):
        if getattr(options, name) is not None and name not in known:
            methods = [each for each, names in _OPTIONS.items() if name in names]
            raise CommandError(
                f"--method {method} has no --{name}, which is for {' and '.join(methods)}"
            )
    if method in _NEEDS_SIZE and options.size is None:
        raise CommandError(f"--method {method} needs --size, the pixels of a window")
    names = _ESTIMATORS.get(method, {})
    if options.estimator is not None and options.estimator not in names:
        raise CommandError(
            f"--method {method} has no estimator {options.estimator}: it takes {', '.join(names)}"
        )
    chosen = {name: getattr(options, name) for name in known}
    if names:
        chosen["estimator"] = names[options.estimator or next(iter(names))]
    return chosen


def _targets(options: argparse.Namespace, paths: Sequence[Path]) -> dict[Path, Path]:
    output = options.output
    if output.suffix.lower() in (".tif", ".tiff", ".zarr"):
        if len(paths) > 1:
            raise CommandError(
                f"{output} is one file, and there are {len(paths)} images: name a folder"
            )
        return {paths[0]: output}
    if output.suffix and not output.is_dir():
        raise CommandError(f"{output} must end in .tif, .tiff or .zarr, or be a folder")
    suffix = _SUFFIXES[options.format]
    if output.resolve() in {path.resolve().parent for path in paths}:
        raise CommandError(f"{output} holds the images: name another folder to write to")
    stems = _batch.stems(paths)
    return {path: output / f"{stem}{suffix}" for path, stem in zip(paths, stems, strict=True)}


# --- one image ----------------------------------------------------------------------------------


def pool(path: Path, task: Task) -> dict[str, Any]:
    """Pool an image and write the result; return a line about it."""
    from adapool import io

    image = io.read(path, lazy=True, **task.reading)
    whole: dict[str, Callable[..., Any]] = {"max": _max, "attention": _attention}
    if task.method in whole:
        if image.array.size < _LARGE:
            image = io.Image(image.array.compute(), image.axes, image.spacing, image.channels)
        pooled = whole[task.method](image, **task.options)
    else:
        pooled = _by_frames(image, task)
    io.write(task.targets[path], pooled, overwrite=task.force)
    return {
        "axes": image.axes,
        "shape": " x ".join(map(str, image.array.shape)),
        "pooled": " x ".join(map(str, pooled.array.shape)),
        "dtype": str(pooled.array.dtype),
        "written": str(task.targets[path]),
    }


def _max(image: Any, size: tuple[int, ...], stride: tuple[int, ...] | None) -> Any:
    import adapool

    size, stride = _along(image, size, "size"), _along(image, stride or size, "stride")
    pooled = adapool.max_pooling(
        image.array, size, stride=stride, channel_axis=image.channel_axis,
        batch_axis=image.batch_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _attention(
    image: Any, size: tuple[int, ...], stride: tuple[int, ...] | None, estimator: str
) -> Any:
    import adapool

    size, stride = _along(image, size, "size"), _along(image, stride or size, "stride")
    channels = 1 if image.channel_axis is None else image.array.shape[image.channel_axis]
    pooled = adapool.attention_pooling(
        image.array, size, getattr(adapool.estimators, estimator)(channels=channels),
        stride=stride, channel_axis=image.channel_axis, batch_axis=image.batch_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _by_frames(image: Any, task: Task) -> Any:
    """Pool frame by frame, each in memory: networks see all of it."""
    import numpy as np

    from adapool import io

    methods: dict[str, Callable[..., Any]] = {"dynamic": _dynamic, "regions": _regions}
    frames = []
    for frame in image.frames():
        read = io.Image(np.asarray(frame), frame.axes, frame.spacing, frame.channels)
        frames.append(methods[task.method](read, **task.options))
    if "t" not in image.axes:
        return frames[0]
    first = frames[0]
    stacked = np.stack([each.array for each in frames])
    return io.Image(stacked, "t" + first.axes, first.spacing, first.channels)


def _dynamic(
    image: Any, size: tuple[int, ...] | None, stride: tuple[int, ...] | None, estimator: str
) -> Any:
    import adapool

    stride = _along(image, stride or (1,), "stride")
    pooled = adapool.dynamic_pooling(
        image.array, getattr(adapool.estimators, estimator)(spacing=image.spacing),
        stride=stride, max_kernel_size=None if size is None else _along(image, size, "size"),
        anchor="center", channel_axis=image.channel_axis,
    )  # fmt: skip
    return _coarser(image, pooled, stride)


def _regions(image: Any, estimator: str, reduction: str | None) -> Any:
    import adapool

    pooling: Any = adapool
    sites = pooling.region_pooling(
        image.array, getattr(adapool.estimators, estimator)(spacing=image.spacing),
        reduction=reduction or "max", channel_axis=image.channel_axis,
    )  # fmt: skip
    return _coarser(image, sites.to_map(), (1,) * len(image.spatial_axes))


def _along(image: Any, numbers: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Return a number for each spatial axis."""
    axes = image.spatial_axes
    if len(numbers) not in (1, len(axes)):
        raise ValueError(
            f"--{name} must be a number, or one for each of the axes {axes}, "
            f"got {','.join(map(str, numbers))}"
        )
    return numbers * len(axes) if len(numbers) == 1 else numbers


def _coarser(image: Any, pooled: Any, stride: tuple[int, ...]) -> Any:
    """Return what was pooled, with pixels as much larger as the stride."""
    from adapool import io

    spacing = image.spacing and tuple(a * b for a, b in zip(image.spacing, stride, strict=True))
    return io.Image(pooled, image.axes, spacing, image.channels)
