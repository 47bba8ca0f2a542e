"""Names: the addresses a host finds for them, wherever it looks."""

from collections.abc import Iterable

from deploy.host import Reads

_ASK = """for name in "$@"; do echo "$name" $(getent ahostsv4 "$name" | sed -n 's/ *STREAM.*//p'); done
"""


def resolved(host: Reads, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """The IPv4 addresses of each name."""
    wanted = list(names)
    return parse(host.check("exec sh -s --" + " %s" * len(wanted), *wanted, stdin=_ASK))


def parse(text: str) -> dict[str, frozenset[str]]:
    """Lines of a name and its addresses."""
    words = [line.split() for line in text.splitlines() if line.strip()]
    return {name: frozenset(addresses) for name, *addresses in words}
