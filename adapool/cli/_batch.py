"""Work on many files: in which order, how many at once, and what becomes of those that fail."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import adapool
from adapool import _install
from adapool.cli._parser import CommandError, count


@dataclass
class Outcome:
    """What came of a file.

    Attributes
    ----------
    path : Path
    result : object
        What the work returned; None where it failed.
    error : str or None
        Why it failed, in one line.
    notes : list of str
        Warnings.
    seconds : float
    """

    path: Path
    result: Any = None
    error: str | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


Work = Callable[[Path], Any]


def add_options(parser: Any) -> None:
    """Add what all commands for files take."""
    parser.add_argument(
        "files", nargs="+", metavar="FILES",
        help="images (TIFF, OME-Zarr, PNG, JPEG), folders of them, or patterns in quotes",
    )  # fmt: skip
    parser.add_argument(
        "--channel", metavar="C", help="only this channel: its number, from 0 on, or its name"
    )
    parser.add_argument(
        "--axes", type=str.lower, metavar="AXES",
        help="what the axes longer than 1 are, in place of what files say: tyx for a time series",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=count, default=1, metavar="N",
        help="files at once, each in a process of its own with its share of the CPUs "
        "(default: 1, which uses all of them for one file)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def found(given: Sequence[str]) -> list[Path]:
    """Return the images that are meant."""
    from adapool import io

    try:
        return io.find_files(*given)
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error


def stems(paths: Sequence[Path]) -> list[str]:
    """Return a name for what is written of each file, no two alike."""
    plain = [_stem(path.name) for path in paths]
    named = [p if plain.count(p) == 1 else path.name for p, path in zip(plain, paths, strict=True)]
    return [
        n if named.count(n) == 1 else f"{Path(os.path.abspath(path)).parent.name}-{n}"
        for n, path in zip(named, paths, strict=True)
    ]


def check_apart(folders: Sequence[Path | None], paths: Sequence[Path]) -> None:
    """Keep images that are written from among those that are read: a second run would take them."""
    sources = {os.path.dirname(os.path.realpath(path)) for path in paths}
    for folder in folders:
        if folder is not None and os.path.realpath(folder) in sources:
            raise CommandError(f"{folder} holds the images: name another folder to write to")


def _stem(name: str) -> str:
    """Return a name without its suffix, and that of OME."""
    stem, _, _ = name.rpartition(".")
    return stem[: -len(".ome")] if stem.lower().endswith(".ome") else stem or name


def check_targets(targets: Sequence[Path], sources: Sequence[Path], force: bool) -> None:
    """Refuse, before any work, to replace what is there or to write beside what is read."""
    twice = next((path for path in targets if targets.count(path) > 1), None)
    if twice is not None:
        raise CommandError(f"{twice} would be written twice: rename one of its images")
    inputs = {os.path.realpath(path) for path in sources}  # of a link that leads nowhere, too
    own = next((path for path in targets if os.path.realpath(path) in inputs), None)
    if own is not None:
        raise CommandError(f"{own} is one of the images: name another place to write to")
    for folder in dict.fromkeys(path.parent for path in targets):
        _check_folder(folder)
    other = next((path for path in targets if path.is_dir() and not _is_zarr(path)), None)
    if other is not None:
        raise CommandError(f"{other} is a folder: name another place to write to")
    there = [path for path in targets if path.exists()]
    if there and not force:
        more = {1: " exists", 2: " and 1 more file exist"}.get(
            len(there), f" and {len(there) - 1} more files exist"
        )
        raise CommandError(f"{there[0]}{more}: --force replaces what is there")


def _is_zarr(path: Path) -> bool:
    from adapool.io._find import is_zarr  # numpy with it, which --help must not wait for

    return is_zarr(path)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is none, or cannot be made or written to."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise CommandError(f"{there} is no folder: name another place to write to")
    if not os.access(there, os.W_OK | os.X_OK):
        raise CommandError(f"the folder {there} cannot be written to: name another")


def over(paths: Sequence[Path], work: Work, jobs: int, label: str) -> list[Outcome]:
    """Do the work on each file; name those that fail, and go on."""
    _say_what_compiles()
    outcomes: dict[Path, Outcome] = {}
    with _Progress(len(paths), label) as progress:
        for outcome in _outcomes(paths, work, min(jobs, len(paths))):
            outcomes[outcome.path] = outcome
            progress.step(outcome)
    return [outcomes[path] for path in paths]


def _outcomes(paths: Sequence[Path], work: Work, jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from (_attempt(path, work) for path in paths)
        return
    left = yield from _in_processes(paths, work, jobs)
    while left:  # a process died, and with it the pool: one by one it shows of which file
        left = yield from _in_processes(left, work, 1)
        if left:
            reason = "its process died, for want of memory it may be"
            yield Outcome(left.pop(0), error=reason)


def _in_processes(
    paths: Sequence[Path], work: Work, jobs: int
) -> Generator[Outcome, None, list[Path]]:
    """Yield what comes of files, and return those that nothing came of, as a process died."""
    threads = max(1, adapool.get_num_threads() // jobs)
    # Spawned: threads of numba do not live on in a process that is forked.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _prepare, (threads,))
    left = dict.fromkeys(paths)
    try:
        futures = {pool.submit(_in_worker, path, work): path for path in paths}
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                outcome = future.result()
                del left[futures[future]]
                yield outcome
    except BrokenProcessPool:  # before all had been submitted
        pass
    finally:
        pool.shutdown(cancel_futures=True)
    return list(left)


def _attempt(path: Path, work: Work) -> Outcome:
    """Do the work on one file."""
    begin = time.perf_counter()
    outcome = Outcome(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome.result = work(path)
        except Exception as error:  # whatever is wrong with a file, the others are done
            text = str(error).strip() or type(error).__name__
            outcome.error = text.splitlines()[0].removeprefix(f"cannot read {path}: ")
    outcome.notes = [str(each.message) for each in caught if each.category is UserWarning]
    outcome.seconds = time.perf_counter() - begin
    return outcome


# --- workers ------------------------------------------------------------------------------------


class _Worker:
    """What this process is about, if it is a worker."""

    busy: ClassVar = False
    stopped: ClassVar = False


def _prepare(threads: int) -> None:
    """Make a worker ready."""
    signal.signal(signal.SIGINT, _interrupted)
    adapool.set_num_threads(min(threads, adapool.get_num_threads()))
    _say_what_compiles()


def _interrupted(*_: object) -> None:
    """Give up what is being done, once, and do nothing more: Ctrl-C reaches all processes."""
    _Worker.stopped = True
    if _Worker.busy:
        _Worker.busy = False
        raise KeyboardInterrupt


def _in_worker(path: Path, work: Work) -> Outcome:
    if _Worker.stopped:
        return Outcome(path, error="interrupted")
    try:
        _Worker.busy = True
        outcome = _attempt(path, work)
        _Worker.busy = False
    except KeyboardInterrupt:
        return Outcome(path, error="interrupted")
    return outcome


# --- what is seen -------------------------------------------------------------------------------


def _say_what_compiles() -> None:
    """Let a line tell what is being compiled, where no terminal is watched too."""
    logger = logging.getLogger("adapool")
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("adapool: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _Progress:
    """A bar with the time that is left in a terminal; elsewhere a line for each file."""

    def __init__(self, total: int, label: str) -> None:
        self.total, self.done, self.label = total, 0, label

    def __enter__(self) -> _Progress:
        try:
            from tqdm import tqdm  # type: ignore[import-untyped]
            from tqdm.contrib import DummyTqdmFile  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise CommandError(f"files need tqdm: {_install.command('files')}") from error
        self._left = contextlib.ExitStack()
        self.bar = tqdm(
            total=self.total, desc=f"adapool {self.label}", unit="file", disable=None, leave=False,
            file=sys.stderr,
        )  # fmt: skip
        self._left.callback(self.bar.close)
        if not self.bar.disable:  # what others print, such as what is compiled, goes above the bar
            self._left.enter_context(contextlib.redirect_stderr(DummyTqdmFile(sys.stderr)))
        return self

    def __exit__(self, *_: object) -> None:
        self._left.close()

    def step(self, outcome: Outcome) -> None:
        """Tell that a file is done."""
        self.done += 1
        if outcome.error is not None:
            self.say(f"adapool: skipped {outcome.path}: {outcome.error}")
        for note in outcome.notes:
            self.say(f"adapool: {note}")
        if self.bar.disable and outcome.error is None:
            took = f"{outcome.seconds:.1f} s"
            self.say(f"adapool: {self.done} of {self.total}: {outcome.path}, {took}")
        self.bar.update()

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        print(line, file=sys.stderr)
