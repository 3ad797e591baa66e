"""``adapool cache`` and ``adapool compile``: compiled code, where it is and beforehand."""

from __future__ import annotations

import sys

from adapool.cli._parser import CommandError, Commands


def add_to(commands: Commands) -> None:
    """Say what the commands take."""
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
        description="Make the calls that between them need the kernels of common dtypes.\n"
        "What is compiled is kept for later processes: in the image of a container, for instance.",
    )
    compile_.add_argument(
        "--all", action="store_true", help="every integer dtype too, which takes minutes"
    )
    compile_.set_defaults(run=lambda options: _compile(options.all))


def _cache(clear: bool) -> int:
    from adapool._native import cache

    if clear:
        count, size = cache.clear()
        print(f"deleted: {count} files, {size / 1e6:.1f} MB")
        return 0
    sizes = [file.stat().st_size for file in cache.files()]
    print(cache.folder())
    print(f"{len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
    return 0


def _compile(everything: bool) -> int:
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
    return 0


def _show(share: float, name: str) -> None:
    """Draw a progress bar in place of the one before it, if it is seen in a terminal."""
    if sys.stderr.isatty():
        full = round(30 * share)
        end = "\n" if share == 1 else ""
        bar = f"[{'#' * full}{'.' * (30 - full)}] {share:4.0%}  {name:<50.50}"
        print(f"\r{bar}", end=end, file=sys.stderr, flush=True)
