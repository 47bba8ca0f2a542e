"""SSH servers: the key a host has, and those it is shown by others."""

from collections.abc import Iterable

from deploy.host import Reads

_OWN = "cat /etc/ssh/ssh_host_ed25519_key.pub"


def own_key(host: Reads) -> str:
    """The Ed25519 key that the host's own server shows."""
    return " ".join(host.check(_OWN).split()[:2])


def shown_keys(host: Reads, addresses: Iterable[object]) -> dict[str, str]:
    """The Ed25519 key that a host is shown at each address, within three seconds; who shows none is not in it."""
    wanted = [str(address) for address in addresses]
    return parse(host.run("ssh-keyscan -T 3 -t ed25519" + " %s" * len(wanted), *wanted).out)


def parse(text: str) -> dict[str, str]:
    """What ssh-keyscan(1) prints."""
    rows = (line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))
    return {address: key.strip() for address, key in rows}
