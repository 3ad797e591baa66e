"""Time of the kernels, of events and of the host, beside the floor of a copy and beside peers.

    python -m device.speed FOLDER [--dry-run]

writes ``speed.json`` into the folder, and prints a row for each case; times are in milliseconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.speed_cases import Case, Input, Peer, cases

# Seconds for all rows, of those that the step may take.
SECONDS = 160

# Inputs that calls take in turn: of large ones, none is still in the second-level cache.
SETS = 3

Call = Callable[..., Any]


class Torch:
    """Arrays and clocks of torch."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        torch.manual_seed(0)
        # Peers and ours round products alike.
        torch.backends.cuda.matmul.allow_tf32 = False
        self.device = torch.cuda.get_device_name()

    def make(self, given: Input) -> Any:
        """Make an input on the GPU."""
        torch, place = self.torch, {"device": "cuda"}
        if given.most:
            low = 1 if given.dtype == "float32" else 0
            array = torch.randint(low, given.most + 1, given.shape, **place)
            if given.dtype == "uint16":  # torch has few functions for it
                import cupy

                return cupy.asarray(array.to(torch.int16)).view(cupy.uint16)
            return array.to(getattr(torch, given.dtype))
        make = torch.randn if given.normal else torch.rand
        return make(given.shape, **place).to(getattr(torch, given.dtype))

    def wait(self) -> None:
        """Wait for the GPU."""
        self.torch.cuda.synchronize()

    def events(self, call: Call, sets: Sequence[Any], repeats: int) -> list[float]:
        """Return milliseconds between events before and after each call."""
        times = []
        for i in range(repeats):
            begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            call(*sets[i % len(sets)])
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end))
        return times

    def kernels(self, call: Call, sets: Sequence[Any], repeats: int) -> dict[str, list[float]]:
        """Return milliseconds and launches a call of each kernel, without the gaps between them."""
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as found:
            for i in range(repeats):
                call(*sets[i % len(sets)])
            self.wait()
        return {
            event.key[:80]: [event.device_time_total / 1e3 / repeats, event.count / repeats]
            for event in found.key_averages()
            if event.device_time_total > 0
        }

    def copy_rate(self) -> float:
        """Return the bytes that a copy reads and writes in a millisecond."""
        source = self.torch.rand(1 << 28, device="cuda")
        target = self.torch.empty_like(source)
        self.events(target.copy_, [(source,)], 3)
        return 2 * (1 << 30) / statistics.median(self.events(target.copy_, [(source,)], 20))

    def difference(self, got: Any, want: Any) -> float:
        """Return the largest difference from a peer's (1, channel, row, column), as a part."""
        ours = self.torch.as_tensor(got, device="cuda").permute(2, 0, 1)[None].double()
        theirs = want.double()
        return float((ours - theirs).abs().max() / theirs.abs().max())


class Nothing:
    """Neither arrays with values nor time: to go through all calls with the null driver."""

    device = "dry run: no time was measured"

    def make(self, given: Input) -> Any:
        """Return addresses, and ones where the host reads: strides of sites."""
        from numba import cuda

        if given.most and given.shape[-1] == 4:
            return cuda.to_device(np.ones(given.shape, given.dtype))
        return cuda.device_array(given.shape, given.dtype)

    def wait(self) -> None:
        """Wait for nothing."""

    def events(self, call: Call, sets: Sequence[Any], repeats: int) -> list[float]:
        """Call once."""
        call(*sets[0])
        return [0.0, 0.0]

    def kernels(self, call: Call, sets: Sequence[Any], repeats: int) -> dict[str, list[float]]:
        """Count the launches of a call."""
        from null_driver import journal

        _, noted = journal.during(lambda: call(*sets[0]))
        assert all(launch.fault == "none" for launch in noted.launches)
        return {name: [0.0, 1] for name in (launch.function for launch in noted.launches)}

    def copy_rate(self) -> float:
        """Return a number: a terabyte a second."""
        return 1e9


def host(bench: Any, call: Call, sets: Sequence[Any], repeats: int) -> float:
    """Return the milliseconds that a call keeps the host."""
    bench.wait()
    begin = time.perf_counter()
    for i in range(repeats):
        call(*sets[i % len(sets)])
    elapsed = (time.perf_counter() - begin) / repeats * 1e3
    bench.wait()
    return elapsed


def quantiles(times: list[float]) -> tuple[float, float, float]:
    """Return the 10 % quantile, the median and the 90 % quantile."""
    tenths = statistics.quantiles(times, n=10)
    return tenths[0], statistics.median(times), tenths[-1]


def measure(bench: Any, case: Case, rate: float) -> dict[str, Any]:
    """Measure a case and its peers."""
    sets = [tuple(map(bench.make, case.inputs)) for _ in range(SETS)]
    got = case.call(*sets[0])  # compiles
    once = statistics.median(bench.events(case.call, sets, 3))
    repeats = int(min(30, max(5, 300 / max(once, 0.01))))
    low, middle, high = quantiles(bench.events(case.call, sets, repeats))
    kernels = bench.kernels(case.call, sets, 5)
    total = sum(time for time, _ in kernels.values())
    floor = case.nbytes / rate
    row: dict[str, Any] = {
        "case": case.name,
        "kernels_ms": total,
        "events_ms": [low, middle, high],
        "host_ms": host(bench, case.call, sets, min(repeats, 10)),
        "launches": sum(count for _, count in kernels.values()),
        "bytes": case.nbytes,
        "floor_ms": floor,
        "share": floor / total if total else None,
        "kernels": kernels,
        "peers": {},
    }
    if isinstance(bench, Torch):
        for peer in case.peers:
            row["peers"][peer.name] = against(bench, peer, sets, got, repeats)
    return row


def against(
    bench: Torch, peer: Peer, sets: Sequence[Any], got: Any, repeats: int
) -> dict[str, Any]:
    """Time a peer on the same data, and compare what it gives."""
    prepared = [peer.prepare(*given) for given in sets]
    try:
        want = peer.call(*prepared[0])
    except (ImportError, RuntimeError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    found: dict[str, Any] = {"events_ms": quantiles(bench.events(peer.call, prepared, repeats))}
    if peer.tolerance is not None:
        found["difference"] = bench.difference(got, want)
        found["right"] = found["difference"] <= peer.tolerance
    return found


def line(row: dict[str, Any]) -> str:
    """Return the row of a case."""
    low, middle, high = row["events_ms"]
    share = "" if row["share"] is None else f"{row['share']:.0%}"
    peers = []
    for name, peer in row["peers"].items():
        if "error" in peer:
            peers.append(f"{name} -")
            continue
        wrong = "" if peer.get("right", True) else f" WRONG by {peer['difference']:.1e}"
        peers.append(f"{name} {peer['events_ms'][1]:.3f}{wrong}")
    return (
        f"{row['case']:38} {row['kernels_ms']:9.3f} {middle:9.3f} ({low:.3f}-{high:.3f}) "
        f"{row['host_ms']:8.3f} {row['launches']:4.0f} {row['floor_ms']:8.3f} {share:>5}  "
        f"{', '.join(peers)} ms"
    )


HEADER = (
    f"{'':38} {'kernels':>9} {'events':>9} (10-90 %) {'host':>8} {'n':>4} {'floor':>8} "
    f"{'share':>5}  peers, by events"
)


def main(arguments: list[str]) -> int:
    """Measure all, write and print; return whether something was wrong or left out."""
    bench: Any = Nothing() if "--dry-run" in arguments else Torch()
    begin = time.monotonic()
    rate = bench.copy_rate()
    report: dict[str, Any] = {"device": bench.device, "copy_TB_s": rate / 1e9, "cases": []}
    print(f"{bench.device}: a copy moves {rate / 1e9:.2f} TB/s\n{HEADER}", flush=True)
    failed = False
    for case in cases():
        if time.monotonic() - begin > SECONDS:
            print(f"{case.name:38} left out: no time", flush=True)
            failed = True
            continue
        try:
            row = measure(bench, case, rate)
            print(line(row), flush=True)
        except Exception as error:  # the rest is still worth its seconds
            row = {"case": case.name, "error": f"{type(error).__name__}: {error}"}
            print(f"{case.name:38} WRONG {row['error'][:300]}", flush=True)
            failed = True
        report["cases"].append(row)
        Path(arguments[0], "speed.json").write_text(json.dumps(report, indent=1))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
