"""What type checkers know of the public functions: their keywords, and what they return."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_overloads

import pytest

import adapool

ROOT = Path(__file__).parents[1]
TYPED = [
    adapool.max_pooling,
    adapool.attention_pooling,
    adapool.dynamic_pooling,
    adapool.dynamic_stride_pooling,
    adapool.region_pooling,
    adapool.deformable_conv,
    adapool.deformable_conv_and_pool,
    adapool.peak_local_max,
]


@pytest.mark.slow
def test_a_script_of_a_user_is_typed(tmp_path: Path) -> None:
    """As strictly as a user may ask, without this project's settings."""
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--config-file={os.devnull}",
         "--follow-imports=silent", f"--cache-dir={tmp_path}", ROOT / "tests/typing_example.py"],
        capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)}, cwd=tmp_path,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_adapool_says_that_it_is_typed() -> None:
    assert Path(adapool.__file__).with_name("py.typed").exists()


@pytest.mark.parametrize("function", TYPED)
def test_signatures_for_type_checkers_have_the_arguments_of_the_function(function: Any) -> None:
    documented = inspect.signature(function)
    overloads = get_overloads(inspect.unwrap(function))
    assert overloads
    for each in overloads:
        signature = inspect.signature(each, eval_str=True)
        options = signature.parameters["options"].annotation.__args__[0]
        named = {name for name in signature.parameters if name != "options"}
        keywords = set(options.__optional_keys__)
        assert named.isdisjoint(keywords)
        assert named | keywords == set(documented.parameters)
