"""What the README shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_first_two_commands_are_a_line_each() -> None:
    first, second = blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "adapool demo" in first
    assert "pytest" in second


def test_python_runs_from_top_to_bottom() -> None:
    scope: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), scope)
    assert scope["sites"].to_map().shape == scope["image"].shape
