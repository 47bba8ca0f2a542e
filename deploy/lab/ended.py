"""`python -m deploy.lab.ended TICKET NUMBER EXIT-CODE`: a host's keeper runs this when the host ended by itself."""

import sys
from pathlib import Path

from deploy.errors import StackproofError
from deploy.lab import container, power, room


def main(ticket: str, number: str, code: str) -> int:
    """Clean up after the host, or boot it again; return 1 where that fails, with the reason on the host's console."""
    try:
        cluster = room.current()
        if cluster is not None:
            node = cluster.node(Path(ticket).parent.name)
            power.ended(cluster, node, number, reboot=int(code) == container.REBOOT)
    except StackproofError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
