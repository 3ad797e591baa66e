"""``adapool peaks``: from files to tables, labels and pictures."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapool.cli import _batch, _tables
from adapool.cli._parser import CommandError, Commands, each_axis, positive

_DESCRIPTION = """\
Find the objects in images, of any size, and measure them: a point for each, its size, its
contrast. Prints a line for each image; -o, --labels and --overlay write files."""

_EPILOG = """\
examples:
  adapool peaks cells.tif
      print how many objects there are, and how large
  adapool peaks plate/ -o peaks.csv
      one table for all images of a folder; the column "file" says which
  adapool peaks cells.tif -o - | sort -t, -k12 -g
      the table to standard output, and the summary to standard error
  adapool peaks plate/ -o results/ --labels labels/ --overlay seen/ --jobs 4
      a table, a label image and a picture for each, and results/summary.csv
  adapool peaks "run7/**/*.ome.tif" -o out/ --channel DAPI --min-size 5 --max-size 20
      diameters are in micrometres where files tell the size of a pixel
  adapool peaks stack.tif --spacing 2,0.5,0.5 -o peaks.geojson
      a volume whose planes are 2 micrometres apart; points for QuPath and GIS

Exit code: 0; 1 where a file could not be read or used, after all others are done."""

_SUMMARY = "summary.csv"

# As of other commands: what is printed for the next one to read.
_STDOUT = Path("-")


@dataclass(frozen=True)
class Task:
    """What is done with each image.

    Attributes
    ----------
    reading : dict
        Keywords of `adapool.io.read`.
    knobs : dict
        Keywords of `BlobSizes`.
    dark : bool
        Whether objects are darker than what is around them.
    targets : dict
        What is written of a path: its table, labels, overlay, each a path or None.
    force : bool
    """

    reading: dict[str, Any]
    knobs: dict[str, Any]
    dark: bool
    targets: dict[Path, tuple[Path | None, Path | None, Path | None]]
    force: bool


def add_to(commands: Commands) -> None:
    """Say what the command takes."""
    parser = commands.add_parser(
        "peaks",
        help="count and measure the objects in images",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _batch.add_options(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PATH",
        help="a .csv or .geojson file for all images, - to print it, or a folder for a table of "
        "each and "
        f"{_SUMMARY}",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=_tables.FORMATS, default="csv",
        help="of the tables in a folder (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--labels", type=Path, metavar="FOLDER",
        help="write label images there (OME-TIFF), numbered as the tables are",
    )  # fmt: skip
    parser.add_argument(
        "--overlay", type=Path, metavar="FOLDER",
        help="write pictures there (PNG) with a dot and an outline for each object",
    )  # fmt: skip
    parser.add_argument(
        "--spacing", type=each_axis(positive), metavar="S",
        help="micrometres of a pixel, along all axes or along each, as 2,0.5,0.5, in place of "
        "what files say",
    )  # fmt: skip
    parser.add_argument(
        "--sensitivity", type=positive, metavar="S",
        help="more than 1 finds fainter objects, less than 1 fewer (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--min-size", type=positive, metavar="D",
        help="smallest diameter to look for, in micrometres, or pixels where their size is "
        "not known",
    )  # fmt: skip
    parser.add_argument("--max-size", type=positive, metavar="D", help="largest diameter")
    parser.add_argument(
        "--dark", action="store_true", help="look for objects darker than what is around them"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    paths = _batch.found(options.files)
    task = _task(options, paths)
    alone, printed = _is_table(options.output), options.output == _STDOUT
    folder = options.output is not None and not alone and not printed
    summary = options.output / _SUMMARY if folder else None
    targets = [path for three in task.targets.values() for path in three if path is not None]
    targets += [options.output] if alone else [summary] if summary is not None else []
    _batch.check_targets(targets, paths, options.force)
    _batch.check_apart([options.labels, options.overlay], paths)
    outcomes = _batch.over(paths, partial(search, task=task), options.jobs, "peaks")
    lines = [_summary(outcome) for outcome in outcomes]
    done = [outcome.result for outcome in outcomes if outcome.error is None]
    if (alone or printed) and done:
        rows = [row for result in done for row in result["rows"]]
        columns = list(dict.fromkeys(name for result in done for name in result["columns"]))
        if printed:
            _tables.print_as(options.format, rows, columns)
        else:
            _tables.write(options.output, rows, columns, options.force)
    if summary is not None:
        _tables.write(summary, lines, list(lines[0]), options.force)
    print(_tables.text(lines), file=sys.stderr if printed else sys.stdout)
    return 0 if len(done) == len(outcomes) else 1


def _task(options: argparse.Namespace, paths: Sequence[Path]) -> Task:
    reading = {name: getattr(options, name) for name in ("channel", "axes", "spacing")}
    knobs = {
        name: getattr(options, name)
        for name in ("sensitivity", "min_size", "max_size")
        if getattr(options, name) is not None
    }
    if options.min_size and options.max_size and options.min_size > options.max_size:
        raise CommandError(
            f"--min-size must be at most --max-size, got {options.min_size} and {options.max_size}"
        )
    folder = options.output
    if _is_table(folder) or folder == _STDOUT:
        folder = None
    elif folder is not None and folder.suffix and not folder.is_dir():
        raise CommandError(
            f"{folder} must end in .csv or .geojson, or be a folder: {folder.with_suffix('')}, say"
        )
    targets = {}
    for path, stem in zip(paths, _batch.stems(paths), strict=True):
        targets[path] = (
            folder and folder / f"{stem}.{options.format}",
            options.labels and options.labels / f"{stem}-labels.ome.tif",
            options.overlay and options.overlay / f"{stem}.png",
        )
    return Task(reading, knobs, options.dark, targets, options.force)


def _is_table(output: Path | None) -> bool:
    """Whether one table is to be written of all images."""
    return output is not None and output.suffix.lower() in (".csv", ".geojson")


def _summary(outcome: _batch.Outcome) -> _tables.Row:
    line = {"file": str(outcome.path), "axes": None, "shape": None, "frames": None, "peaks": None,
            "median_diameter": None, "unit": None, "median_snr": None}  # fmt: skip
    if outcome.error is None:
        line |= outcome.result["summary"]
    return line | {"seconds": round(outcome.seconds, 2), "error": outcome.error}


# --- one image ----------------------------------------------------------------------------------


def search(path: Path, task: Task) -> dict[str, Any]:
    """Find the peaks of an image, frame by frame, and write what is wanted of it.

    Returns
    -------
    found : dict
        ``rows`` and ``columns`` of the table, where it is not written yet, and the ``summary``.
    """
    import numpy as np

    from adapool import io
    from adapool.io._peaks import peaks_of

    image = io.read(path, lazy=True, **task.reading)
    _say_channels(path, image)
    table_path, labels_path, overlay_path = task.targets[path]
    rows: list[_tables.Row] = []
    columns: list[str] = []
    labels = []
    for number, frame in enumerate(image.frames()):
        found, objects = peaks_of(frame, task.knobs, task.dark)
        first: _tables.Row = {"file": str(path)}
        if "t" in image.axes:
            first["frame"] = number
        columns = [*first, *found]
        rows += _with_pixels(_tables.rows_of(found, first), image.spacing)
        if labels_path is not None:
            labels.append(objects.astype(np.min_scalar_type(max(found["label"], default=0))))
        if overlay_path is not None:
            from adapool.cli._overlay import draw

            if not isinstance(objects, np.ndarray):
                raise ValueError("it is too large for a picture: leave out --overlay")
            draw(_numbered(overlay_path, number, image), frame, found, objects, task.force)
    if labels_path is not None:
        _write_labels(labels_path, labels, image, task.force)
    if table_path is not None:
        _tables.write(table_path, rows, columns, task.force)
    summary = _summarize(rows, image)
    return {"summary": summary, "columns": columns, "rows": rows if table_path is None else []}


def _with_pixels(rows: list[_tables.Row], spacing: tuple[float, ...] | None) -> list[_tables.Row]:
    """Add the subpixel position in pixels, which GeoJSON is written with."""
    for row in rows:
        centre = [value for name, value in row.items() if name.startswith("centroid-")]
        row["pixel"] = [c / s for c, s in zip(centre, spacing or (1.0,) * len(centre), strict=True)]
    return rows


def _say_channels(path: Path, image: Any) -> None:
    if image.channel_axis is None:
        return
    count = image.array.shape[image.channel_axis]
    named = f" ({', '.join(image.channels)})" if image.channels else ""
    warnings.warn(
        f"{path} has {count} channels{named}: their maximum is searched; --channel takes one",
        stacklevel=2,
    )


def _numbered(path: Path, number: int, image: Any) -> Path:
    """Return the name for a frame, of which there may be one or many."""
    return path.with_stem(f"{path.stem}-t{number:04d}") if "t" in image.axes else path


def _write_labels(path: Path, frames: list[Any], image: Any, force: bool) -> None:
    import numpy as np

    from adapool import io

    dtype = np.result_type(np.uint16, *{frame.dtype for frame in frames})
    labels = np.stack(frames).astype(dtype)  # lazy where the frames are
    axes = "t" + image.spatial_axes
    given = io.Image(labels, axes, image.spacing)
    io.write(path, given if "t" in image.axes else given.at("t", 0), overwrite=force)


def _summarize(rows: list[_tables.Row], image: Any) -> _tables.Row:
    import numpy as np

    def median(name: str) -> float | None:
        return float(np.median([row[name] for row in rows])) if rows else None

    shape = " x ".join(map(str, image.array.shape))
    frames = image.array.shape[image.batch_axis] if "t" in image.axes else 1
    return {
        "axes": image.axes,
        "shape": shape,
        "frames": frames,
        "peaks": len(rows),
        "median_diameter": median("equivalent_diameter"),
        "unit": "px" if image.spacing is None else "um",
        "median_snr": median("snr"),
    }
