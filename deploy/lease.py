"""The lease: one run at a time may change a cluster, from whatever runner.

It is a file on every controller. A run takes it on all controllers that answer, and gives it back at its end.
"""

import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.errors import CommandFailed, HostUnreachable, StackproofError
from deploy.host import STATE, Host
from deploy.journal import JOURNAL
from deploy.site import Site

PATH = f"{STATE}/lease"
HINT = "wait until it ends; if it ended without giving the lease back: python -m deploy lease --break='{owner}'"


def _machine() -> str:
    """Return a text that processes which see each other share: the boot of a machine, and its process namespace."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _begin(pid: int) -> str:
    """Return when a process began, in clock ticks since the boot; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


@dataclass(frozen=True)
class Lease:
    """Who may change the cluster, and for what. `since`: Unix time on the owner's clock."""

    what: str
    owner: str = field(default_factory=lambda: f"{getpass.getuser()}@{socket.gethostname()}")
    since: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    machine: str = field(default_factory=_machine)
    pid: int = field(default_factory=os.getpid)
    began: str = field(default_factory=lambda: _begin(os.getpid()))

    @property
    def is_over(self) -> bool:
        """True where its process was one of this machine, and has ended."""
        return self.machine == _machine() and _begin(self.pid) != self.began

    def __str__(self) -> str:
        minutes = max(0, time.time() - self.since) / 60
        return f"{self.what} by {self.owner}, process {self.pid}, for {minutes:.0f} min"


def parse(text: str) -> Lease | None:
    """Parse a lease's file; None where the text is none."""
    try:
        return Lease(**json.loads(text))
    except (ValueError, TypeError):
        return None


@contextmanager
def held(site: Site, what: str) -> Iterator[None]:
    """Hold the cluster's lease; StackproofError names the run that has it. `what`: build, drill, recovery or heal."""
    lease = Lease(what)
    _take(site, lease)
    try:
        yield
    finally:
        _give_back(site, lease.token)


def read(site: Site) -> dict[str, Lease]:
    """Return the leases by controller; controllers without one, and those that do not answer, are left out."""
    found = site.controllers.each(_there)
    return {name: lease for name, lease in found.items() if lease}


def end(site: Site, owner: str) -> list[str]:
    """Remove the leases of that owner; return the controllers. For an owner that ended without giving it back."""
    ended = [(name, lease) for name, lease in read(site).items() if lease.owner == owner]
    for name, lease in ended:
        site.hosts[name].check(_REMOVE, lease.token)
        JOURNAL.emit("change", f"removed the lease of {lease}", host=name)
    return [name for name, _ in ended]


def _take(site: Site, lease: Lease) -> None:
    text = json.dumps(asdict(lease))
    others = _others(site, lease, text)
    if over := {name: other for name, other in others.items() if other.is_over}:
        # Its run was killed. Whatever that run left is found by the gate of drills, and by the steps of a build.
        for name, other in over.items():
            site.hosts[name].check(_REMOVE, other.token)
        others = _others(site, lease, text)
    if not others:
        return
    _give_back(site, lease.token)
    name, other = next(iter(others.items()))
    raise StackproofError(
        f"another run is at work on cluster {site.cluster.name}",
        expected="one run at a time",
        seen=f"{other} (lease on {name})",
        hint=HINT.format(owner=other.owner),
    )


def _others(site: Site, lease: Lease, text: str) -> dict[str, Lease]:
    """Take the lease on every controller; return those of others that are in the way, by controller."""
    there = site.controllers.each(lambda host: _taken(host, text))
    return {name: other for name, other in there.items() if other and other.token != lease.token}


def _taken(host: Host, text: str) -> Lease | None:
    """Take the lease on one controller; return the lease that is there then, None where the controller is silent."""
    try:
        return parse(host.check("exec sh -c %s", _TAKE, stdin=text, timeout=30))
    except HostUnreachable:
        return None


def _there(host: Host) -> Lease | None:
    with suppress(HostUnreachable):
        return parse(host.check(f"cat {PATH} 2>/dev/null || :", timeout=30))
    return None


def _give_back(site: Site, token: str) -> None:
    def remove(host: Host) -> None:
        with suppress(HostUnreachable, CommandFailed):
            host.check(_REMOVE, token, timeout=30)

    site.controllers.each(remove)


# A hard link is made only where no file of that name exists. So of two runs one gets it, and no reader meets half of
# it.
_TAKE = f"""set -eu
(umask 022; mkdir -p {STATE})
new=$(mktemp {PATH}.XXXXXX)
trap 'rm -f "$new"' EXIT
cat > "$new"
ln "$new" {PATH} 2>/dev/null || :
cat {PATH}
"""
_REMOVE = f"if grep -qsF %s {PATH}; then rm -f {PATH}; fi"
