"""The ``adapool`` command: a module for each of its commands, which says what it takes.

What they share: `_parser` (usage), `_batch` (over files, one after the other or side by side) and
`_tables` (what is written and printed of peaks).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import adapool
from adapool.cli import _compiled, _demo, _info, _peaks, _pool
from adapool.cli._parser import CommandError, Parser

_EPILOG = """\
examples:
  adapool peaks cells.tif                          how many objects, how large
  adapool peaks plate/ -o results/ --overlay seen/ a table and a picture for each image
  adapool pool stack.ome.tif --method max --size 2 -o half.ome.tif

"adapool COMMAND --help" says what a command takes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0; 1 where something could not be done; 130 where it was interrupted. Wrong usage exits with
    code 2.
    """
    parser = _parser()
    _print_any_name()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        _close_stdout()
        return 1
    except (CommandError, OSError) as error:
        print(f"adapool: {error}", file=sys.stderr)
        _close_stdout()
        return 1
    except KeyboardInterrupt:
        print("adapool: interrupted; what has been written is whole", file=sys.stderr)
        return 130
    return status


def _print_any_name() -> None:
    """Print characters that a terminal has not as escapes: names of files may have any."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _close_stdout() -> None:
    """Drop what could not be printed, so that Python does not try again, and fail, at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="adapool",
        description="Adaptive max pooling for images whose clusters vary in size and shape.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"adapool {adapool.__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", parser_class=Parser
    )
    for module in (_peaks, _pool, _demo, _compiled, _info):
        module.add_to(commands)
    return parser
