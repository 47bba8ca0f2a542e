"""What an operator left behind on a host: held packages, routes, overridden units, stopped rotation, debug logging."""

from functools import cache

import pytest

from deploy.catalogue import packages
from deploy.facts import debugging, interfaces, systemd
from deploy.facts.interfaces import Route
from deploy.facts.packages import held
from deploy.found import Found

OTHERS = ("/run/systemd/generator", "50-pacemaker.conf")
"""Parts of the paths of overrides that systemd's generators and Pacemaker write while they run."""


@pytest.mark.own
def test_no_package_of_ours_is_held(reader, node, standing, expect):
    ours = set(packages(standing.catalogue.on(node)))
    kept = [name for name in held(reader, standing.platform.manager.held) if name in ours]
    expect("packages that get no update", kept, [], "apt-mark showhold; apt-mark unhold PACKAGE ends it")


def test_network_is_reached_over_its_own_interface(reader, wire, together, expect):
    """A route to a part of the network, or through a gateway, leads some of the traffic between hosts elsewhere."""
    network = wire.network
    if network.name not in wire.node.addresses:
        pytest.skip("the host has no address on this network, so its owner decides how it reaches the network")
    read = together(
        {"routes": lambda: interfaces.within(reader, network.cidr), "links": lambda: interfaces.read(reader)}
    )
    links, wanted = read["links"], str(network.cidr)
    bridge = links[network.interface].master if network.interface in links else ""
    direct = [Route(wanted, device) for device in (network.interface, bridge) if device]
    expect.that(
        f"routes to {wanted} and to parts of it",
        len(read["routes"]) == 1 and read["routes"][0] in direct,
        seen=read["routes"],
        expected=f"one, over {network.interface} or its bridge, without a gateway",
        look=f"ip route show root {wanted}; ip route delete ROUTE ends it",
    )


@pytest.mark.own
def test_no_unit_is_overridden_by_hand(reader, node, standing, expect):
    """Files of `systemctl edit`, `set-property` and `mask` outlast the reason for which an operator made them."""
    services = standing.catalogue.on(node)
    ours = written(standing, node.name)
    units = {service.unit for service in services if service.unit}
    found = systemd.overrides(reader, units)
    foreign = {
        unit: paths
        for unit in sorted(units)
        if (paths := [path for path in found.get(unit, ("no answer",)) if _is_foreign(path, ours)])
    }
    expect("units with files that are not ours", foreign, {}, "systemctl cat UNIT; systemctl revert UNIT ends it")


@cache  # a check is rehearsed
def written(standing, name):
    """The paths of all files of ours on a node."""
    node = standing.cluster.node(name)
    files = standing.render(node, standing.catalogue.on(node), Found.assumed(standing.cluster))
    return {file.path for file in files}


def _is_foreign(path, ours):
    return path not in ours and not any(part in path for part in OTHERS)


@pytest.mark.own
def test_logs_are_rotated(reader, node, standing, expect):
    timer = standing.platform.names["rotation"]
    state = reader.run("systemctl is-active %s; systemctl is-enabled %s", timer, timer).out.split()
    expect.that(
        timer,
        state == ["active", "enabled"],
        seen=" and ".join(state) or "no answer",
        expected="active and enabled: without it the logs fill the disk",
        look=f"systemctl enable --now {timer}",
    )


@pytest.mark.own
def test_no_service_logs_at_debug_level(reader, node, expect):
    """Debug lines may hold passwords, and fill the disk."""
    expect(
        f"logs with a line of the level DEBUG in the last {debugging.MINUTES} minutes",
        debugging.services(reader),
        [],
        "the service's configuration; a service reads `debug` when it starts or gets SIGHUP",
    )
