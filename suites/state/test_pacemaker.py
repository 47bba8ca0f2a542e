"""Pacemaker: all members are in, with quorum; every resource runs where it belongs, and is watched."""

import pytest

from deploy.errors import CommandFailed
from deploy.facts import pacemaker
from deploy.facts.members import most
from deploy.facts.pacemaker import Configuration

pytestmark = pytest.mark.needs("ha")

LOOK = "crm_mon -1 -r -f, journalctl -u corosync -u pacemaker"
PROPERTIES = {"no-quorum-policy": "stop"}
"""What must be set; a minority that goes on is a split brain."""
OWN = {
    "cluster-recheck-interval": "20s",
    "load-threshold": "0%",
    "node-action-limit": "2",
    "start-failure-is-fatal": "false",
    "transition-delay": "100ms",
}
"""What a build sets besides, so that recovery is quick where it is waited for most."""
DEFAULTS = {"maintenance-mode": "false", "stop-all-resources": "false", "symmetric-cluster": "true"}
"""What must be so, set or not."""


def views(everywhere):
    """What the members that answer see; CommandFailed where none does."""
    if seen := [view for view in everywhere(pacemaker.status, service="pacemaker").values() if view.online]:
        return seen
    raise CommandFailed("Pacemaker: no member tells its state", hint=f"{LOOK} on each")


def running(everywhere, name):
    """Where a resource runs, as most members see it."""
    return most((seen.running.get(name, ()) for seen in views(everywhere)), ())


def configuration(everywhere):
    """The CIB, as most members hold it; CommandFailed where none tells."""
    held = most(everywhere(pacemaker.configuration, service="pacemaker").values(), Configuration())
    if held == Configuration():
        raise CommandFailed("Pacemaker: no member tells its configuration", hint=f"{LOOK} on each")
    return held


def test_it_has_quorum(reader, pacemaker_host, expect):
    expect.that("quorum", pacemaker.status(reader).quorum, seen="none", expected="quorum", look=LOOK)


def test_corosync_waits_for_no_other_process(reader, pacemaker_host, expect):
    """On a busy member without it, the token is late, and the others fence a machine that is well."""
    seen = reader.check("ps -o cls= -C corosync || :").split()
    expect("scheduling class of corosync", seen, ["RR"], "chrt -p $(pidof corosync), journalctl -u corosync")


def test_it_is_online(everywhere, pacemaker_host, expect):
    seen = views(everywhere)
    seeing = [pacemaker_host.name in view.online for view in seen]
    expect.that(
        "members that see it online",
        all(seeing),
        seen=f"{sum(seeing)} of {len(seeing)}",
        expected="all",
        look=LOOK,
    )


def test_it_has_the_configuration_of_the_others(everywhere, pacemaker_host, expect):
    held = everywhere(pacemaker.configuration, service="pacemaker")
    expect.that(
        "its CIB",
        held[pacemaker_host.name] == configuration(everywhere),
        seen="another than most members hold, or none",
        expected="the same",
        look="cibadmin --query",
    )


def test_its_unit_is_run_by_pacemaker(everywhere, clone, expect):
    name = configuration(everywhere).of_kind(f"systemd:{clone.name}")
    expect.that(f"unit {clone.name}", bool(name), seen="no resource", expected="a resource", look=LOOK)
    expect.that(
        f"resource {name}",
        clone.node.name in running(everywhere, name),
        seen="not running here",
        expected="running on every member",
        look=LOOK,
    )
    expect.that(
        f"resource {name}",
        not any(name in view.unmanaged for view in views(everywhere)),
        seen="unmanaged, or in maintenance",
        expected="started again when it ends",
        look=f"{LOOK}; crm_resource -r {name}-clone --meta -d maintenance",
    )


def test_no_action_failed(everywhere, pacemaker_host, expect):
    failed = {line for view in views(everywhere) for line in view.failed if f" on {pacemaker_host.name}:" in line}
    expect("failed actions", failed, set(), "crm_mon -1 -f; `pcs resource cleanup` once the cause is gone")


def test_every_resource_is_watched(everywhere, expect):
    blind = [
        name
        for name, resource in configuration(everywhere).resources.items()
        if resource.watched_every in {"", "0", "0s"}
    ]
    expect("resources without a monitor", blind, [], "pcs resource config")


def test_the_vip_runs_beside_haproxy_only(everywhere, cluster, standing, expect):
    seen = configuration(everywhere)
    vip = seen.of_kind("ocf:heartbeat:IPaddr2", ip=str(cluster.vip))
    haproxy = seen.of_kind(f"systemd:{standing.catalogue['haproxy'].unit}")
    found = [
        constraint.says.get("with-rsc", "").removesuffix("-clone")
        for constraint in seen.constraints
        if constraint.kind == "colocation"
        and constraint.says.get("rsc") == vip
        and constraint.says.get("score") == "INFINITY"
    ]
    expect("what the VIP is kept beside", found, [haproxy], "pcs constraint colocation config")


@pytest.mark.own
def test_the_vip_goes_elsewhere_than_to_the_dc(everywhere, cluster, expect):
    """With both on one host, its loss costs an election before anybody moves the VIP."""
    seen = configuration(everywhere)
    vip = seen.of_kind("ocf:heartbeat:IPaddr2", ip=str(cluster.vip))
    found = [
        constraint.says.get("score")
        for constraint in seen.constraints
        if constraint.says.get("rsc") == vip and constraint.where == "#is_dc eq true"
    ]
    expect("what the VIP's place beside the DC scores", found, ["-50"], "cibadmin --query --scope constraints")


def test_nothing_is_pinned_by_hand(everywhere, expect):
    left = [
        constraint.name for constraint in configuration(everywhere).constraints if constraint.name.startswith("cli-")
    ]
    expect("constraints left by move, ban or prefer", left, [], "`pcs resource clear`")


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_is_set(everywhere, name, expect):
    expect(name, configuration(everywhere).properties.get(name), PROPERTIES[name], "pcs property config")


@pytest.mark.own
@pytest.mark.parametrize("name", OWN)
def test_a_property_of_ours_is_set(everywhere, name, expect):
    expect(name, configuration(everywhere).properties.get(name), OWN[name], "pcs property config")


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_property_is_not_changed(everywhere, name, expect):
    expect(name, configuration(everywhere).properties.get(name, DEFAULTS[name]), DEFAULTS[name], "pcs property config")


def test_fencing_is_what_the_inventory_offers(everywhere, cluster, expect):
    seen = configuration(everywhere).properties.get("stonith-enabled", "true")
    told = "off: without a fence device " + ", ".join(cluster.unfenced) if cluster.unfenced else "on: all have a device"
    expect("fencing", {"true": "on", "false": "off"}.get(seen, seen), told.partition(":")[0], f"the inventory: {told}")


@pytest.mark.needs("fencing")
def test_its_fence_device_runs_elsewhere(everywhere, pacemaker_host, expect):
    devices = [
        name
        for name, resource in configuration(everywhere).resources.items()
        if resource.kind.startswith("stonith:")
        and pacemaker_host.name in resource.parameters.get("pcmk_host_list", "").split()
    ]
    where = {node for name in devices for node in running(everywhere, name)}
    expect.that(
        "its fence device",
        bool(where - {pacemaker_host.name}),
        seen=f"on {', '.join(where) or 'no member'}",
        expected="on another member: it could not use its own",
        look=LOOK,
    )
