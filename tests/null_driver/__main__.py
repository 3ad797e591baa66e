"""Compile the driver, and run a command with it: see the package."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from null_driver import build, elsewhere

COMMANDS = {
    "table": ["-c", "from null_driver import table; raise SystemExit(table.main())"],
    "pytest": [*build.PYTEST],
    "python": [],
}


def main(command: str = "", *arguments: str) -> int:
    """Run pytest, Python, the table, or some of the tests on another Python."""
    if command == "elsewhere":
        return elsewhere.main()
    if command not in COMMANDS:
        print(f"give one of: {', '.join(COMMANDS)}, elsewhere")
        return 2
    with tempfile.TemporaryDirectory() as name:
        build.compile_driver(Path(name))
        return build.run(Path(name), [*COMMANDS[command], *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
