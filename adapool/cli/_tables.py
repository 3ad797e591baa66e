"""Tables of peaks, written as CSV or GeoJSON, and of images, printed and written."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

Row = dict[str, Any]

FORMATS = ("csv", "geojson")

# Letters of an error that are printed in a table.
_ERROR = 40


def rows_of(table: Mapping[str, Any], first: Row) -> list[Row]:
    """Return the rows of a table of columns, each beginning with what is the same in all."""
    columns = {name: values.tolist() for name, values in table.items()}
    return [
        first | dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
    ]


def write(path: Path, rows: Sequence[Row], columns: Sequence[str], overwrite: bool) -> None:
    """Write rows, as the suffix says; a table without rows has columns all the same."""
    from adapool.io._whole import whole  # numpy with it, which --help must not wait for

    writer = _geojson if path.suffix.lower() == ".geojson" else _csv
    with (
        whole(path, overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer(file, rows, columns)


def print_as(kind: str, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Print rows in one of `FORMATS`, for other programs."""
    if kind == "geojson":
        _geojson(sys.stdout, rows, columns)
    else:
        _csv(sys.stdout, rows, columns, "\n")


def _csv(file: TextIO, rows: Iterable[Row], columns: Sequence[str], end: str = "\r\n") -> None:
    writer = csv.writer(file, lineterminator=end)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)


def _cell(value: Any) -> Any:
    """Return what a cell holds: eight digits of a number, nothing where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.8g}" if isinstance(value, float) else value


def _geojson(file: TextIO, rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write points whose coordinates are pixels, x first, as viewers want them."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": row["pixel"][::-1]},
            "properties": {name: _number(row.get(name)) for name in columns},
        }
        for row in rows
    ]
    json.dump({"type": "FeatureCollection", "features": features}, file, allow_nan=False)
    file.write("\n")


def _number(value: Any) -> Any:
    """Return what JSON can hold: infinity and NaN it cannot."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def text(rows: Sequence[Row]) -> str:
    """Return rows for the eye: words from the left, numbers from the right."""
    columns = list(rows[0])
    cells = [[_cut(_short(row[name]), name) for name in columns] for row in rows]
    numbers = [
        all(isinstance(row[name], (int, float, type(None))) for row in rows) for name in columns
    ]
    lines = [columns, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in lines
    )


def _cut(text: str, name: str) -> str:
    """Keep lines to the width of a terminal: why a file failed is told in full beside them."""
    return f"{text[:_ERROR]}..." if name == "error" and len(text) > _ERROR + 3 else text


def _short(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
