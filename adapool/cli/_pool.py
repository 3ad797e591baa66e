"""``adapool pool``: from files to pooled files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapool.cli import _batch, _tables
from adapool.cli._parser import CommandError, Commands, count, each_axis, positive
from adapool.io._methods import ESTIMATORS, METHODS, NEEDS_SIZE, OPTIONS

_DESCRIPTION = """\
Pool images, and write OME-TIFF or OME-Zarr whose pixels are as much larger as there are fewer."""

_EPILOG = """\
methods:
  max        the maximum over windows of --size, every --stride (default: the size)
  attention  the same of values times weights, which --estimator gives: contrast (default), softmax
  dynamic    the maximum over a window at every --stride (default: 1), as large as --estimator
             says, --size at most: blobs (default), scale-space, structure, thickness, variance
  regions    one value for each object, painted over it, by --reduction; nothing (0 or NaN) between,
             or, with --budget, a value for each of some blocks

examples:
  adapool pool stack.ome.tif --method max --size 1,2,2 -o half.ome.tif
      half as many rows and columns, no object lost
  adapool pool plate/ --method dynamic --estimator blobs --stride 4 -o pooled/
      an image for each, windows as large as the object that they are in
  adapool pool big.ome.zarr --method max --size 4 -o small.ome.zarr
      chunk by chunk, for images larger than memory

Exit code: 0; 1 where a file could not be read or used, after all others are done."""

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
    parser.add_argument("--method", choices=METHODS, required=True, help="see below")
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
    every = sorted({name for names in ESTIMATORS.values() for name in names})
    parser.add_argument("--estimator", choices=every, help="what gives sizes or weights")
    parser.add_argument(
        "--reduction", choices=("max", "min", "mean", "sum"), help="of regions (default: max)"
    )
    parser.add_argument(
        "--budget", type=count, metavar="N", help="regions at most, blocks of background included"
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
    method, known = options.method, OPTIONS[options.method]
    for name in ("size", "stride", "estimator", "reduction", "budget"):
        if getattr(options, name) is not None and name not in known:
            methods = [each for each, names in OPTIONS.items() if name in names]
            raise CommandError(
                f"--method {method} has no --{name}, which is for {' and '.join(methods)}"
            )
    if method in NEEDS_SIZE and options.size is None:
        raise CommandError(f"--method {method} needs --size, the pixels of a window")
    names = ESTIMATORS.get(method, {})
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
    _batch.check_apart([output], paths)
    stems = _batch.stems(paths)
    return {path: output / f"{stem}{suffix}" for path, stem in zip(paths, stems, strict=True)}


# --- one image ----------------------------------------------------------------------------------


def pool(path: Path, task: Task) -> dict[str, Any]:
    """Pool an image and write the result; return a line about it."""
    from adapool import io
    from adapool.io._pooling import WHOLE, pooled

    image = io.read(path, lazy=True, **task.reading)
    if task.method in WHOLE and image.array.size < _LARGE:
        image = io.Image(image.array.compute(), image.axes, image.spacing, image.channels)
    result = pooled(image, task.method, task.options)
    io.write(task.targets[path], result, overwrite=task.force)
    return {
        "axes": image.axes,
        "shape": " x ".join(map(str, image.array.shape)),
        "pooled": " x ".join(map(str, result.array.shape)),
        "dtype": str(result.array.dtype),
        "written": str(task.targets[path]),
    }
