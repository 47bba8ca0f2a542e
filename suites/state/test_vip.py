"""VIP: on exactly one host, started there by Pacemaker, with a running HAProxy; neighbours map it to that host."""

import pytest

from deploy.facts import interfaces, neighbours, pacemaker, systemd
from deploy.facts.members import most
from deploy.facts.pacemaker import Configuration

pytestmark = pytest.mark.needs("ha")

LOOK = "ip address, crm_mon -1"


def holders(everywhere, cluster):
    """The members of Pacemaker with the VIP on an interface."""
    return [
        name
        for name, links in everywhere(interfaces.read, service="pacemaker").items()
        if interfaces.holder(links, str(cluster.vip))
    ]


def placed(everywhere, cluster, expect):
    """The hosts on which Pacemaker runs the VIP, by the majority of members; red where no member answers."""
    configured = most(everywhere(pacemaker.configuration, service="pacemaker").values(), Configuration())
    expect.known("Pacemaker's configuration", configured, "cibadmin --query")
    views = [view for view in everywhere(pacemaker.status, service="pacemaker").values() if view.online]
    name = configured.of_kind("ocf:heartbeat:IPaddr2", ip=str(cluster.vip))
    return most((view.running.get(name, ()) for view in expect.known("Pacemaker's status", views, "crm_mon -1")), ())


def test_exactly_one_controller_has_the_vip(everywhere, cluster, expect):
    found = holders(everywhere, cluster)
    expect.that(f"hosts with {cluster.vip}", len(found) == 1, seen=found, expected="exactly one", look=LOOK)


def test_controller_has_the_vip_only_if_pacemaker_started_it_there(everywhere, cluster, pacemaker_host, expect):
    has_it = pacemaker_host.name in holders(everywhere, cluster)
    expect(
        f"{cluster.vip} is on this host",
        has_it,
        pacemaker_host.name in placed(everywhere, cluster, expect),
        f"{LOOK}: Pacemaker does not remove an address that was set by hand",
    )


def test_vip_is_on_the_interface_of_its_network(everywhere, cluster, expect):
    by_host = everywhere(interfaces.read, service="pacemaker")
    names = {interfaces.holder(links, str(cluster.vip)) for links in by_host.values()} - {""}
    expect(f"interfaces with {cluster.vip}", names, {cluster.network("public").interface}, LOOK)


def test_haproxy_runs_on_the_vip_holder(everywhere, readings, cluster, standing, expect):
    unit = standing.catalogue["haproxy"].unit
    dead = {
        name: state
        for name in expect.known(f"hosts with {cluster.vip}", holders(everywhere, cluster), LOOK)
        if (state := systemd.units(readings.reader(cluster.node(name)), [unit])[unit].active) != "active"
    }
    expect("VIP holders on which HAProxy does not run", dead, {}, f"journalctl -u {unit}")


def test_vip_answers(page, standing, expect):
    url = standing.addresses.api("haproxy").url("/")
    answer = page(url)
    expect.that(f"HTTP at {url}", answer.status > 0, seen=answer.text, expected="an answer", look=LOOK)


def test_neighbours_map_the_vip_to_its_holder(reader, node, everywhere, cluster, expect):
    if cluster.network("public").name not in node.addresses:
        pytest.skip("the host reaches the VIP through a router, so it has no neighbour entry for it")
    vip = str(cluster.vip)
    links = everywhere(interfaces.read, service="pacemaker")
    macs = {name: own[interface].mac for name, own in links.items() if (interface := interfaces.holder(own, vip))}
    if node.name in macs:
        return  # a host has no neighbour entry for its own address
    mac = neighbours.read(reader, vip).get(vip, neighbours.Neighbour()).mac
    expect.that(
        f"the MAC address of {vip}",
        mac in macs.values(),
        seen=mac,
        expected=macs,
        look=f"ip neigh show {vip}: does another machine have this address?",
    )
