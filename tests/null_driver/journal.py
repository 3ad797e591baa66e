"""What the driver that runs nothing has noted, read into objects."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Triple = tuple[int, int, int]

# A kernel is named after its function, with a number that is new for each time it is compiled.
_NUMBER = re.compile(r"B\d+v\d+")


@dataclass(frozen=True)
class Load:
    """Machine code of a kernel that came to the driver."""

    kernel: str
    registers: int
    shared: int
    parameters: int
    code: str

    @property
    def signature(self) -> tuple[str, str]:
        """Tell kernels apart: function and types of arguments, and constants by their code."""
        return _NUMBER.sub("", self.kernel), self.code


@dataclass(frozen=True)
class Launch:
    """A launch, and what is wrong with it: "none", where nothing is."""

    kernel: str
    grid: Triple
    block: Triple
    shared: int
    stream: int
    device: int
    pointers: int
    fault: str

    @property
    def function(self) -> str:
        """Name of the function, as it is in the source."""
        return _identifiers(self.kernel)[-1]


@dataclass(frozen=True)
class Copy:
    """Bytes that were copied: "to-host", "to-device" or "on-device"."""

    way: str
    size: int
    stream: int
    memory: str


@dataclass(frozen=True)
class Order:
    """An event: recorded on a stream, or waited for by one."""

    kind: str
    event: int
    stream: int


@dataclass
class Journal:
    """All that happened in a while."""

    loads: list[Load] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def to_host(self) -> int:
        """Count the bytes that came to the host."""
        return sum(copy.size for copy in self.copies if copy.way == "to-host")


def _identifiers(mangled: str) -> list[str]:
    """Take the names out of a mangled one: each is preceded by its length."""
    names, at = [], len("_ZN")
    while number := re.match(r"\d+", mangled[at:]):
        begin = at + number.end()
        at = begin + int(number.group())
        names.append(mangled[begin:at])
    return names


def read(text: str) -> Journal:
    """Read the lines of a journal."""
    journal = Journal(lines=text.splitlines())
    for line in journal.lines:
        kind, *words = line.split()
        if kind == "load":
            name, _, registers, _, shared, _, parameters, _, code = words
            journal.loads.append(Load(name, int(registers), int(shared), int(parameters), code))
        elif kind == "launch":
            journal.launches.append(_launch(words))
        elif kind == "copy":
            way, size, _, stream, _, memory = words
            journal.copies.append(Copy(way, int(size), int(stream, 16), memory))
        elif kind == "record":
            journal.orders.append(Order("record", int(words[0], 16), int(words[2], 16)))
        elif kind == "wait-stream":
            journal.orders.append(Order("wait", int(words[2], 16), int(words[0], 16)))
        elif kind == "wait-host":
            journal.waits.append(words[0])
    return journal


def _launch(words: list[str]) -> Launch:
    name, _, *rest = words
    numbers = [int(word) for word in (*rest[:3], *rest[4:7])]
    gx, gy, gz, bx, by, bz = numbers
    options = dict(zip(rest[7::2], rest[8::2], strict=True))
    return Launch(
        name,
        (gx, gy, gz),
        (bx, by, bz),
        int(options["shared"]),
        int(options["stream"], 16),
        int(options["device"]),
        int(options["pointers"]),
        options["fault"],
    )


def _driver() -> Any:
    """Return the driver of this process, which numba-cuda has found by its name."""
    driver = ctypes.CDLL("libcuda.so.1")
    driver.null_driver_journal.restype = ctypes.c_char_p
    return driver


def is_there() -> bool:
    """Whether the driver of this process is the one that runs nothing."""
    try:
        return hasattr(ctypes.CDLL("libcuda.so.1"), "null_driver_journal")
    except OSError:
        return False


# What was noted before something that is not to be.
_kept: list[str] = []


def _text() -> str:
    text: bytes = _driver().null_driver_journal()
    return text.decode()


def take() -> Journal:
    """Return what was noted since the last call."""
    text = "".join([*_kept, _text()])
    _kept.clear()
    return read(text)


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Forget what happens inside: what a network does is no concern of ours."""
    _kept.append(_text())
    yield
    _text()


def during(call: Callable[[], Any]) -> tuple[Any, Journal]:
    """Call, and return the result with what was noted meanwhile."""
    take()
    result = call()
    return result, take()


def faults(journal: Journal, streams: set[int], to_host: int, seen: Counter[Any]) -> list[str]:
    """Say what is wrong with the launches and copies of a call.

    Parameters
    ----------
    streams : set of int
        Those that work may be on.
    to_host : int
        Bytes that may come to the host.
    seen : Counter
        Kernels that were loaded before; those of this call are added.
    """
    found = [
        f"{launch.function}: {launch.fault}"
        for launch in journal.launches
        if launch.fault != "none"
    ]
    queued = [(launch.function, launch.stream) for launch in journal.launches]
    queued += [(f"copy {copy.way}", copy.stream) for copy in journal.copies]
    for name, stream in queued:
        if stream not in streams:
            found.append(f"{name} on stream {stream:#x}, not on {sorted(map(hex, streams))}")
    if journal.to_host() > to_host:
        found.append(f"{journal.to_host()} bytes copied to the host, {to_host} expected")
    for load in journal.loads:
        seen[load.signature] += 1
        if seen[load.signature] > 1:
            found.append(f"{_identifiers(load.kernel)[-1]} compiled twice for one signature")
    return found
