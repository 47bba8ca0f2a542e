"""Base: host names, kernel parameters, time, and packages on every host."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from shlex import quote

from deploy.catalogue import Project, packages
from deploy.defect import Defect
from deploy.errors import StepFailed
from deploy.facts import defects
from deploy.facts import firewall as filters
from deploy.finding import Finding
from deploy.host import STATE, Host
from deploy.making import amiss as findings
from deploy.making import firewall, idle, install, ordinary, roll, start
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step

SYSCTL = "/etc/sysctl.d/90-stackproof.conf"


def prepare(site: Site) -> None:
    """Check, before any change, that every host answers and that no other machine has the VIP; then open the way out.

    Hosts without a way of their own get their packages through it.
    """
    _check(site)
    if way_out := site.cluster.options.way_out:
        apply(site, site.hosts[way_out])


def _check(site: Site) -> None:
    addresses = site.hosts.each(lambda host: host.check("ip -4 -o addr show").split())
    vip = site.cluster.vip
    if vip is None or any(f"{vip}/" in word for words in addresses.values() for word in words):
        return
    if _answers_at(str(vip)):
        raise StepFailed(
            f"the VIP {vip} is taken",
            expected="no answer at the address until Pacemaker sets it",
            seen=f"a machine that is no controller answers at {vip}",
            hint="set another cluster.vip in the inventory, or remove the machine with that address from the network",
        )


def _answers_at(address: str) -> bool:
    """True where a machine answers at the address within 1.5 s; a refused connection is an answer too."""
    try:
        socket.create_connection((address, 22), timeout=1.5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def apply(site: Site, host: Host) -> None:
    """Install packages and files; then apply host name and kernel parameters, which otherwise wait for a reboot."""
    # One run of the package manager for all of the host's packages: each run costs its start-up time.
    host.install(packages(site.catalogue.on(host.node)))
    idle.disable(site, host)
    for defect in defects.left(host, defects.known(site.platform, site.catalogue)):
        mend(site, host, defect)
    written = install.install(site, host, "base")
    if "/etc/hostname" in written:
        host.script("hostname -F /etc/hostname")
    if f"{SYSCTL}" in written or not _kernel_agrees(host):
        host.change("set kernel parameters", f"modprobe -aq br_netfilter vxlan || true; sysctl -q -p {SYSCTL}")
    if filters.FILE in written or filters.read(host).differences:
        firewall.load(host)
    if site.cluster.encrypted:
        trust(site, host)
    start.start(site, host, "base")
    rotate(host, site.platform.names["rotation"])


def trust(site: Site, host: Host) -> None:
    """Let every program of the host trust what verifies the VIP's certificate."""
    ours, everybodys = site.platform.paths["trusted"], site.platform.paths["trust-store"]
    if not host.run(_TRUSTED, ours, everybodys).ok:
        host.change("made the system trust the VIP's certificates", site.platform.names["trust"])


# The second line of a certificate in PEM holds its serial number.
_TRUSTED = 'f=%s; grep -qxF -- "$(sed -n 2p "$f")" %s'


def rotate(host: Host, timer: str) -> None:
    """Start and enable the timer that rotates logs: nothing starts while packages are installed."""
    if not host.run("systemctl -q is-enabled %s && systemctl -q is-active %s", timer, timer).ok:
        host.change(f"started {timer}", f"systemctl enable -q --now {quote(timer)}")


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
    """Replace the wrong line of a defect, and mark its units for a restart, which their steps then do."""
    there = {service.unit for service in site.catalogue.on(host.node)}
    units = [unit for unit in defect.units if unit in there]
    lines = {"path": quote(defect.path), "line": quote(defect.line), "mended": quote(defect.mended)}
    script = _MEND.format(state=STATE, units=" ".join(map(quote, units)), **lines)
    host.change(f"mended {defect.path}", script)


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield hosts that do not answer, have another host name, or have other kernel parameters than the file."""
    for name, output in now.each(now.site.hosts, _identity).items():
        hostname, *agrees = output.split() or [""]
        if hostname != name:
            yield Finding(f"calls itself {hostname}", name, final=True)
        if not agrees:
            yield Finding(f"kernel parameters differ from {SYSCTL}", name, hint=f"sysctl -p {SYSCTL} there", final=True)
    for name, rules in now.each(now.site.hosts, filters.read).items():
        if rules.differences:
            hint = f"nft list table {filters.TABLE} there; a build loads the rules again"
            yield Finding(f"its packet filter differs from {filters.FILE}", name, hint=hint, final=True)
    # An unreachable host fails this step at once, so that no later step waits for it.
    yield from (replace(found, final=True) for found in now.unread())
    yield from findings.ordinary(now, "base")


_AGREES = (
    f"[ -s {SYSCTL} ] && grep -v '^#' {SYSCTL} | tr -d ' ' | while IFS== read -r key value; do"
    ' [ "$(sysctl -n "$key")" = "$value" ] || exit 1; done'
)
"""Shell command that succeeds where the kernel has every value of the sysctl file."""


def _kernel_agrees(host: Host) -> bool:
    return host.run(_AGREES).ok


def _identity(host: Host) -> str:
    """Return the host name, followed by `agrees` where the kernel has the file's parameters."""
    return host.check(f"hostname; if {_AGREES}; then echo agrees; fi")


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project, roles, prepare=prepare, apply=apply, complete=lambda site: roll.roll(site, "base"), amiss=amiss
    )
