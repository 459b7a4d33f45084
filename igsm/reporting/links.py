"""Links from the page to the files that its numbers come from."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote


def link(target: Path, folder: Path) -> str:
    """Relative address of ``target`` on a page in ``folder``, for as long as both keep their places."""
    relative = os.path.relpath(os.path.abspath(target), os.path.abspath(folder))
    return "/".join(quote(part, safe="") for part in relative.split(os.sep))
