"""The ``adapool`` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import adapool
from adapool import _install

# Named here and not imported: numba and scikit-image take a second that --help must not cost.
_IMAGES = ("immunohistochemistry", "coins")

# What the demo needs beyond the package itself.
_PLOT_EXTRA = ("matplotlib", "tqdm")


class CommandError(Exception):
    """What went wrong, in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 1 where it could not do its work.

    Wrong usage exits with code 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        options.run(options)
    except CommandError as error:
        print(f"adapool: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adapool",
        description="Adaptive max pooling for images whose clusters vary in size and shape.",
    )
    parser.add_argument("--version", action="version", version=f"adapool {adapool.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="")
    demo = commands.add_parser(
        "demo",
        help="run every method on a real image, and draw what it does",
        description="Run every method on an image that scikit-image carries, print how long each "
        "took, and draw what it does beside plain max pooling.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    demo.add_argument("--image", choices=_IMAGES, default=_IMAGES[0], help="the image to pool")
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("adapool-demo.png"),
        metavar="PATH",
        help="the PNG file to write",
    )
    demo.set_defaults(run=lambda options: _demo(options.image, options.output))
    cache = commands.add_parser(
        "cache",
        help="say where compiled code is kept and how much there is, or delete it",
        description="Print the folder that compiled code is kept in, and what it takes.",
    )
    cache.add_argument("--clear", action="store_true", help="delete what is kept there")
    cache.set_defaults(run=lambda options: _cache(options.clear))
    compile_ = commands.add_parser(
        "compile",
        help="compile for common dtypes now, so that no later call has to",
        description="Make the calls that between them need the kernels of common dtypes. What is "
        "compiled is kept for later processes: in the image of a container, for instance.",
    )
    compile_.add_argument(
        "--all", action="store_true", help="every integer dtype too, which takes minutes"
    )
    compile_.set_defaults(run=lambda options: _compile(options.all))
    return parser


def _cache(clear: bool) -> None:
    from adapool._native import cache

    if clear:
        count, size = cache.clear()
        print(f"deleted: {count} files, {size / 1e6:.1f} MB")
        return
    sizes = [file.stat().st_size for file in cache.files()]
    print(cache.folder())
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


def _compile(everything: bool) -> None:
    from adapool._native import cache, common

    if cache.writable_folder() is None:
        raise CommandError(
            f"cannot write to {cache.folder()}: set NUMBA_CACHE_DIR to another folder"
        )
    calls = list(common.calls(everything))
    for done, (name, call) in enumerate(calls):
        _show(done / len(calls), name)
        call()
    _show(1, "")
    print(f"compiled: {len(calls)} kinds of calls, in {cache.folder()}")


def _show(share: float, name: str) -> None:
    """Draw a progress bar in place of the one before it, if it is seen in a terminal."""
    if sys.stderr.isatty():
        full = round(30 * share)
        end = "\n" if share == 1 else ""
        bar = f"[{'#' * full}{'.' * (30 - full)}] {share:4.0%}  {name:<50.50}"
        print(f"\r{bar}", end=end, file=sys.stderr, flush=True)


def _demo(image: str, output: Path) -> None:
    # Before anything is computed, which may take half a minute.
    _check_writable(output)
    run = _import_demo()
    try:
        table = run(image, output)
    except OSError as error:
        raise CommandError(str(error)) from error
    print(table)
    print(f"\nwritten: {output}")


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


if __name__ == "__main__":
    sys.exit(main())
