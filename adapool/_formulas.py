"""Scalar formulas, each written once: compiled for the CPU and for the GPU alike.

Plain Python functions without decorators. A kernel module compiles those it needs for its target,
``exceeds = device(_formulas.exceeds)``, and a test can call them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# The least number that no int64 holds; a float32 holds it.
_FAR = 2.0**63

# The least number that no int32 holds.
_SHORT = 2.0**31

# From here on a float32 rounds to infinity in float16.
_HALF_OVERFLOW = 65520.0

# Lengths beyond these make no difference to the pixels of an ellipse, and have squares. Angles
# beyond the last, in radians, have no meaning left, and count as 0.
_WIDE, _NARROW, _TURNED = 1e30, 1e-30, 1e9

# How near to a quarter turn an angle is taken for it.
_UPRIGHT = 1e-15

# An extent that bounds one which was rounded.
_ROUNDED_UP = 1 + 1e-12

# Half of pi in two parts, and the polynomials of sine and cosine up to a quarter of pi: fdlibm's
# (S. Moshier and Sun Microsystems, 1993), less than one unit in the last place. Those of NumPy,
# of the C library and of a GPU differ in their last bits, and so would their windows.
_PER_QUARTER = 6.36619772367581382433e-01
_QUARTER, _QUARTER_TAIL = 1.57079632673412561417e00, 6.07710050650619224932e-11
_SINE = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04,
    2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
_COSINE = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05,
    -2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip

Scalar = Any  # a NumPy scalar, or what numba makes of it


def exceeds(value: Scalar, maximum: Scalar) -> bool:
    """Whether `value` replaces the running `maximum`, NaN counting as larger than any number.

    Written with comparisons only: ``max(a, b)`` ignores NaN on the GPU and not on the CPU.
    """
    return bool(value > maximum or value != value)


def wins(value: Scalar, index: int, maximum: Scalar, winner: int) -> bool:
    """Whether `value` at `index` wins over `maximum` at `winner`, in any order of comparison.

    NaN wins over numbers; among equals, and among NaNs, the smaller index wins. `winner` is -1
    where there is none yet.
    """
    if winner < 0:
        return True
    if value != value:
        return bool(maximum == maximum or index < winner)
    return bool(value > maximum or (value == maximum and index < winner))


def beats(value: Scalar, best: Scalar, least: bool) -> bool:
    """Whether a later `value` replaces the best so far: the largest, or the `least`.

    Equals do not, and NaN does, unless there is one already.
    """
    if value != value:
        return bool(best == best)
    return bool(value < best if least else value > best)


def from_centroid(
    dz: int, dy: int, dx: int, more_z: int, more_y: int, more_x: int, count: int
) -> tuple[int, int]:
    """Compare squared distances from a centroid without rounding: (a, r), near before far.

    The centroid is (more_z, more_y, more_x) / count beyond a pixel, from which this one is
    (dz, dy, dx) away. But for what is the same for all pixels, the square of the distance is
    a - r / count, with r from 0 to count - 1: of two pixels, that with the lower a is nearer, and
    of those with equal a that with the larger r.
    """
    twice = 2 * (dz * more_z + dy * more_y + dx * more_x)
    whole = twice // count
    return dz * dz + dy * dy + dx * dx - whole, twice - whole * count


def add_stray(strays: Scalar, value: Scalar) -> Any:
    """Return `strays`, and not 0 in any case where `value` is not finite.

    Loops that collect booleans are not vectorised: 17.0 ms for 32 MiB of float32, 1.2 with these
    numbers. That those stay in 32 bits halves the time of a weighted maximum.
    """
    return np.int32(strays | np.int32(value - value != 0))


def to_size(value: Scalar, limit: int) -> int:
    """Truncate a finite size toward zero, clipped to 0 .. `limit` without overflow.

    Compared with constants alone: float32 against an integer would be compared in float64.
    """
    if value < 1:
        return 0
    if value >= _FAR:
        return limit
    size = int(np.int64(value))  # of a uint64 alone it is one, and with an int64 that is a float
    return limit if size > limit else size


def to_short_size(value: Scalar, limit: int) -> Any:
    """Truncate as :func:`to_size` does, where `limit` is less than 2 ** 31: in 32 bits."""
    if value < 1:
        return 0
    if value >= _SHORT:
        return limit
    size: Any = np.int32(value)
    return limit if size > limit else size


def size_is_free(value: Scalar, limit: int) -> bool:
    """Whether a finite size is neither empty nor clipped: a little more of it changes something."""
    return bool(value >= 1 and value < type(value)(limit))


def size_fraction(value: Scalar, limit: int) -> Scalar:
    """Return how far a finite size is beyond its whole part: 0 where it is empty or clipped."""
    if value < 1 or value >= type(value)(limit):
        return type(value)(0)
    return value - type(value)(np.int64(value))


def level_of(extent: int, shift: int, levels: int) -> int:
    """Return the largest level, of `levels`, whose blocks of ``2 ** (shift * level)`` fit."""
    level = 0
    while level + 1 < levels and extent >> (shift * (level + 1)) > 0:
        level += 1
    return level


def window_start(position: int, size: int, centered: bool) -> int:
    """First index of the window of `size` at `position`, before it is cut to the image."""
    return position - size // 2 if centered else position


def clip(value: Scalar, limit: Scalar) -> Scalar:
    """Clip to -limit .. limit; of the type of both, if they are of one."""
    value = value if value < limit else limit
    return value if value > -limit else -limit


def move_is_free(move: Scalar, limit: Scalar) -> bool:
    """Whether a displacement is not clipped, and would not be if it were a little larger."""
    return bool(move < limit and move >= -limit)


def fraction(move: Scalar, whole: Scalar, one: Scalar) -> Scalar:
    """Return ``move - whole`` in the type of `one`, subtracted in the wider of both.

    In float32 a displacement of -1e-10 would be a whole pixel off its floor.
    """
    return type(one)(move * one - whole * one)


def rounds_up(move: Scalar, whole: Scalar) -> bool:
    """Whether the pixel nearest to a displacement is the one after its floor, `whole`."""
    return bool(move - whole >= type(move)(0.5))


def truncated(tap: int, move: Scalar) -> Any:
    """Return ``int(tap + move)``, one sum in the type of the displacement."""
    return np.int32(type(move)(tap) + move)


def half_sum(tap: int, move: Scalar) -> Any:
    """Return ``int(float16(tap) + move)``, summed in float16; -1 where that overflows.

    Rounded from a sum in float32, which has the bits that make two roundings as good as one.
    """
    total = np.float32(np.float16(tap)) + np.float32(move)
    if total >= _HALF_OVERFLOW or total <= -_HALF_OVERFLOW:
        return np.int32(-1)
    return np.int32(np.float32(np.float16(total)))


def inside(index: int, size: int) -> bool:
    """Whether an index of any sign is one of 0 .. size - 1."""
    return bool(index >= 0 and index < size)


def into(index: int, size: int) -> int:
    """Move an index of any sign to the nearest one inside."""
    index = index if index > 0 else 0
    return index if index < size else size - 1


class EllipseFormulas(NamedTuple):
    """What tells the pixels of an ellipse, compiled for a target: see `ellipse_formulas`."""

    share: Any
    sheared: Any
    chords: Any


def ellipse_formulas(compiled: Callable[..., Any], times: Any, root: Any) -> EllipseFormulas:
    """Compile the formulas that tell which pixels an ellipse has: to the bit alike everywhere.

    Along the axes, pixel j is in the window of pixel i if the sum over plane, row, column, in this
    order, of ``share(j - i, size)`` is at most 1. An ellipse that is turned is one along the axes,
    sheared: with `height`, how far it goes along the rows, and `width`, of its chord in the row of
    the centre, pixel j is in it if ``share(dy, height) + share(sheared(dx, dy, shear), width)`` is
    at most 1. So the
    pixels of a row are an interval, in floating-point numbers too: each step is monotonic.

    `times` is the product, which a GPU must not contract with a sum that follows; `root` is the
    square root.
    """

    @compiled
    def share(distance: int, size: Scalar) -> Any:
        """Return ``(2 distance / size) ** 2`` in float64."""
        quotient = 2 * distance / np.float64(size)
        return times(quotient, quotient)

    @compiled
    def sheared(x: int, y: int, shear: Scalar) -> Any:
        """Return how far a pixel is from the chord's middle in its row."""
        return x - times(shear, np.float64(y))

    @compiled
    def chords(major: Scalar, minor: Scalar, angle: Scalar) -> Any:
        """Return height, width and shear of an ellipse, and how wide it is in all.

        Lengths are of the axes, the angle that of the first with the axis of rows, toward columns.
        What is wider than 1e30, or narrower than its inverse, has the same pixels as that.
        """
        if not (major > 0 and minor > 0):
            return 0.0, 0.0, 0.0, 0.0
        first = min(max(np.float64(major), _NARROW), _WIDE)
        second = min(max(np.float64(minor), _NARROW), _WIDE)
        # Less a number of quarter turns, each of which exchanges the axes.
        turned: Any = np.float64(angle)
        if not (turned < _TURNED and turned > -_TURNED):
            turned = 0.0
        turns = np.int64(times(turned, _PER_QUARTER) + (0.5 if turned >= 0 else -0.5))
        rest = (turned - times(np.float64(turns), _QUARTER)) - times(
            np.float64(turns), _QUARTER_TAIL
        )
        # A quarter turn is what is meant, which no float is: the axes are those of the image.
        rest = 0.0 if abs(rest) < _UPRIGHT else rest
        if turns & 1:
            first, second = second, first
        z = times(rest, rest)
        sine = _SINE[5]
        cosine = _COSINE[5]
        for i in range(4, -1, -1):
            sine = _SINE[i] + times(z, sine)
            cosine = _COSINE[i] + times(z, cosine)
        sine = rest + times(times(z, rest), sine)
        cosine = 1 - (times(0.5, z) - times(times(z, z), cosine))
        squares = times(first, first), times(second, second)
        # Not c ** 2 for 1 - s ** 2, so that a circle is one to the bit, whatever its angle.
        square = squares[0] + times(times(sine, sine), squares[1] - squares[0])
        height = root(square)
        width = times(second, first / height)
        shear = times(times(sine, cosine), squares[0] - squares[1]) / square
        across = times(shear, height)
        whole = root(times(width, width) + times(across, across))
        return height, width, shear, times(whole, _ROUNDED_UP)

    return EllipseFormulas(share, sheared, chords)
