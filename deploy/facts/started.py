"""Started: how often libvirt has started a domain on a host, by QEMU's log of the domain, which outlives it."""

from deploy.host import Reads

_COUNT = "cat /var/log/libvirt/qemu/%s.log 2>/dev/null | grep -c ': starting up libvirt version'; :"


def read(host: Reads, domain: str) -> int:
    """Return the number of starts in the log, those for an incoming migration among them; 0 where there is no log."""
    return parse(host.check(_COUNT, domain, timeout=20))


def parse(text: str) -> int:
    """Parse the number of lines; 0 for any other text."""
    return int(text) if text.strip().isdigit() else 0
