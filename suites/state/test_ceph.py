"""Ceph: all daemons of one version work together, all data has its copies, and each client may do its own work only."""

import pytest

from deploy import rados
from deploy.facts import ceph, ceph_disks
from deploy.facts.ceph import CephStatus, Monitor

pytestmark = pytest.mark.project("ceph")

LOOK = "ceph status and ceph health detail on a storage node"
SKEW = 0.05
"""Seconds a monitor's clock may be off the leader's: Ceph's own limit (mon_clock_drift_allowed)."""
FULL = 0.75
"""The used share of the disks at which to order more. Ceph warns at 0.85, and at 0.95 nobody may write."""
GIVEN = ("client.admin", "client.bootstrap-", "mgr.", "osd.")
"""How the accounts begin that Ceph or its daemons have; all others are clients of projects."""
SECURE = ("ms_cluster_mode", "ms_service_mode", "ms_client_mode")
BY_MONITORS = ("ms_mon_cluster_mode", "ms_mon_service_mode", "ms_mon_client_mode")


def status(readings, expect):
    """What the monitors tell; red where none of them answers."""
    hosts = readings.members("ceph-mon")
    found = next((each for each in (ceph.status(readings.reader(node)) for node in hosts) if each.health), CephStatus())
    return expect.known("Ceph's status", found, "journalctl -u ceph-mon on the storage nodes")


def test_ceph_is_healthy(readings, expect):
    found = status(readings, expect)
    expect("Ceph's warnings", dict(found.checks), {}, LOOK)
    expect("Ceph's health", found.health, "HEALTH_OK", LOOK)


def test_an_object_is_written_and_read_back(reader, ceph_mon_host, expect):
    expect.that(
        f"a write to the pool {rados.OWN}",
        ceph.writes(reader),
        seen="not acknowledged within 8 s, or not read back",
        expected="acknowledged, and read back",
        look=LOOK,
    )


def test_monitor_is_in_the_quorum_of_all(readings, reader, ceph_mon_host, expect):
    look = "journalctl -u ceph-mon, and ceph daemon mon.HOST mon_status"
    own = ceph.monitor(reader)
    own = expect.known("what the monitor tells of itself", own if own != Monitor() else None, look)
    expect("the monitors in its quorum", sorted(own.quorum), sorted(n.name for n in readings.members("ceph-mon")), look)


def test_manager_is_active(readings, expect):
    found = status(readings, expect)
    expect("a manager that is active", found.managed, True, "journalctl -u ceph-mgr on the storage nodes")


def test_osds_of_the_host_work(reader, ceph_osd_host, standing, expect):
    look = "journalctl -u ceph-osd, and ceph daemon osd.NUMBER status"
    numbers = sorted(folder.number for folder in ceph_disks.folders(reader) if folder.ready)
    states = expect.known("OSDs of the host", ceph.osd_states(reader, numbers), look)
    expect("OSDs that are not active", {n: state for n, state in states.items() if state != "active"}, {}, look)
    expect(
        "the number of its OSDs", len(numbers), len(standing.cluster.disks(ceph_osd_host)), "`disks` of the inventory"
    )


def test_osds_are_up_and_in(readings, expect):
    found = status(readings, expect)
    seen = {"up": found.up, "in": found.inside}
    expect(f"of {found.osds} OSDs", seen, {"up": found.osds, "in": found.osds}, "ceph osd tree on a storage node")


def test_all_data_has_its_copies(readings, expect):
    found = status(readings, expect)
    expect.that(
        f"the {found.groups} placement groups",
        found.clean,
        seen=dict(found.states),
        expected="all of them active+clean",
        look=LOOK,
    )


def test_there_is_room(readings, expect):
    found = status(readings, expect)
    expect.that(
        "the used share of all disks",
        found.used < FULL,
        seen=f"{found.used:.0%}",
        expected=f"less than {FULL:.0%}",
        look="ceph df on a storage node",
    )


def test_pools_have_their_copies_and_placement_groups(readings, standing, expect):
    there = expect.known("the pools", ceph.pools(readings.first("ceph-mon")), LOOK)
    wanted = rados.pools(standing.cluster, standing.catalogue)
    expect(
        "the projects' pools",
        {name: there.get(name) for name in wanted},
        wanted,
        "ceph osd pool ls detail; a build sets them right",
    )


def test_all_daemons_have_one_version(readings, expect):
    found = expect.known("versions", ceph.versions(readings.first("ceph-mon")), "ceph versions on a storage node")
    expect.that(
        "versions of daemons",
        len(found) == 1,
        seen=found,
        expected="one",
        look="ceph versions on a storage node; restart those that an upgrade left running",
    )


def test_clocks_of_the_monitors_agree(readings, expect):
    look = "ceph time-sync-status on a storage node, and chronyc tracking"
    found = expect.known("the monitors' clocks", ceph.skews(readings.first("ceph-mon")), look)
    missing = {node.name for node in readings.members("ceph-mon")} - found.keys()
    expect("monitors whose clocks are not known", missing, set(), look)
    off = {name: f"{seconds:.3f} s" for name, seconds in found.items() if seconds > SKEW}
    expect(f"clocks off the leader's by more than {SKEW} s", off, {}, look)


@pytest.mark.own
def test_each_client_may_do_its_own_work_only(readings, standing, expect):
    look = "ceph auth ls on a storage node; a build sets them right"
    there = expect.known("the accounts", ceph.accounts(readings.first("ceph-mon")), look)
    wanted = rados.accounts(standing.cluster, standing.catalogue, standing.secrets)
    wrong = {
        name: there[name].rights if name in there else "missing" for name in wanted if not alike(there, wanted, name)
    }
    expect("accounts with other rights", wrong, {}, look)
    expect(
        "accounts with other keys than this tool's",
        [name for name in wanted if there[name].key != wanted[name].key],
        [],
        look,
    )
    others = sorted(name for name in there if name not in wanted and not name.startswith(GIVEN))
    expect("accounts that no project has", others, [], "ceph auth rm NAME")


def alike(there, wanted, name):
    """Whether an account has exactly its rights."""
    return name in there and there[name].rights == wanted[name].rights


@pytest.mark.needs("tls")
def test_traffic_is_encrypted(reader, ceph_osd_host, expect):
    number = next((folder.number for folder in ceph_disks.folders(reader) if folder.ready), -1)
    for daemon, names in ((f"osd.{number}", SECURE), (f"mon.{ceph_osd_host.name}", BY_MONITORS)):
        found = expect.known(
            f"settings of {daemon}", ceph.settings(reader, daemon), f"ceph daemon {daemon} config show"
        )
        seen = {name: found.get(name) for name in names}
        expect(f"modes of {daemon}", seen, dict.fromkeys(names, "secure"), "/etc/ceph/ceph.conf; restart the daemon")
