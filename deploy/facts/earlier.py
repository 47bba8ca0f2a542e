"""Earlier versions: the files that their builds wrote on a host, and that no build writes any more."""

from collections.abc import Sequence

from deploy.facts.ended import END, whole
from deploy.host import Reads


def left(host: Reads, paths: Sequence[str]) -> list[str]:
    """Return those of the paths that exist on that host; CommandFailed where it does not answer to the end."""
    if not paths:
        return []
    ask = f'for path; do if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi; done; echo {END}'
    out = host.check("exec sh -s --" + " %s" * len(paths), *paths, stdin=ask)
    return whole(host, "files of earlier versions", out).splitlines()
