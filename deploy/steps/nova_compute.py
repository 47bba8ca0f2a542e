"""Computes: a trial boot finds the virtualisation that works, libvirt gets the keys of Ceph, Nova maps the host."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from deploy import cloud, guest, paths
from deploy.catalogue import Project
from deploy.errors import StepFailed
from deploy.facts import computes, libvirt_secrets
from deploy.facts.compute import hypervisors
from deploy.finding import Finding
from deploy.host import Host, Hosts
from deploy.making import amiss as findings
from deploy.making import install, ordinary, queue, roll, virt
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

REGISTER = 120.0
"""Seconds until nova-compute has reported to the conductor and to Placement."""

_LOCAL = "find /var/lib/nova/instances -mindepth 2 -maxdepth 2 -name disk 2>/dev/null || :"
_GIVE = "virsh -q secret-define {files}.xml >/dev/null; virsh -q secret-set-value {uuid} --file {files}.key >/dev/null"


def prepare(site: Site) -> None:
    """Install packages, QEMU among them, then run the trial boot of each compute."""
    hosts = site.members("nova-compute")
    if "ceph" in site.cluster.features:
        _without_local_disks(hosts)
    hosts.each(lambda host: install.add(site, host, site.services("nova-compute", host.node)))
    virt.find(site, guest.obtain(site.cluster.image, paths.cache()))
    site.found.take(computes.read(hosts, hosts.each))


def _without_local_disks(hosts: Hosts) -> None:
    """Refuse computes with instances whose root disks are files: after the change Nova would not find those disks."""
    found = hosts.each(lambda host: host.check(_LOCAL).split())
    if local := {name: [path.split("/")[-2] for path in there] for name, there in found.items() if there}:
        raise StepFailed(
            "instances have their root disks on computes, and Nova would look for those in Ceph from now on",
            expected="no file /var/lib/nova/instances/<UUID>/disk",
            seen="; ".join(f"{name}: {', '.join(sorted(each))}" for name, each in sorted(local.items())),
            hint="no disk was touched: `openstack server shelve` each, build again, then `openstack server unshelve`",
        )


def apply(site: Site, host: Host) -> None:
    """Install, start what does not run, and give libvirt the keys of Ceph."""
    install.apply(site, host, "nova-compute")
    if "ceph" in site.cluster.features:
        _give(host, libvirt_secrets.clients(site.catalogue, site.secrets))


def _give(host: Host, clients: Mapping[str, str]) -> None:
    for name, state in libvirt_secrets.read(host, clients).items():
        if state != libvirt_secrets.SAME:
            script = _GIVE.format(files=f"{libvirt_secrets.FOLDER}/{name}", uuid=shlex.quote(clients[name]))
            host.change(f"gave libvirt the key of client.{name}", script)


def complete(site: Site) -> None:
    """Map new computes into the cell once they have reported."""
    roll.roll(site, "nova-compute")
    queue.retire(site)
    names = set(site.members("nova-compute"))
    with cloud.explained("reading the compute services"), cloud.connect(site) as session:
        until(
            lambda: {entry.host for entry in session.compute.services(binary="nova-compute") if entry.state == "up"},
            ready=lambda up: names <= up,
            timeout=REGISTER,
            interval=1,
            what="nova-compute services",
            expected=f"up on {', '.join(sorted(names))}",
            hint="journalctl -u nova-compute on the missing hosts",
        )
        known = hypervisors(session).keys() if names else set()
    if not names <= known:
        _discover(site)


def _discover(site: Site) -> None:
    site.members("nova-conductor").first.change(
        "mapped new computes into cell1",
        "su -s /bin/sh -c 'nova-manage cell_v2 discover_hosts' nova",
        timeout=120,
    )


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield computes that do not run or do not report, and hypervisors that the scheduler cannot use."""
    well = True
    for found in findings.ordinary(now, "nova-compute"):
        well = False
        yield found
    names = sorted(now.site.members("nova-compute"))
    if not names or not well:  # a hypervisor is down in Nova whenever its nova-compute is
        return
    states = _hypervisors(now)
    for name in names:
        if states.get(name) != "up":
            yield Finding(
                f"its hypervisor is {states.get(name, 'unknown')} in Nova",
                name,
                now.site.catalogue["nova-compute"].unit,
                hint=f"nova-manage cell_v2 discover_hosts; journalctl -u nova-compute on {name}",
            )


def _hypervisors(now: Snapshot) -> dict[str, str]:
    with cloud.explained("reading the hypervisors"):
        return hypervisors(now.opened("administrator", lambda: cloud.connect(now.site)))


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project,
        roles,
        prepare=prepare,
        apply=apply,
        complete=complete,
        amiss=amiss,
        settles=START + REGISTER,
    )
