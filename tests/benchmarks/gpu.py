"""Every method on a GPU beside torch, torchvision and the speed of a copy.

    PYTHONPATH=tests python -m tests.benchmarks.gpu

prints one line for each; times are medians by CUDA events, after warming up.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

Call = Callable[[], Any]


def milliseconds(call: Call, torch: Any, repeats: int = 20) -> float:
    for _ in range(3):
        call()
    times = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return float(median(times))


def copy_of_a_gibibyte(torch: Any) -> float:
    source = torch.rand(1 << 28, device="cuda")
    target = torch.empty_like(source)
    return milliseconds(lambda: target.copy_(source), torch)


def calls(torch: Any) -> Iterator[tuple[str, int, Call, str, Call | None]]:
    """Yield name, outputs, our call, the peer and its call."""
    from torchvision.ops import deform_conv2d

    import adapool

    pool = torch.nn.functional.max_pool2d
    side = 4096
    image = torch.rand(side, side, 1, device="cuda")
    planes = image.permute(2, 0, 1)[None].contiguous()
    trust = torch.rand(side, side, device="cuda")
    yield ("max_pooling 2 x 2", side**2 // 4, lambda: adapool.max_pooling(image, 2),
           "max_pool2d", lambda: pool(planes, 2))  # fmt: skip
    yield ("max_pooling 5 x 5, stride 1", side**2,
           lambda: adapool.max_pooling(image, 5, stride=1),
           "max_pool2d", lambda: pool(planes, 5, 1))  # fmt: skip
    yield ("attention 5 x 5, stride 1", side**2,
           lambda: adapool.attention_pooling(image, 5, trust, stride=1),
           "product, max_pool2d", lambda: pool(planes * trust, 5, 1))  # fmt: skip
    for most in (5, 65):
        squares = torch.randint(1, most + 1, (side, side, 1), device="cuda").float()
        boxes = torch.randint(1, most + 1, (side, side, 2), device="cuda").float()
        for name, sizes in (("squares", squares), ("rectangles", boxes)):
            yield (f"dynamic, {name} to {most}", side**2,
                   lambda sizes=sizes: adapool.dynamic_pooling(image, sizes),  # type: ignore[misc]
                   f"max_pool2d {most} x {most}",
                   lambda most=most: pool(planes, most, 1))  # type: ignore[misc]  # fmt: skip
    strided = torch.cat([boxes, torch.randint(1, 20, boxes.shape, device="cuda").float()], -1)
    yield ("dynamic_stride_pooling", side**2,
           lambda: adapool.dynamic_stride_pooling(image, strided), "", None)  # fmt: skip
    side = 512
    deep = torch.rand(side, side, 64, device="cuda")
    weights = torch.rand(3, 3, 64, 64, device="cuda")
    offsets = torch.randn(side, side, 18, device="cuda")
    theirs = [a.contiguous() for a in (deep.permute(2, 0, 1)[None], offsets.permute(2, 0, 1)[None],
                                       weights.permute(3, 2, 0, 1))]  # fmt: skip
    yield ("deformable 3 x 3, 64 to 64", side**2,
           lambda: adapool.deformable_conv(deep, weights, offsets, padding=1),
           "deform_conv2d", lambda: deform_conv2d(*theirs, padding=1))  # fmt: skip
    yield ("the same, then 2 x 2", side**2 // 4,
           lambda: adapool.deformable_conv_and_pool(deep, weights, offsets, 2, padding=1),
           "deform_conv2d, max_pool2d",
           lambda: pool(deform_conv2d(*theirs, padding=1), 2))  # fmt: skip


def main() -> int:
    """Measure and print."""
    try:
        import torch
    except ImportError:
        print("torch is needed: pip install -e '.[bench,cuda]'")
        return 1
    if not torch.cuda.is_available():
        print("no CUDA driver here: nothing is measured")
        return 1
    print(torch.cuda.get_device_name())
    copied = copy_of_a_gibibyte(torch)
    print(f"copy of 1 GiB: {copied:.3f} ms, {2 * 2**30 / copied / 1e9:.2f} TB/s")
    print(f"{'':30} {'ms':>9} {'ns/1,000 outputs':>17} {'peer, ms':>9}")
    for name, outputs, ours, peer, theirs in calls(torch):
        time = milliseconds(ours, torch)
        other = f"{milliseconds(theirs, torch):9.3f} {peer}" if theirs else ""
        print(f"{name:30} {time:9.3f} {time * 1e9 / outputs:17.1f} {other}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
