"""The hosts file: names and addresses a host knows without DNS."""

from deploy.host import Reads


def read(host: Reads) -> dict[str, tuple[str, ...]]:
    """Return the addresses of each name in /etc/hosts."""
    return parse(host.run("cat /etc/hosts").out)


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Parse lines of an address and its names (hosts(5))."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found[name] = (*found.get(name, ()), address)
    return found
