"""What a reader of one format hands over: pixels that are fetched when asked for, and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

# Of any letter; UNKNOWN is an axis that the file does not name.
UNKNOWN = "?"

# Sizes of a metre's parts in micrometres, by the names that files use.
MICROMETRES = {
    "m": 1e6, "meter": 1e6, "metre": 1e6,
    "cm": 1e4, "centimeter": 1e4,
    "mm": 1e3, "millimeter": 1e3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "nm": 1e-3, "nanometer": 1e-3,
    "å": 1e-4, "angstrom": 1e-4,
    "pm": 1e-6, "picometer": 1e-6,
}  # fmt: skip


class Pixels(Protocol):
    """What is fetched: NumPy's indexing by slices, in native byte order."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, index: Any) -> Any: ...


@dataclass(frozen=True)
class Source:
    """An image in a file.

    Attributes
    ----------
    pixels : Pixels
    axes : str
        A letter for each axis: t, c, z, y, x, or `UNKNOWN`.
    chunks : tuple of int
        What is best fetched at once.
    sizes : dict
        Micrometres of a pixel along the axes that the file says it of.
    channels : tuple of str
        Names, where the file has some.
    """

    pixels: Pixels
    axes: str
    chunks: tuple[int, ...]
    sizes: dict[str, float] = field(default_factory=dict)
    channels: tuple[str, ...] = ()


def micrometres(size: Any, unit: Any) -> float | None:
    """Return a length in micrometres, or None where it is none: of pixels, or not above 0."""
    factor = MICROMETRES.get(str(unit).strip().lower())
    if factor is None or size is None or not 0 < float(size) < float("inf"):
        return None
    # As it is written in decimals: 0.1 nm is 0.0001 micrometres, and not next to it.
    return float(f"{float(size) * factor:.12g}")
