"""Base: names, kernel settings, time, and the tools every host needs."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from deploy.catalogue import Project, packages
from deploy.defect import Defect
from deploy.errors import StepFailed
from deploy.facts import defects
from deploy.finding import Finding
from deploy.host import STATE, Host
from deploy.making import amiss as findings
from deploy.making import install, ordinary, roll, start
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step

SYSCTL = "/etc/sysctl.d/90-stackproof.conf"


def prepare(site: Site) -> None:
    """Every host answers, and nobody else holds the VIP: looked at before anything is touched."""
    addresses = site.hosts.each(lambda host: host.check("ip -4 -o addr show").split())
    vip = site.cluster.vip
    if vip is None or any(f"{vip}/" in word for words in addresses.values() for word in words):
        return
    if _somebody_has(str(vip)):
        raise StepFailed(
            f"the VIP {vip} is taken",
            expected="an address that nobody answers at, until Pacemaker sets it",
            seen=f"a machine answers at {vip}, and it is no controller",
            hint="name another cluster.vip in the inventory, or take the machine that has it off the network",
        )


def _somebody_has(address: str) -> bool:
    """True when a machine answers there: even a refused connection is an answer. Needs no right and no tool."""
    try:
        socket.create_connection((address, 22), timeout=1.5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def apply(site: Site, host: Host) -> None:
    """Packages and files; then what the kernel must be told now and not at the next boot."""
    # All of the host's packages in one go: ten runs of the package manager would cost ten times its start.
    host.install(packages(site.catalogue.on(host.node)))
    for defect in defects.left(host, defects.known(site.platform, site.catalogue)):
        mend(site, host, defect)
    written = install.install(site, host, "base")
    if "/etc/hostname" in written:
        host.script("hostname -F /etc/hostname")
    if f"{SYSCTL}" in written or not _kernel_agrees(host):
        host.change("set kernel parameters", f"modprobe -aq br_netfilter vxlan || true; sysctl -q -p {SYSCTL}")
    start.start(site, host, "base")


_MEND = """set -eu
mkdir -p {state}/pending
cd {state}/pending
touch -- . {units}
new=$(mktemp {path}.XXXXXX)
trap 'rm -f "$new"' EXIT
cp -p -- {path} "$new"
awk 'BEGIN {{ line = ARGV[1]; mended = ARGV[2]; ARGV[1] = ARGV[2] = "" }} {{ print $0 == line ? mended : $0 }}' \\
  {line} {mended} {path} > "$new"
mv -f -- "$new" {path}
"""


def mend(site: Site, host: Host, defect: Defect) -> None:
    """Put the right line in the place of the wrong one; the steps of what runs it restart that."""
    there = {service.unit for service in site.catalogue.on(host.node)}
    units = [unit for unit in defect.units if unit in there]
    lines = {"path": quote(defect.path), "line": quote(defect.line), "mended": quote(defect.mended)}
    script = _MEND.format(state=STATE, units=" ".join(map(quote, units)), **lines)
    host.change(f"mended {defect.path}", script)


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Hosts that do not answer, know themselves by another name, or whose kernel does not do what the file says."""
    for name, told in now.each(now.site.hosts, _identity).items():
        hostname, *agrees = told.split() or [""]
        if hostname != name:
            yield Finding(f"calls itself {hostname}", name, final=True)
        if not agrees:
            yield Finding(f"kernel parameters differ from {SYSCTL}", name, hint=f"sysctl -p {SYSCTL} there", final=True)
    # A host that does not answer now keeps the plan from all later steps: they are not made to wait for it.
    yield from (replace(found, final=True) for found in now.unread())
    yield from findings.ordinary(now, "base")


_AGREES = (
    f"[ -s {SYSCTL} ] && grep -v '^#' {SYSCTL} | tr -d ' ' | while IFS== read -r key value; do"
    ' [ "$(sysctl -n "$key")" = "$value" ] || exit 1; done'
)
"""Every line of our sysctl file is what the kernel has."""


def _kernel_agrees(host: Host) -> bool:
    return host.run(_AGREES).ok


def _identity(host: Host) -> str:
    """What the host calls itself, then `agrees` where its kernel does."""
    return host.check(f"hostname; if {_AGREES}; then echo agrees; fi")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project, roles, prepare=prepare, apply=apply, complete=lambda site: roll.roll(site, "base"), amiss=amiss
    )
