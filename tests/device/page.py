"""The table of the documentation, from what the check has measured.

    PYTHONPATH=tests python -m device.page build/device/speed.json [--write]

prints it, or puts it into ``docs/cuda.md`` in place of the one that is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "cuda.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

HEADER = (
    "| call | kernels, ms | copy, ms | share | host, ms | launches | others, ms |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
)


def row(case: dict[str, Any]) -> str:
    """Return the row of a case."""
    peers = [
        f"{name} {peer['events_ms'][1]:.3f}"
        for name, peer in case["peers"].items()
        if "error" not in peer
    ]
    return (
        f"| {case['case']} | {case['kernels_ms']:.3f} | {case['floor_ms']:.3f} "
        f"| {case['share']:.0%} | {case['host_ms']:.2f} | {case['launches']:.0f} "
        f"| {', '.join(peers)} |"
    )


def table(report: dict[str, Any]) -> str:
    """Return the table, under the device and how fast it copies."""
    rows = [row(case) for case in report["cases"] if "error" not in case]
    title = f"{report['device']}, on which a copy moves {report['copy_TB_s']:.2f} TB/s:"
    return "\n".join([title, "", HEADER, *rows])


def replaced(page: str, text: str) -> str:
    """Return a page with another table between the marks."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Print the table, or write it."""
    text = table(json.loads(Path(arguments[0]).read_text()))
    if "--write" in arguments:
        PAGE.write_text(replaced(PAGE.read_text(), text))
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
