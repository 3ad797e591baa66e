"""How an extra is installed, by how adapool itself was."""

from __future__ import annotations

import importlib.metadata
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parents[1]


def command(extra: str) -> str:
    """Return the command that installs an extra from where adapool came from."""
    # Several, where Python runs in the folder of a clone: building left a description there.
    found = importlib.metadata.distributions(name="adapool")
    written = next(filter(None, (each.read_text("direct_url.json") for each in found)), None)
    if written is None and (_HERE / "setup.cfg").exists():  # nothing but a clone
        return _from_folder(_HERE, extra, editable=False)
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
