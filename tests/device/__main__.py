"""Run the steps one after another, each in a process of its own, within a limit of minutes.

Exits with 1 where anything is wrong, and where nothing ran.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from device import steps
from device.steps import Machine, Result

NAMES = tuple(steps.STEPS)


def options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tests/device/check", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="STEP",
                        help=f"of {', '.join(NAMES)}")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=8, help="limit of all steps together")
    parser.add_argument("--dry-run", action="store_true",
                        help="go through the steps without a GPU: with the driver of "
                        "tests/null_driver, which runs nothing")  # fmt: skip
    return parser.parse_args(arguments)


def table(results: list[Result]) -> str:
    """Return what is printed last."""
    lines = [f"{'step':10} {'':5} {'seconds':>8}  what"]
    for result in results:
        word = "right" if result.right else "WRONG"
        lines.append(f"{result.step:10} {word} {result.seconds:8.1f}  {result.summary}")
    return "\n".join(lines)


def run_steps(machine: Machine, names: Sequence[str]) -> list[Result]:
    """Run the named steps; none after a probe that found no GPU."""
    results: list[Result] = []
    for name in NAMES:
        if name in names:
            print(f"--- {name}", flush=True)
            results.append(steps.run(name, machine))
            print(table(results[-1:]), flush=True)
            if name == "probe" and not results[-1].right:
                print("no GPU that numba can use: nothing else is run")
                break
    return results


def main(arguments: list[str]) -> int:
    """Run the steps, write what they found, print it, and return the exit status."""
    given = options(arguments)
    out = Path(os.environ.get("OUT") or "build/device").resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        deadline = time.monotonic() + 60 * given.minutes
        machine = Machine(out, Path(scratch), deadline, given.dry_run)
        results = run_steps(machine, given.only)
    ran = any(result.step != "probe" for result in results)
    right = ran and all(result.right for result in results)
    report = {"right": right, "dry_run": given.dry_run, "steps": [vars(r) for r in results]}
    (out / "results.json").write_text(json.dumps(report, indent=1))
    last = table(results) + f"\n{'all right' if right else 'WRONG'}; files are in {out}"
    if given.dry_run:
        last += "\na dry run: nothing was computed, and nothing is shown but that the steps run"
    (out / "results.txt").write_text(last + "\n")
    speed = out / "speed.txt"
    print("\n" + (speed.read_text() if speed.exists() else "") + "\n" + last)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
