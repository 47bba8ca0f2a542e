"""Pacemaker: all members are online with quorum; every resource runs on its hosts and has a monitor."""

import pytest

from deploy.cib import differences
from deploy.cib.items import SECTIONS
from deploy.errors import CommandFailed
from deploy.facts import pacemaker
from deploy.facts.members import most
from deploy.facts.pacemaker import Configuration

pytestmark = pytest.mark.needs("ha")

LOOK = "crm_mon -1 -r -f, journalctl -u corosync -u pacemaker"
OTHER = "configuration"
"""Stands for any other section, which a later Pacemaker may have."""
PROPERTIES = {"no-quorum-policy": "stop"}
"""Properties that any cluster must set: without quorum, a minority that keeps its resources is a split brain."""
DEFAULTS = {"maintenance-mode": "false", "stop-all-resources": "false", "symmetric-cluster": "true"}
"""Properties whose defaults must not be changed; they need not be set."""


def views(everywhere):
    """The cluster's status as reported by each member that answers; CommandFailed where none does."""
    if found := [view for view in everywhere(pacemaker.status, service="pacemaker").values() if view.online]:
        return found
    raise CommandFailed("Pacemaker: no member reports its state", hint=f"{LOOK} on each member")


def running(everywhere, name):
    """The hosts on which a resource runs, by the majority of members."""
    return most((view.running.get(name, ()) for view in views(everywhere)), ())


def configuration(everywhere):
    """The CIB of the majority of members; CommandFailed where no member answers."""
    held = most(everywhere(pacemaker.configuration, service="pacemaker").values(), Configuration())
    if held == Configuration():
        raise CommandFailed("Pacemaker: no member reports its configuration", hint=f"{LOOK} on each member")
    return held


def test_member_has_quorum(reader, pacemaker_host, expect):
    expect.that("quorum", pacemaker.status(reader).quorum, seen="none", expected="quorum", look=LOOK)


def test_corosync_has_real_time_scheduling(reader, pacemaker_host, expect):
    """Without it, a busy member passes the token late, and the others fence a healthy machine."""
    classes = reader.check("ps -o cls= -C corosync || :").split()
    expect("scheduling class of corosync", classes, ["RR"], "chrt -p $(pidof corosync), journalctl -u corosync")


def test_member_is_online_for_every_member(everywhere, pacemaker_host, expect):
    reports = [pacemaker_host.name in view.online for view in views(everywhere)]
    expect.that(
        "members that report the host as online",
        all(reports),
        seen=f"{sum(reports)} of {len(reports)}",
        expected="all",
        look=LOOK,
    )


def test_member_has_the_common_configuration(everywhere, pacemaker_host, expect):
    held = everywhere(pacemaker.configuration, service="pacemaker")
    expect.that(
        "the member's CIB",
        held[pacemaker_host.name] == configuration(everywhere),
        seen="no CIB, or one that differs from the majority's",
        expected="the majority's CIB",
        look="cibadmin --query",
    )


def test_unit_is_run_by_pacemaker(everywhere, clone, expect):
    name = configuration(everywhere).of_kind(f"systemd:{clone.name}")
    expect.that(f"unit {clone.name}", bool(name), seen="no resource", expected="a resource", look=LOOK)
    expect.that(
        f"resource {name}",
        clone.node.name in running(everywhere, name),
        seen="not running on this host",
        expected="running on every member",
        look=LOOK,
    )
    expect.that(
        f"resource {name}",
        not any(name in view.unmanaged for view in views(everywhere)),
        seen="unmanaged, or in maintenance",
        expected="managed, so that Pacemaker restarts it after a failure",
        look=f"{LOOK}; crm_resource -r {name}-clone --meta -d maintenance",
    )


def test_no_resource_action_failed(everywhere, pacemaker_host, expect):
    failed = {line for view in views(everywhere) for line in view.failed if f" on {pacemaker_host.name}:" in line}
    expect("failed actions", failed, set(), "crm_mon -1 -f; run `pcs resource cleanup` once the cause is mended")


def test_every_resource_has_a_monitor(everywhere, expect):
    without = [
        name
        for name, resource in configuration(everywhere).resources.items()
        if resource.watched_every in {"", "0", "0s"}
    ]
    expect("resources without a monitor", without, [], "pcs resource config")


def test_vip_is_colocated_with_haproxy(everywhere, cluster, standing, expect):
    cib = configuration(everywhere)
    vip = cib.of_kind("ocf:heartbeat:IPaddr2", ip=str(cluster.vip))
    haproxy = cib.of_kind(f"systemd:{standing.catalogue['haproxy'].unit}")
    found = [
        constraint.attributes.get("with-rsc", "").removesuffix("-clone")
        for constraint in cib.constraints
        if constraint.kind == "colocation"
        and constraint.attributes.get("rsc") == vip
        and constraint.attributes.get("score") == "INFINITY"
    ]
    expect("resources with which the VIP must share a host", found, [haproxy], "pcs constraint colocation config")


@pytest.mark.own
@pytest.mark.parametrize("section", [*SECTIONS, OTHER])
def test_configuration_is_what_the_build_set(everywhere, standing, section, expect):
    """Nothing foreign, missing or changed; a value that means the same as none is no difference."""
    found = differences.of_cluster(configuration(everywhere).items, standing.cluster, standing.catalogue)
    expect.that(
        f"differences in {section} of the CIB",
        not (here := [each for each in found if section == (each.section if each.section in SECTIONS else OTHER)]),
        seen=here,
        expected="none",
        look=f"cibadmin --query --scope {section}",
    )


def test_no_constraint_was_set_by_hand(everywhere, expect):
    left = [
        constraint.name for constraint in configuration(everywhere).constraints if constraint.name.startswith("cli-")
    ]
    expect("constraints left by move, ban or prefer", left, [], "`pcs resource clear`")


@pytest.mark.parametrize("name", PROPERTIES)
def test_required_property_is_set(everywhere, name, expect):
    expect(name, configuration(everywhere).properties.get(name), PROPERTIES[name], "pcs property config")


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_property_is_unchanged(everywhere, name, expect):
    expect(name, configuration(everywhere).properties.get(name, DEFAULTS[name]), DEFAULTS[name], "pcs property config")


def test_fencing_matches_the_power_devices_of_the_inventory(everywhere, cluster, expect):
    enabled = configuration(everywhere).properties.get("stonith-enabled", "true")
    wanted, reason = "on", "Pacemaker can switch the power of every controller"
    if cluster.unfenced:
        wanted, reason = "off", f"Pacemaker cannot switch the power of {', '.join(cluster.unfenced)}"
    expect("fencing", {"true": "on", "false": "off"}.get(enabled, enabled), wanted, f"the inventory: {reason}")


@pytest.mark.needs("fencing")
def test_fence_device_runs_on_another_member(everywhere, pacemaker_host, expect):
    devices = [
        name
        for name, resource in configuration(everywhere).resources.items()
        if resource.kind.startswith("stonith:")
        and pacemaker_host.name in resource.parameters.get("pcmk_host_list", "").split()
    ]
    where = {node for name in devices for node in running(everywhere, name)}
    expect.that(
        "the host's fence device",
        bool(where - {pacemaker_host.name}),
        seen=f"on {', '.join(where) or 'no member'}",
        expected="on another member: a host cannot fence itself",
        look=LOOK,
    )
