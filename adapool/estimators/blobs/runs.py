"""Masks of many candidates, as runs of pixels along rows: a hundredth of the memory of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapool._backends import Array


@dataclass(frozen=True)
class Runs:
    """Runs of pixels of numbered masks, those of one mask beside each other.

    Attributes
    ----------
    places : (n, 3) array of int32
        Plane, row and first column of each run, in a whole image.
    lengths : (n,) array of int32
    starts : (masks + 1,) array of int64
        Where the runs of each mask begin.
    """

    places: Array
    lengths: Array
    starts: Array

    def of(self, masks: Array) -> Runs:
        """Return the runs of some masks, in their order."""
        counts = (self.starts[1:] - self.starts[:-1])[masks]
        starts = np.concatenate([[0], np.cumsum(counts)])
        which = np.arange(starts[-1]) + np.repeat(self.starts[:-1][masks] - starts[:-1], counts)
        return Runs(self.places[which], self.lengths[which], starts)

    def bounds(self) -> tuple[Array, Array]:
        """Return the first and the last position, and one more, of each mask: two (n, 3) arrays."""
        count = len(self.starts) - 1
        low, high = np.zeros((count, 3), np.int64), np.zeros((count, 3), np.int64)
        some = np.flatnonzero(np.diff(self.starts))
        if len(some):
            ends = self.places + 1
            ends[:, 2] += self.lengths - 1
            low[some] = np.minimum.reduceat(self.places, self.starts[some])
            high[some] = np.maximum.reduceat(ends, self.starts[some])
        return low, high

    def draw(self, numbers: Array, low: Array, out: Array) -> None:
        """Draw masks as numbers into an image that begins at `low`, in their order."""
        each = np.repeat(numbers, np.diff(self.starts))
        place = self.places.astype(np.int64) - low
        first = np.clip(place[:, 2], 0, out.shape[2])
        last = np.clip(place[:, 2] + self.lengths, 0, out.shape[2])
        there = (place[:, :2] >= 0).all(axis=1) & (place[:, :2] < out.shape[:2]).all(axis=1)
        kept = np.flatnonzero(there & (last > first))
        lengths = (last - first)[kept]
        begin = (place[kept, 0] * out.shape[1] + place[kept, 1]) * out.shape[2] + first[kept]
        ends = np.cumsum(lengths)
        pixels = np.arange(ends[-1] if len(ends) else 0)
        pixels += np.repeat(begin - (ends - lengths), lengths)
        out.reshape(-1)[pixels] = np.repeat(each[kept], lengths)


def painted(masks: Runs, bounds: tuple[Array, Array], low: Array, high: Array) -> Array:
    """Return a box of the label image of masks, numbered from 1 on; the first of them are on top.

    `bounds` are those of the masks.
    """
    labels = np.zeros(high - low, np.int32)
    rows = np.flatnonzero(((bounds[0] < high) & (bounds[1] > low)).all(axis=1))[::-1]
    masks.of(rows).draw((rows + 1).astype(np.int32), low, labels)
    return labels


def runs_of(labels: Array, numbers: Array, low: Array) -> Runs:
    """Return the masks of some labels of an image that begins at `low` of a whole one.

    `numbers` gives, for each label from 0 on, which mask it is, from 1 on, or 0.
    """
    flat = numbers[labels].ravel()
    new = np.empty(flat.size, np.bool_)
    new[:1] = True
    np.not_equal(flat[1:], flat[:-1], out=new[1:])
    new[:: labels.shape[2]] = True
    begin = np.flatnonzero(new)
    lengths = np.diff(np.append(begin, flat.size))
    mask = flat[begin]
    own = np.flatnonzero(mask)
    own = own[np.argsort(mask[own], kind="stable")]
    places = np.stack(np.unravel_index(begin[own], labels.shape), axis=-1) + low
    counts = np.bincount(mask[own], minlength=int(numbers.max(initial=0)) + 1)[1:]
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Runs(places.astype(np.int32), lengths[own].astype(np.int32), starts)


def joined(parts: list[Runs]) -> Runs:
    """Return all masks, one part after the other."""
    counts = [np.diff(part.starts) for part in parts]
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts or [np.zeros(0, int)]))])
    return Runs(
        np.concatenate([part.places for part in parts] or [np.zeros((0, 3), np.int32)]),
        np.concatenate([part.lengths for part in parts] or [np.zeros(0, np.int32)]),
        starts.astype(np.int64),
    )
