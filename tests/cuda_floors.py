"""What each CUDA kernel moves and computes for an output, and the least time that takes.

    PYTHONPATH=tests python -m tests.cuda_floors

prints the table of ``docs/cuda.md``. Counted from the algorithms, for float32; nothing is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapool.cuda.dynamic.tables import Plan, plan_tables

# Bytes and single-precision operations a second: an H100 SXM and an A100 SXM of 80 GB.
MACHINES = {"H100": (3.35e12, 67e12), "A100": (2.04e12, 19.5e12)}

FLOAT = 4


@dataclass(frozen=True)
class Work:
    """Bytes from and to memory, and operations, for one output pixel."""

    name: str
    bytes: float
    operations: float

    def floor(self, machine: str) -> float:
        """Nanoseconds for a thousand outputs: bytes or operations, whichever takes longer."""
        bandwidth, rate = MACHINES[machine]
        return max(self.bytes / bandwidth, self.operations / rate) * 1e12

    def bound(self, machine: str) -> str:
        bandwidth, rate = MACHINES[machine]
        return "bytes" if self.bytes / bandwidth >= self.operations / rate else "operations"


def pooling(kernel: int, stride: int, weights: float = 0) -> tuple[float, float]:
    """Bytes and operations of fixed windows; values that windows share are read once."""
    read = min(stride, kernel) ** 2 * (FLOAT + weights)
    if stride >= kernel:
        return read + FLOAT, kernel**2
    # In bands of 32 rows: along rows for all that the band reads, then along columns.
    rows = (31 * stride + kernel) / 32
    return read + FLOAT, kernel * rows + kernel


def tables(plan: Plan, parameters: int) -> tuple[float, float]:
    """Bytes and operations of windows of own size.

    A pass along one axis reads the tables that there are, and writes all others; along several at
    once it reads and writes one after the other, and its other loads are in cache. The first writes
    its source too. A window is looked up in tables that its neighbours look up too: it is counted
    as one value from memory. Parameters are read twice, as first the largest is looked for.
    """
    passes = list(plan.passes())
    moved, operations = 1, 24
    for each in passes:
        made = each.sources * (each.levels - 1)
        moved += made + (each.sources if len(each.axes) == 1 else made)
        operations += made * (1 << plan.shift * len(each.axes))
    return (moved + 2 * parameters + 2) * FLOAT, operations


def deformable(taps: int, channels: int, filters: int, summed: bool) -> tuple[float, float]:
    """Bytes and operations of a 2-D deformable convolution with a linear rule."""
    sampling = taps * (20 + channels * 8)
    moved = (taps * 2 + channels) * FLOAT
    if summed:
        return moved + channels * FLOAT, sampling + 2 * taps * channels
    columns = 2 * taps * channels * FLOAT  # written, and read by the product
    return moved + columns + filters * FLOAT, sampling + 2 * taps * channels * filters


def works() -> list[Work]:
    """Return the kernels at the sizes that the page speaks of."""
    squares, small = plan_tables((1, 65, 65), True), plan_tables((1, 5, 5), True)
    boxes, volume = plan_tables((1, 65, 65), False), plan_tables((65, 65, 65), True)
    return [
        Work("max_pooling 2 x 2", *pooling(2, 2)),
        Work("max_pooling 5 x 5, stride 1", *pooling(5, 1)),
        Work("attention 2 x 2, per pixel", *pooling(2, 2, 4)),
        Work("attention 5 x 5, stride 1", *pooling(5, 1, 4)),
        Work("attention 2 x 2, per window", 4 * 2 * FLOAT + FLOAT, 8),
        Work("dynamic, squares to 5", *tables(small, 1)),
        Work("dynamic, squares to 65", *tables(squares, 1)),
        Work("dynamic, rectangles to 65", *tables(boxes, 2)),
        Work("dynamic, cubes to 65", *tables(volume, 1)),
        Work("deformable (C,), C = 4", *deformable(1, 4, 4, True)),
        Work("deformable 3 x 3, 64 to 64", *deformable(9, 64, 64, False)),
        Work("deformable 3 x 3, depthwise 64", *deformable(9, 64, 64, True)),
    ]


def table() -> str:
    """Return the table of the documentation."""
    lines = [
        "| kernel | bytes | operations | H100, ns per 1,000 | A100, ns per 1,000 | bound by |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for work in works():
        bounds = " / ".join(dict.fromkeys(work.bound(machine) for machine in MACHINES))
        lines.append(
            f"| {work.name} | {work.bytes:,.0f} | {work.operations:,.0f} "
            f"| {work.floor('H100'):,.1f} | {work.floor('A100'):,.1f} | {bounds} |"
        )
    return "\n".join(lines)


def loads() -> str:
    """Return the table of loads of windows of own size."""
    lines = ["| windows | K = 5 | K = 65 | ratio |", "| --- | ---: | ---: | ---: |"]
    for name, planes, same in (
        ("squares", 1, True),
        ("rectangles", 1, False),
        ("boxes, 5 planes", 5, False),
        ("cubes", 65, True),
        ("boxes, all three sizes to K", 65, False),
    ):
        counts = []
        for size in (5, 65):
            extent = (min(planes, size), size, size)
            counts.append(plan_tables(extent, same).loads(extent))
        lines.append(f"| {name} | {counts[0]} | {counts[1]} | {counts[1] / counts[0]:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
    print()
    print(loads())
