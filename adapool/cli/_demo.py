"""``adapool demo``: every method on a real image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from adapool import _install
from adapool.cli._parser import CommandError, Commands

# Named here and not imported: numba and scikit-image take a second that --help must not cost.
_IMAGES = ("immunohistochemistry", "coins")

# What the demo needs beyond the package itself.
_PLOT_EXTRA = ("matplotlib", "tqdm")


def add_to(commands: Commands) -> None:
    """Say what the command takes."""
    demo = commands.add_parser(
        "demo",
        help="run every method on a real image, and draw what it does",
        description="Run every method on an image that scikit-image carries, print how long each "
        "took,\nand draw what it does beside plain max pooling.",
    )
    demo.add_argument(
        "--image",
        choices=_IMAGES,
        default=_IMAGES[0],
        help="the image to pool (default: %(default)s)",
    )
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("adapool-demo.png"),
        metavar="PATH",
        help="the PNG file to write (default: %(default)s)",
    )
    demo.add_argument("--quick", action="store_true", help="call each method once, not twice")
    demo.set_defaults(run=lambda options: _demo(options.image, options.output, options.quick))


def _demo(image: str, output: Path, quick: bool) -> int:
    # Before anything is computed, which may take half a minute.
    _check_writable(output)
    run = _import_demo()
    try:
        table = run(image, output, quick=quick)
    except OSError as error:
        raise CommandError(str(error)) from error
    print(table)
    print(f"\nwritten: {output}")
    return 0


def _check_writable(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise CommandError(f"cannot write {output}: there is no directory {folder}")
    if output.is_dir():
        raise CommandError(f"cannot write {output}: it is a directory")
    if not os.access(output if output.exists() else folder, os.W_OK):
        raise CommandError(f"cannot write {output}: permission denied")


def _import_demo() -> Any:
    try:
        from adapool.demo import run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _PLOT_EXTRA:
            raise
        raise CommandError(f"the demo needs {missing}: {_install.command('plot')}") from error
    return run
