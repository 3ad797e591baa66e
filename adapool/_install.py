"""How an extra is installed, by how adapool itself was."""

from __future__ import annotations

import importlib.metadata
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


def command(extra: str) -> str:
    """Return the command that installs an extra from where adapool came from."""
    try:
        written = importlib.metadata.distribution("adapool").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:  # run from its folder
        return _from_folder(Path(__file__).parents[1], extra, editable=False)
    if written is None:  # from an index
        return f"pip install 'adapool[{extra}]'"
    about: dict[str, Any] = json.loads(written)  # PEP 610
    url = urllib.parse.urlsplit(about["url"])
    if url.scheme == "file" and "dir_info" in about:
        folder = Path(urllib.request.url2pathname(url.path))
        return _from_folder(folder, extra, about["dir_info"].get("editable", False))
    kind = about.get("vcs_info", {}).get("vcs")
    address = f"{kind}+{about['url']}" if kind else about["url"]
    return f"pip install 'adapool[{extra}] @ {address}'"


def _from_folder(folder: Path, extra: str, editable: bool) -> str:
    if not (folder / "setup.cfg").exists():  # it has moved
        return f"in the folder of adapool, pip install '.[{extra}]'"
    return f"pip install {'-e ' if editable else ''}'{folder}[{extra}]'"
