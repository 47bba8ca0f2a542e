"""Guarded: owners and modes of a folder and of what lies directly in it."""

from dataclasses import dataclass
from functools import lru_cache

from deploy.facts.ended import END, whole
from deploy.host import Reads


@dataclass(frozen=True)
class Entry:
    """One file or folder. `owner` is `user:group`, `mode` the permission bits."""

    owner: str
    mode: int


def read(host: Reads, folder: str) -> dict[str, Entry]:
    """Return the folder and its entries by path; links are left out. CommandFailed where there is no such folder."""
    text = host.check("find %s -maxdepth 1 ! -type l -printf '%%u:%%g %%m %%p\\n' && echo " + END, folder)
    return parse(whole(host, f"owners in {folder}", text))


@lru_cache(maxsize=32)  # several checks read the same answer
def parse(text: str) -> dict[str, Entry]:
    """Parse lines of owner, mode in octal digits, and path."""
    rows = (line.split(" ", 2) for line in text.splitlines() if line.count(" ") >= 2)
    return {path: Entry(owner, int(mode, 8)) for owner, mode, path in rows}
