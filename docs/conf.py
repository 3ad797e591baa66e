"""How the site is built: ``python -m sphinx -W docs build/site``, after ``.[docs]``."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import adapool

# A page shows what its cells give, and not that something was compiled for it once.
os.environ["ADAPOOL_QUIET"] = "1"

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))

project = "adapool"
author = "the adapool developers"
version = release = adapool.__version__

extensions = [
    "mathml",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_extensions", "_templates"]
templates_path = ["_templates"]
nitpicky = True  # a reference to nothing is a warning, and so an error
# Other libraries are named, and not linked: their inventories would be fetched at each build.
nitpick_ignore_regex = [("py:.*", r"(dask|matplotlib|numpy|scipy|skimage|torch)\..*")]

# --- pages --------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

# Pages with code cells, and notebooks, are run while the site is built; an error in one fails it.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "warn"
nb_merge_streams = True
# Sphinx takes sources from this folder alone: notebooks are copied, and those of a former build,
# one of which may have another name now, are not kept.
shutil.rmtree(DOCS / "notebooks", ignore_errors=True)
shutil.copytree(DOCS.parent / "notebooks", DOCS / "notebooks", ignore=shutil.ignore_patterns(".*"))


def setup(app: Any) -> None:
    """Let links of notebooks to pages lead there: in the repository, pages are in ../docs."""

    def rewrite(_: Any, page: str, source: list[str]) -> None:
        if page.startswith("notebooks/"):
            source[0] = source[0].replace("](../docs/", "](../")

    app.connect("source-read", rewrite)


# --- reference ----------------------------------------------------------------------------------

autosummary_generate = True
# Of what layers and named tuples inherit, torch and Python have pages.
autodoc_default_options = {"members": True, "inherited-members": "Module, tuple"}
# The reference of `adapool.torch` can be made without torch, which is large.
autodoc_mock_imports = [] if importlib.util.find_spec("torch") else ["torch"]
autodoc_typehints = "none"  # numpydoc's sections have the types
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "code"  # names in docstrings, most of which are those of other libraries

# --- appearance ---------------------------------------------------------------------------------

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "adapool"
html_static_path = ["_static"]
html_css_files = ["adapool.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
copyright = "the adapool developers, BSD-3-Clause"
