"""What the README and the pages of the site show runs as it stands.

A page runs from top to bottom, in one namespace and an empty folder. Those with code cells run
where the site is built: see `test_site.py`.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import pytest

import interpreter

ROOT = Path(__file__).parents[1]

# What a page needs beyond the extra `test`.
FRAMEWORKS = {
    "frameworks": ("keras", "onnxruntime", "skl2onnx", "torch"),
    "torch": ("torch",),
    "jax": ("jax",),
}

# Shown with GPU arrays, and so run in numba's simulator, which a process has from its start.
SIMULATED = ("cuda",)


def pages() -> list[Path]:
    docs = ROOT / "docs"
    made = ("generated", "notebooks")
    found = [page for page in docs.rglob("*.md") if page.relative_to(docs).parts[0] not in made]
    return [ROOT / "README.md", *sorted(found)]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def test_the_first_two_commands_of_the_readme_are_a_line_each() -> None:
    first, second = blocks(ROOT / "README.md", "sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert "adapool demo" in first
    assert "pytest" in second


def test_every_language_is_known() -> None:
    """A block in a language that is not run here would never be found wrong."""
    for page in pages():
        shown = set(re.findall(r"^```(\w\S*)", page.read_text(), re.MULTILINE))
        assert shown <= {"python", "sh", "text"}, page


def test_pages_with_cells_leave_nothing_aside() -> None:
    """Of a page that the site's build runs, it runs the cells alone."""
    for page in pages():
        assert not ("```{code-cell}" in page.read_text() and blocks(page, "python")), page


def test_files_that_contributors_are_sent_to_exist() -> None:
    package = ROOT / "adapool"
    inside = [package, package / "_checks", package / "_plans"]
    folders = [ROOT, *inside, ROOT / "docs", ROOT / "tests", ROOT / "tests/quality"]
    page = (ROOT / "docs/contributing.md").read_text()
    named = set(re.findall(r"`([\w./]+(?:\.pyi?|\.md|/))`", page))
    # What is made on the way: a new method, wheels brought along.
    named -= {"adapool/minimum.py", "adapool/cpu/fixed/minimum.py", ".whl/"}
    assert len(named) > 50
    assert [name for name in named if not any((f / name).exists() for f in folders)] == []


# Keras on torch makes arrays in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning:keras"
)
@pytest.mark.parametrize(
    "page",
    [page for page in pages() if blocks(page, "python")],
    ids=lambda page: str(page.relative_to(ROOT).with_suffix("")),
)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in FRAMEWORKS.get(page.stem, ()):
        # Not imported here: Keras would look for a backend before the page has named one.
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: docs/contributing.md says what brings it")
    code = blocks(page, "python")
    monkeypatch.chdir(tmp_path)
    if page.stem in SIMULATED:
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        interpreter.run("\n".join(code), NUMBA_ENABLE_CUDASIM="1", PYTHONPATH=paths)
        return
    scope: dict[str, Any] = {}
    for number, block in enumerate(code, 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), scope)
