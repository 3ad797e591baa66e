"""The notebooks hold no results and are on the site; `test_site.py` runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(ROOT.joinpath("notebooks").glob("*.ipynb"))
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text())
    return notebook


def test_there_is_a_notebook_for_each_method() -> None:
    assert {path.stem for path in NOTEBOOKS} >= {"attention", "dynamic", "deformable", "peaks"}


def test_the_site_lists_all_notebooks_and_no_other() -> None:
    index = ROOT.joinpath("docs", "index.md").read_text()
    toctrees = re.findall(r"^```\{toctree\}\n(.*?)^```", index, re.DOTALL | re.MULTILINE)
    listed = re.findall(r"^notebooks/(\S+)$", "\n".join(toctrees), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in NOTEBOOKS]


@each_notebook
def test_nothing_of_a_run_is_stored(path: Path) -> None:
    notebook = read(path)
    # Whoever runs a notebook and saves it gets here; outputs are made when the site is built.
    assert notebook["metadata"] == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}, cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], cell["id"]
            assert cell["execution_count"] is None, cell["id"]


@each_notebook
def test_links_lead_to_files_of_the_repository(path: Path) -> None:
    """`docs/conf.py` takes ../docs/page.md to the page of the site."""
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    for link in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in link:
            assert path.parent.joinpath(link).is_file(), link
