"""What is timed: calls, the bytes that they cannot do without, and peers that do the same work."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import adapool


class Input(NamedTuple):
    """An array to be made: floats from 0 to 1 or normal ones, or integers up to `most`."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    most: int = 0
    normal: bool = False

    @property
    def nbytes(self) -> int:
        size = {"uint8": 1, "uint16": 2, "float16": 2, "float32": 4}[self.dtype]
        return math.prod(self.shape) * size


@dataclass(frozen=True)
class Peer:
    """The same work by another library: how it wants its inputs, the call, and how to compare."""

    name: str
    prepare: Callable[..., tuple[Any, ...]]
    call: Callable[..., Any]
    # The largest difference, as a part of the largest value; None where it is not the same work.
    tolerance: float | None = None


@dataclass(frozen=True)
class Case:
    """A call on inputs. `out` is what it writes, in bytes."""

    name: str
    inputs: tuple[Input, ...]
    call: Callable[..., Any]
    out: float
    peers: tuple[Peer, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def nbytes(self) -> float:
        """Bytes from and to memory if each is moved once."""
        return sum(given.nbytes for given in self.inputs) + self.out


def planes(image: Any) -> Any:
    """View (row, column, channel) as torch has it, (1, channel, row, column)."""
    return image.permute(2, 0, 1)[None]


def cases() -> Iterator[Case]:
    """Yield all, the main ones first: time may run out."""
    for side, channels in ((4096, 1), (1024, 3), (1024, 64), (1024, 1), (256, 1), (4096, 3)):
        for kernel, stride in ((2, 2), (5, 1), (31, 1)):
            yield maximum(side, channels, kernel, stride)
    yield maximum(4096, 1, 12, 1)
    yield maximum(1024, 64, 12, 1)
    yield attention(4096)
    for most in (5, 65):
        for axes in (1, 2):
            yield dynamic(4096, most, axes)
    yield dynamic(4096, 65, 2, return_indices=True)
    yield sites(1024)
    for side, channels in ((512, 64), (128, 256), (1024, 3), (1024, 16), (4096, 1)):
        yield deformable(side, channels)
    yield deformable(512, 64, groups=64)
    for dtype in ("uint8", "uint16", "float16"):
        yield maximum(4096, 1, 5, 1, dtype)
        yield maximum(1024, 3, 2, 2, dtype)
    yield from channels_first()
    yield from volumes()
    for side in (256, 1024):
        for axes in (1, 2):
            yield dynamic(side, 65, axes)


def maximum(side: int, channels: int, kernel: int, stride: int, dtype: str = "float32") -> Case:
    """Windows of one size, channels last."""
    given = Input((side, side, channels), dtype, most=0 if dtype.startswith("f") else 200)
    peers = []
    if dtype != "uint16":  # torch pools none

        def pool(image: Any) -> Any:
            return importlib.import_module("torch").nn.functional.max_pool2d(image, kernel, stride)

        peers.append(Peer("max_pool2d", lambda x: (planes(x),), pool, 0.0))
    if channels == stride == 1 and dtype == "float32":

        def filtered(image: Any) -> Any:
            return importlib.import_module("cupyx.scipy.ndimage").maximum_filter(image, kernel)

        peers.append(Peer("maximum_filter", _for_cupy, filtered))
    name = f"max {kernel}x{kernel}/{stride} {side}^2x{channels}"
    return Case(
        name if dtype == "float32" else f"{name} {dtype}",
        (given,),
        functools.partial(adapool.max_pooling, kernel_size=kernel, stride=stride),
        given.nbytes / stride**2,
        tuple(peers),
    )


def _for_cupy(image: Any) -> tuple[Any, ...]:
    return (importlib.import_module("cupy").asarray(image)[..., 0],)


def channels_first() -> Iterator[Case]:
    """The same on (channel, row, column)."""
    for side, channels in ((4096, 1), (1024, 3), (1024, 64)):
        given = Input((channels, side, side))

        def pool(image: Any) -> Any:
            return importlib.import_module("torch").nn.functional.max_pool2d(image, 5, 1)

        yield Case(
            f"max 5x5/1 {channels}x{side}^2",
            (given,),
            functools.partial(adapool.max_pooling, kernel_size=5, stride=1, channel_axis=0),
            given.nbytes,
            (Peer("max_pool2d", lambda x: (x[None],), pool, None),),
        )


def attention(side: int) -> Case:
    """A weight for each pixel."""

    def call(image: Any, weights: Any) -> Any:
        return adapool.attention_pooling(image, 5, weights, stride=1)

    def pool(image: Any, weights: Any) -> Any:
        functional = importlib.import_module("torch").nn.functional
        return functional.max_pool2d(image * weights, 5, 1)

    image, weights = Input((side, side, 1)), Input((side, side))
    peer = Peer("product, max_pool2d", lambda x, w: (planes(x), w[None, None]), pool, 0.0)
    return Case(f"attention 5x5/1 {side}^2", (image, weights), call, image.nbytes, (peer,))


def dynamic(side: int, most: int, axes: int, **options: Any) -> Case:
    """A size for each pixel: one for both axes, or one for each."""
    image, sizes = Input((side, side, 1)), Input((side, side, axes), most=most)
    name = f"dynamic {'per axis' if axes > 1 else 'isotropic'} to {most} {side}^2"
    out = image.nbytes * (3 if options else 1)  # indices have eight bytes
    return Case(
        f"{name}, indices" if options else name,
        (image, sizes),
        functools.partial(adapool.dynamic_pooling, **options),
        out,
    )


def sites(side: int) -> Case:
    """Strides of data: the scan is on the host, and so in the time of the host."""
    image, params = Input((side, side, 1)), Input((side, side, 4), most=9)
    return Case(
        f"sites to 9 {side}^2", (image, params), adapool.dynamic_stride_pooling, image.nbytes
    )


def deformable(side: int, channels: int, groups: int = 1) -> Case:
    """3 x 3 taps with a mask, as many filters as channels."""
    image = Input((side, side, channels))
    moves, mask = Input((side, side, 18), normal=True), Input((side, side, 9))
    filters = Input((3, 3, channels // groups, channels))

    def call(x: Any, o: Any, m: Any, w: Any) -> Any:
        return adapool.deformable_conv(x, w, o, mask_network=m, padding=1, groups=groups)

    def prepare(x: Any, o: Any, m: Any, w: Any) -> tuple[Any, ...]:
        nchw = (planes(array).contiguous() for array in (x, o, m))
        return (*nchw, w.permute(3, 2, 0, 1).contiguous())

    def theirs(x: Any, o: Any, m: Any, w: Any) -> Any:
        deform = importlib.import_module("torchvision.ops").deform_conv2d
        return deform(x, o, w, padding=1, mask=m)

    name = f"deformable 3x3 {side}^2x{channels}"
    return Case(
        name if groups == 1 else f"{name} depthwise",
        (image, moves, mask, filters),
        call,
        image.nbytes,
        (Peer("deform_conv2d", prepare, theirs, 1e-4),),
    )


def volumes() -> Iterator[Case]:
    """Volumes of microscopy: fewer planes than rows."""
    image = Input((32, 1024, 1024, 1))
    for kernel, stride in ((2, 2), (3, 1)):
        yield Case(
            f"max {kernel}x{kernel}x{kernel}/{stride} 32x1024^2",
            (image,),
            functools.partial(adapool.max_pooling, kernel_size=kernel, stride=stride),
            image.nbytes / stride**3,
        )
    for axes in (1, 3):
        sizes = Input((32, 1024, 1024, axes), most=9)
        name = f"dynamic {'per axis' if axes > 1 else 'isotropic'} to 9 32x1024^2"
        yield Case(name, (image, sizes), adapool.dynamic_pooling, image.nbytes)
