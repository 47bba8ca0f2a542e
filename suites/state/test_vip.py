"""VIP: on exactly one host, where Pacemaker put it, beside a living HAProxy; its neighbours agree."""

import pytest

from deploy.facts import interfaces, neighbours, pacemaker
from deploy.facts.members import most
from deploy.facts.pacemaker import Configuration

pytestmark = pytest.mark.needs("ha")

LOOK = "ip address, crm_mon -1"


def holders(everywhere, cluster):
    """The members of Pacemaker whose interfaces have it."""
    return [
        name
        for name, seen in everywhere(interfaces.read, service="pacemaker").items()
        if interfaces.holder(seen, str(cluster.vip))
    ]


def placed(everywhere, cluster):
    """Where Pacemaker runs it, as most members see it."""
    configured = most(everywhere(pacemaker.configuration, service="pacemaker").values(), Configuration())
    name = configured.of_kind("ocf:heartbeat:IPaddr2", ip=str(cluster.vip))
    return most((seen.running.get(name, ()) for seen in everywhere(pacemaker.status, service="pacemaker").values()), ())


def test_exactly_one_controller_has_it(everywhere, cluster, expect):
    seen = holders(everywhere, cluster)
    expect.that(f"hosts with {cluster.vip}", len(seen) == 1, seen=seen, expected="exactly one", look=LOOK)


def test_a_controller_has_it_if_pacemaker_put_it_there(everywhere, cluster, pacemaker_host, expect):
    there = pacemaker_host.name in holders(everywhere, cluster)
    expect(
        f"{cluster.vip} is here",
        there,
        pacemaker_host.name in placed(everywhere, cluster),
        f"{LOOK}: an address set by hand is not Pacemaker's to remove",
    )


def test_it_is_on_the_management_interface(everywhere, cluster, expect):
    seen = everywhere(interfaces.read, service="pacemaker")
    where = {interfaces.holder(links, str(cluster.vip)) for links in seen.values()} - {""}
    expect("interfaces it is on", where, {cluster.management.interface}, LOOK)


def test_a_living_haproxy_is_beside_it(everywhere, readings, cluster, standing, expect):
    unit = standing.catalogue["haproxy"].unit
    dead = {
        name: state
        for name in holders(everywhere, cluster)
        if (state := active(readings.infra(cluster.node(name)), unit)) != "active"
    }
    expect("HAProxy on the hosts that have the VIP", dead, {}, f"journalctl -u {unit}")


def active(host, unit):
    return host.service(f"{unit}.service").systemd_properties["ActiveState"]


def test_somebody_answers_at_it(page, standing, expect):
    url = standing.addresses.api("haproxy").url("/")
    seen = page(url)
    expect.that(f"an answer at {url}", seen.status > 0, seen=seen.text, expected="one", look=LOOK)


def test_its_neighbours_agree_who_has_it(reader, node, everywhere, cluster, expect):
    vip = str(cluster.vip)
    links = everywhere(interfaces.read, service="pacemaker")
    macs = {name: seen[where].mac for name, seen in links.items() if (where := interfaces.holder(seen, vip))}
    if node.name in macs:
        return  # nobody is a neighbour to itself
    seen = neighbours.read(reader, vip)[vip].mac
    expect.that(
        f"the hardware address at {vip}",
        seen in macs.values(),
        seen=seen,
        expected=macs,
        look=f"ip neigh show {vip}: does another machine have this address?",
    )
