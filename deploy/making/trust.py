"""Trust: certificates of authorities that files of ours bring become part of a host's bundle of trusted ones."""

from collections.abc import Iterable

from deploy.host import Host
from deploy.platforms import Platform
from deploy.render import Rendered

# The bundle holds the text of each file, so a run that was killed between file and bundle is completed by the next one.
_KNOWN = """\
import sys
bundle = open(sys.argv[1]).read()
sys.exit(any(open(path).read().strip() not in bundle for path in sys.argv[2:]))
"""


def ensure(host: Host, platform: Platform, files: Iterable[Rendered]) -> None:
    """Make the host trust the authorities among those files of it."""
    folder = f"{platform.paths['authorities']}/"
    paths = [file.path for file in files if file.path.startswith(folder)]
    if not paths:
        return
    words = platform.paths["trust-store"], *paths
    if not host.run("exec python3 - %s" + " %s" * len(paths), *words, stdin=_KNOWN).ok:
        host.change("trusted the authorities of the power devices", platform.names["trust"], timeout=60)
