"""Usage: the parser, which advises on what it does not know, and values that are no words."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import re
from collections.abc import Callable
from typing import Any, NoReturn

Commands = Any  # argparse names the type of its subparsers in private alone


class CommandError(Exception):
    """What went wrong, in one line."""


class Parser(argparse.ArgumentParser):
    """A parser whose help keeps its lines, and whose errors name what may have been meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2, and say what may have been meant."""
        super().error(message + self._advice(message))

    def _advice(self, message: str) -> str:
        unknown = re.search(r"unrecognized arguments:.*?(--[\w-]+)", message)
        if unknown:
            return _meant(unknown[1], self._all_options())
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            return _meant(choice[1], re.findall(r"[\w-]+", choice[2]))
        return ""

    def _all_options(self) -> list[str]:
        """Return the options of this command and of those under it."""
        found = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for parser in action.choices.values():
                    found += parser._option_string_actions
        return found


def _meant(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def positive(text: str) -> float:
    """Return a number above 0."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number above 0, got {text}")


def count(text: str) -> int:
    """Return a whole number from 1 on."""
    with contextlib.suppress(ValueError):
        if int(text) >= 1:
            return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text}")


def each_axis(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Return what makes numbers of ``2,0.5,0.5``, or one of ``2``."""

    def parse(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(","))
        except argparse.ArgumentTypeError as error:
            wanted, _, _ = str(error).partition(", got ")
            raise argparse.ArgumentTypeError(
                f"{wanted}, or several with commas between them, got {text}"
            ) from None

    return parse
